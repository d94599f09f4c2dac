"""The shapes of the ResNets that have a name, known without torch, so that recipes can be read without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stem = Literal["full", "strided"]  # a 3×3 convolution of stride 1 or 2, no max-pool


@dataclass(frozen=True, slots=True)
class Shape:
    """Blocks a stage, channels of the first stage, and how many times wider a block's end is than its inside."""

    blocks: tuple[int, int, int, int]
    width: int = 64
    expansion: Literal[1, 4] = 1


SHAPES = {
    "resnet10-narrow": Shape((1, 1, 1, 1), 16),
    "resnet18": Shape((2, 2, 2, 2)),
    "resnet18-wide": Shape((2, 2, 2, 2), 128),
    "resnet34": Shape((3, 4, 6, 3)),
    "resnet50": Shape((3, 4, 6, 3), expansion=4),
    "resnet152": Shape((3, 8, 36, 3), expansion=4),
}
