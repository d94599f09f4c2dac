"""How the head is trained; known without torch, so that `--help` is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the head is trained; the seed fixes initialisation, order and augmentation."""

    steps: int = 400
    batch: int = 24
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    channels: int = 48
    width: int = 64
    seed: int = 0
