"""A picture as it came from its camera: fitted to the model from its own format, made RGB as a whole only when asked.

A 1080p picture of full size in RGB costs more than the network; the model sees some 400 rows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FrameError


class Image(Protocol):
    """One picture. It is not changed once it is made; any thread may ask."""

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    def rgb(self) -> NDArray[np.uint8]:
        """Return the whole picture, (H, W, 3) uint8 RGB, C-contiguous; the caller does not change it.

        Raises:
            FrameError: it cannot be converted.
        """
        ...

    def fitted(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Return it at another size, (*size_px, 3) uint8 RGB, the same bits on every machine."""
        ...

    def luma(self, step: int) -> NDArray[np.uint8]:
        """Return the luma, 0 to 255, of every `step`-th pixel of every `step`-th row, (rows, cols) uint8."""
        ...

    def same(self, other: Image) -> bool:
        """Say whether it equals another picture to the last bit."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RgbImage:
    """A picture that is RGB already: a still, a frame of the scene.

    Attributes:
        pixels: (H, W, 3) uint8.
        order: of its channels.

    Raises:
        FrameError: wrong rank, dtype or an empty picture.
    """

    pixels: NDArray[np.uint8]
    order: Literal["RGB", "BGR"] = "RGB"

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise FrameError(f"a frame must be (H, W, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}")

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def rgb(self) -> NDArray[np.uint8]:
        """Return the whole picture."""
        return self._ordered(self.pixels)

    def fitted(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Return it at another size."""
        return self._ordered(resize(np.ascontiguousarray(self.pixels), size_px))

    def luma(self, step: int) -> NDArray[np.uint8]:
        """Return the luma of single pixels."""
        grey = cv2.COLOR_RGB2GRAY if self.order == "RGB" else cv2.COLOR_BGR2GRAY
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(self.pixels[::step, ::step]), grey), np.uint8)

    def same(self, other: Image) -> bool:
        """Say whether it equals another picture to the last bit."""
        return isinstance(other, RgbImage) and self.order == other.order and equal(self.pixels, other.pixels)

    def _ordered(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.order == "BGR":
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        return np.ascontiguousarray(pixels)


def resize(pixels: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize bit-identically everywhere: halve a side while it is twice too large, then one bilinear step.

    Halving an even side with `INTER_LINEAR_EXACT` is the mean of two pixels, so that nothing is skipped.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        size_px: (height, width) of the result.
    Returns:
        (height, width) or (height, width, 3) uint8; `pixels` itself if it has that size.
    """
    while pixels.shape[:2] != size_px:
        height, width = (
            side // 2 if side >= 2 * goal else goal
            for side, goal in zip(pixels.shape[:2], size_px, strict=True)
        )
        smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        pixels = np.asarray(smaller, np.uint8)
    return pixels


def equal(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Compare a few rows first, which nearly always says no."""
    return np.array_equal(one[::64], other[::64]) and np.array_equal(one, other)
