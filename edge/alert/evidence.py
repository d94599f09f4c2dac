"""Evidence: the JPEG that shows people what an event saw.

Bits may differ between machines (the JPEG encoder's do), so nothing is derived from them.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FrameError

Box: TypeAlias = tuple[int, int, int, int]


def crop_jpeg(
    pixels: NDArray[np.uint8],
    box_px: Box | None,
    *,
    margin: float = 0.5,
    min_side_px: int = 160,
    max_side_px: int = 640,
    quality: int = 80,
) -> bytes:
    """Cut a box with some surroundings out of a frame, and encode it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box_px: (x0, y0, x1, y1), clipped to the frame; None for the whole frame, as a thumbnail.
        margin: surroundings on each side, in parts of the box's longer side.
        min_side_px: a smaller crop takes in more surroundings, as far as the frame goes.
        max_side_px: a larger crop is made smaller, keeping its aspect ratio.
        quality: JPEG's, 1 … 100.
    Returns:
        A JPEG file.
    Raises:
        FrameError: wrong rank or dtype, an empty picture, a box outside of it.
        ValueError: an argument that makes no sense.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise FrameError(f"expected a picture of (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}")
    if not (margin >= 0 and min_side_px >= 0 and max_side_px >= 1 and 1 <= quality <= 100):
        raise ValueError(
            "expected margin and min_side_px ≥ 0, max_side_px ≥ 1 and quality 1 to 100, got "
            f"{margin}, {min_side_px}, {max_side_px} and {quality}"
        )
    height, width = pixels.shape[:2]
    if box_px is not None:
        x0, y0, x1, y1 = box_px
        if not (x0 < x1 and y0 < y1 and x0 < width and y0 < height and x1 > 0 and y1 > 0):
            raise FrameError(f"expected a box within the picture of {width} x {height} px, got {box_px}")
        around_px = round(margin * max(x1 - x0, y1 - y0))
        left, right = _widen(x0 - around_px, x1 + around_px, min_side_px, width)
        top, bottom = _widen(y0 - around_px, y1 + around_px, min_side_px, height)
        pixels = pixels[top:bottom, left:right]
    return _encode(_shrink(pixels, max_side_px), quality)


def _widen(start: int, end: int, least: int, limit: int) -> tuple[int, int]:
    """Clip a span to 0 … limit, and grow it to `least` around its middle as far as there is room."""
    start, end = max(0, start), min(limit, end)
    length = max(end - start, min(least, limit))
    start = min(max(0, start - (length - (end - start)) // 2), limit - length)
    return start, start + length


def _shrink(pixels: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    ratio = max_side_px / max(height, width)
    if ratio >= 1:
        return pixels
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(pixels: NDArray[np.uint8], quality: int) -> bytes:
    good, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not good:
        raise FrameError(f"cannot encode a picture of {pixels.shape} as JPEG")
    return data.tobytes()
