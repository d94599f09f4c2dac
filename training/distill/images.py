"""Labelled images in memory, and how a network reads their pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Scale:
    """How a pixel becomes what the network reads: (pixel − zero) / unit.

    Attributes:
        zero: the pixel that is read as 0.
        unit: pixels for each 1.
    """

    zero: int
    unit: int

    @property
    def ends(self) -> tuple[float, float]:
        """What the pixels 0 and 255 are read as."""
        return (0 - self.zero) / self.unit, (255 - self.zero) / self.unit


@dataclass(frozen=True, slots=True)
class Images:
    """Some labelled square images.

    Attributes:
        pixels: (N, 3, side, side) uint8 RGB, channels last in memory.
        labels: (N,) int64.
        sha256: over the images' digests and labels, in order.
        scale: how a network reads them.
    """

    pixels: Tensor
    labels: Tensor
    sha256: str
    scale: Scale

    def __len__(self) -> int:
        return len(self.labels)

    def frames(self) -> list[NDArray[np.uint8]]:
        """Return them one by one as a device sees them, (side, side, 3) uint8 RGB."""
        return [image.permute(1, 2, 0).contiguous().numpy() for image in self.pixels]

    def none(self) -> Images:
        """Return no images."""
        return Images(self.pixels[:0], self.labels[:0], hashlib.sha256().hexdigest(), self.scale)


def joined(parts: tuple[Images, ...]) -> Images:
    """Return the images of all parts, in order; they are read alike."""
    sha256 = hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    pixels = torch.cat([part.pixels.permute(0, 2, 3, 1) for part in parts]).permute(0, 3, 1, 2)
    return Images(pixels, torch.cat([part.labels for part in parts]), sha256, parts[0].scale)


def check_apart(some: Images, others: Images) -> None:
    """Check that two splits share no image.

    Raises:
        ValueError: they do.
    """
    shared = {bytes(image) for image in _rows(some)} & {bytes(image) for image in _rows(others)}
    if shared:
        raise ValueError(f"{len(shared)} images are in both splits; they must not meet")


def _rows(images: Images) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = images.pixels.permute(0, 2, 3, 1).reshape(len(images), -1).numpy()
    return array
