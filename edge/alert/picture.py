"""Pictures for people: the JPEG that shows what an event saw, and what a model makes of a frame, drawn on it.

Bits may differ between machines (the JPEG encoder's do), so nothing is derived from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FrameError
from edge.frame import Box
from edge.model.manifest import Threshold

_OPEN = np.array((230, 30, 30), np.float32)  # RGB: what opens a region
_KEEP = np.array((255, 190, 0), np.float32)  # and what one reaches out to
_BOX = (0, 255, 255)
_MOST_OPAQUE = 0.6


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
    _check(pixels)
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


def draw(
    pixels: NDArray[np.uint8],
    *,
    scores: NDArray[np.float32] | None = None,
    kind: Literal["logits", "probabilities"] = "logits",
    threshold: Threshold | None = None,
    area_px: Box | None = None,
    boxes_px: Sequence[Box] = (),
) -> NDArray[np.uint8]:
    """Lay the score map of one class and boxes over a frame.

    A cell is the more opaque the more probable it is. With a threshold, cells below `keep` are left clear, those up
    to `open` are amber and the others red; without one all are red.

    Args:
        pixels: (H, W, 3) uint8 RGB; it stays as it is.
        scores: (rows, cols) float; None draws boxes alone.
        kind: of the scores and of the threshold; logits are those of a sigmoid.
        threshold: the class's own.
        area_px: where the map lies, (x0, y0, x1, y1); a letterboxed one reaches beyond the frame. None: the frame.
        boxes_px: (x0, y0, x1, y1), ends excluded; what is outside of the frame is not drawn.
    Returns:
        (H, W, 3) uint8 RGB, a new one.
    Raises:
        FrameError: a wrong picture; a map of the wrong rank, empty or not finite; an empty area.
    """
    _check(pixels)
    drawn = pixels.copy()
    if scores is not None:
        height, width = pixels.shape[:2]
        _check_map(scores, area := (0, 0, width, height) if area_px is None else area_px)
        x0, y0, x1, y1 = area
        rows, visible_y = _cells(height, y0, y1, scores.shape[0])
        cols, visible_x = _cells(width, x0, x1, scores.shape[1])
        colour, opacity = _tint(scores, kind, threshold)
        shown = opacity[rows][:, cols] * (visible_y[:, None] & visible_x[None, :])
        tinted = pixels + (colour[rows][:, cols] - pixels) * shown[:, :, None]
        drawn = np.rint(tinted).astype(np.uint8)
    thickness = max(1, round(max(pixels.shape) / 400))
    for left, top, right, bottom in boxes_px:
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), _BOX, thickness)
    return drawn


def _check(pixels: NDArray[np.uint8]) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise FrameError(f"expected a picture of (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}")


def _check_map(scores: NDArray[np.float32], area: Box) -> None:
    if scores.ndim != 2 or not scores.size or not np.isfinite(scores).all():
        raise FrameError(f"expected a map of (rows, cols) finite scores, got {scores.shape}")
    if not (area[0] < area[2] and area[1] < area[3]):
        raise FrameError(f"expected an area of the picture, got {area}")


def _cells(
    length_px: int, start_px: int, end_px: int, count: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the cell of each pixel along one side, and whether it lies on the map at all."""
    cell = np.floor((np.arange(length_px) + 0.5 - start_px) * count / (end_px - start_px)).astype(np.intp)
    return cell.clip(0, count - 1), (cell >= 0) & (cell < count)


def _tint(
    scores: NDArray[np.float32], kind: Literal["logits", "probabilities"], threshold: Threshold | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the colour of each cell, (rows, cols, 3), and its opacity, (rows, cols)."""
    likely = scores.clip(0, 1) if kind == "probabilities" else 1 / (1 + np.exp(-scores.clip(-80, 80)))
    opacity = np.asarray(_MOST_OPAQUE * likely, np.float32)
    if threshold is None:
        return np.broadcast_to(_OPEN, (*scores.shape, 3)), opacity
    colour = np.where((scores >= threshold.open)[:, :, None], _OPEN, _KEEP)
    return colour, np.where(scores >= threshold.keep, opacity, np.float32(0))


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
