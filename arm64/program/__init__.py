"""Programs that run on both sides, natively and in the emulated userland."""
