"""Privacy: what of a camera's pictures nobody gets to see, and the only door from a frame to a picture for people.

Whatever is drawn, cut, made smaller or encoded is a `Shown`, and only `Privacy.show` makes one of pixels that came from
a camera. Detection sees the frame as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.mask import Polygon, check
from edge.errors import FrameError
from edge.frame import Box
from edge.image import Image

BLANK = 128  # mid grey: neither smoke nor night
_GROWN_PX = 2  # what was resized, or has less chroma than luma, mixes neighbours


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A picture that people may see: what is private in it is blank.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; not changed once it is here.
    """

    pixels: NDArray[np.uint8]

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]


class Privacy:
    """The private places of one camera.

    Args:
        polygons: in fractions (x, y) of the frame. What one of them encloses is private, holes and crossings too.
    Raises:
        ValueError: as `edge.detect.mask.check`.
    """

    def __init__(self, polygons: Sequence[Polygon] = ()) -> None:
        check(polygons)
        self._polygons = [np.array(polygon, np.float64) for polygon in polygons]

    def show(self, pixels: NDArray[np.uint8]) -> Shown:
        """Blank what is private in a frame.

        Args:
            pixels: (H, W, 3) uint8 RGB, the whole frame at any size; it stays as it is.
        Raises:
            FrameError: wrong rank or dtype, an empty picture.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise FrameError(f"expected a picture of (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}")
        return self._blank(pixels, (pixels.shape[0], pixels.shape[1]))

    def whole(self, image: Image, max_side_px: int) -> Shown:
        """Show a whole frame, made smaller where it is larger.

        Raises:
            FrameError: it cannot be converted.
        """
        height, width = image.size_px
        ratio = min(1.0, max_side_px / max(height, width))
        return self.show(image.fitted((max(1, round(height * ratio)), max(1, round(width * ratio)))))

    def part(self, image: Image, box_px: Box) -> Shown:
        """Show a part of a frame, with all its pixels; the box lies within it.

        Raises:
            FrameError: it cannot be converted.
        """
        x0, y0, x1, y1 = box_px
        return self._blank(np.ascontiguousarray(image.rgb()[y0:y1, x0:x1]), image.size_px, (x0, y0))

    def _blank(
        self, pixels: NDArray[np.uint8], of_px: tuple[int, int], at_px: tuple[int, int] = (0, 0)
    ) -> Shown:
        """Blank what is private in a part of a picture.

        Args:
            pixels: (H, W, 3) of the part.
            of_px: (height, width) of the picture.
            at_px: (x, y) where the part begins in it.
        """
        if not self._polygons:
            return Shown(pixels)
        (x, y), (height, width) = at_px, pixels.shape[:2]
        private = self._private(of_px)[y : y + height, x : x + width, None]
        return Shown(np.where(private, np.uint8(BLANK), pixels))

    def _private(self, size_px: tuple[int, int]) -> NDArray[np.bool_]:
        """Return (H, W): which pixels of a picture a polygon touches or encloses, and those close to them."""
        private = np.zeros(size_px, np.uint8)
        last = size_px[1] - 1, size_px[0] - 1
        for polygon in self._polygons:
            one = np.zeros_like(private)
            points = np.minimum(np.rint(polygon * size_px[::-1]), last)
            cv2.fillPoly(one, [points.astype(np.int32)], (1,))
            outlines, _ = cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(private, outlines, -1, (1,), cv2.FILLED)
        side = 2 * _GROWN_PX + 1
        return np.asarray(cv2.dilate(private, np.ones((side, side), np.uint8)) != 0)


PUBLIC = Privacy()  # of pictures that are no tower's: data sets, scenes
