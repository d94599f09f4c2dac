"""The student that learns from a pool of sequences: its head, the same head quantized, the exported graph."""
