"""How a stored picture becomes what people see: with square pixels, mirrored, turned.

Mirroring and turning commute with resizing, so that a small picture may be made first. Source: FFmpeg,
libavutil/display.h (the matrix) and frame.h (sample_aspect_ratio).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.image import Image, resize

MOST_STRETCHED = 4  # times; the most in use is 32:11, half the lines of PAL shown at 16:9
_UNSEEN = Fraction(1, 100)  # nobody sees that much
_MATRIX = struct.Struct("=9i")

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Orientation:
    """What is done to a stored picture, in this order.

    Attributes:
        pixel_aspect: width of a stored pixel to its height. Its shorter side is stretched, so that no detail is lost.
        mirrored: left and right are exchanged.
        turns: by 90 degrees, counter-clockwise, 0 to 3.
    """

    pixel_aspect: Fraction = Fraction(1)
    mirrored: bool = False
    turns: int = 0

    def square(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) that a stored picture of (height, width) has once its pixels are square."""
        height, width = size_px
        if self.pixel_aspect > 1:
            return height, round(width * self.pixel_aspect)
        return round(height / self.pixel_aspect), width

    def shown(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) that people see of a stored picture of (height, width)."""
        height, width = self.square(size_px)
        return (height, width) if self.turns % 2 == 0 else (width, height)

    def apply(self, pixels: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Mirror and turn a picture, and leave the shape of its pixels alone.

        Args:
            pixels: (H, W) or (H, W, channels), of any dtype.

        Returns:
            The same pixels, C-contiguous; (W, H) or (W, H, channels) after one turn or three.
        """
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.turns))

    def with_aspect(self, pixel_aspect: Fraction | None) -> Orientation:
        """Return the same for pixels of another shape; what is unknown, unseen or absurd is taken for square."""
        if pixel_aspect is None or pixel_aspect <= 0 or abs(pixel_aspect - 1) < _UNSEEN:
            return replace(self, pixel_aspect=Fraction(1))
        absurd = max(pixel_aspect, 1 / pixel_aspect) > MOST_STRETCHED
        return replace(self, pixel_aspect=Fraction(1) if absurd else pixel_aspect)

    def describe(self, size_px: tuple[int, int]) -> str:
        """Say what is done to a stored picture of (height, width) beyond turning it; empty where nothing is."""
        said = []
        if self.pixel_aspect != 1:
            height, width = self.square(size_px)
            pixel = f"{self.pixel_aspect.numerator}:{self.pixel_aspect.denominator}"
            said.append(
                f"stretched from {size_px[1]}x{size_px[0]} to {width}x{height} px, for its pixels are {pixel}"
            )
        if self.mirrored:
            said.append("mirrored")
        return " and ".join(said)


@dataclass(frozen=True, slots=True, eq=False)
class OrientedImage:
    """A picture as people see it, of one that is stored otherwise.

    Attributes:
        inner: as it was decoded.
        orientation: what is done to it.
    """

    inner: Image
    orientation: Orientation

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.orientation.shown(self.inner.size_px)

    def rgb(self) -> NDArray[np.uint8]:
        """Return the whole picture."""
        return self.orientation.apply(resize(self.inner.rgb(), self.orientation.square(self.inner.size_px)))

    def fitted(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Return it at another size; pixels become square on the way."""
        stored_px = size_px if self.orientation.turns % 2 == 0 else size_px[::-1]
        return self.orientation.apply(self.inner.fitted(stored_px))

    def luma(self, step: int) -> NDArray[np.uint8]:
        """Return the luma of single pixels, once they are square."""
        luma = self.inner.luma(step)
        for axis, side in enumerate(self.orientation.square(self.inner.size_px)):
            count = -(-side // step)
            luma = luma.take(np.arange(count) * luma.shape[axis] // count, axis)
        return self.orientation.apply(luma)

    def same(self, other: Image) -> bool:
        """Say whether it equals another picture to the last bit."""
        if not isinstance(other, OrientedImage) or self.orientation != other.orientation:
            return False
        return self.inner.same(other.inner)


def from_matrix(matrix: bytes) -> Orientation:
    """Return the orientation that is nearest to a display matrix.

    Args:
        matrix: nine int32 in the machine's order, (a, b, ·, c, d, ·, …); a pixel at (x, y), y downwards, is shown at
            (a·x + c·y, b·x + d·y). Shorter ones change nothing.
    """
    if len(matrix) < _MATRIX.size:
        return Orientation()
    a, b, _, c, d, *_ = _MATRIX.unpack_from(matrix)
    return max(_TRANSFORMS, key=lambda one: one[0] * a + one[1] * b + one[2] * c + one[3] * d)[4]


_TURNED = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
_TRANSFORMS = tuple(  # the first wins where a matrix says nothing
    (-a if mirrored else a, -b if mirrored else b, c, d, Orientation(mirrored=mirrored, turns=turns))
    for mirrored in (False, True)
    for turns, (a, b, c, d) in enumerate(_TURNED)
)
