"""Distillation, for any experiment: losses, soft labels, the loop, the optimizers."""
