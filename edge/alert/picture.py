"""Pictures for people: a part of a frame, and what a model makes of it, drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.alert.privacy import Shown
from edge.errors import FrameError
from edge.frame import Box
from edge.model.manifest import Threshold

_OPEN = np.array((230, 30, 30), np.float32)  # RGB: what opens a region
_KEEP = np.array((255, 190, 0), np.float32)  # and what one reaches out to
_BOX = (0, 255, 255)
_MOST_OPAQUE = 0.6


def around(size_px: tuple[int, int], box_px: Box, *, margin: float, min_side_px: int) -> Box:
    """Return a box with some surroundings, within the picture.

    Args:
        size_px: (height, width) of the picture.
        box_px: (x0, y0, x1, y1); what lies outside of the picture is left out.
        margin: surroundings on each side, in parts of the box's longer side.
        min_side_px: a smaller box takes in more surroundings, as far as the picture goes.
    Raises:
        FrameError: a box outside of the picture.
        ValueError: an argument that makes no sense.
    """
    if not (margin >= 0 and min_side_px >= 0):
        raise ValueError(f"expected margin and min_side_px ≥ 0, got {margin} and {min_side_px}")
    (height, width), (x0, y0, x1, y1) = size_px, box_px
    if not (x0 < x1 and y0 < y1 and x0 < width and y0 < height and x1 > 0 and y1 > 0):
        raise FrameError(f"expected a box within the picture of {width} x {height} px, got {box_px}")
    around_px = round(margin * max(x1 - x0, y1 - y0))
    left, right = _widen(x0 - around_px, x1 + around_px, min_side_px, width)
    top, bottom = _widen(y0 - around_px, y1 + around_px, min_side_px, height)
    return left, top, right, bottom


def cut(shown: Shown, box_px: Box) -> Shown:
    """Cut a box out of a picture; it lies within it."""
    x0, y0, x1, y1 = box_px
    return replace(shown, pixels=np.ascontiguousarray(shown.pixels[y0:y1, x0:x1]))


def shrink(shown: Shown, max_side_px: int) -> Shown:
    """Make a larger picture smaller, keeping its aspect ratio.

    Raises:
        ValueError: a side below 1.
    """
    if max_side_px < 1:
        raise ValueError(f"expected max_side_px ≥ 1, got {max_side_px}")
    height, width = shown.size_px
    ratio = max_side_px / max(height, width)
    if ratio >= 1:
        return shown
    return resize(shown, (max(1, round(height * ratio)), max(1, round(width * ratio))))


def resize(shown: Shown, size_px: tuple[int, int]) -> Shown:
    """Give a picture another (height, width)."""
    if shown.size_px == size_px:
        return shown
    way = cv2.INTER_AREA if size_px < shown.size_px else cv2.INTER_LINEAR
    return replace(
        shown, pixels=np.asarray(cv2.resize(shown.pixels, size_px[::-1], interpolation=way), np.uint8)
    )


def draw(
    shown: Shown,
    *,
    scores: NDArray[np.float32] | None = None,
    kind: Literal["logits", "probabilities"] = "logits",
    threshold: Threshold | None = None,
    area_px: Box | None = None,
    boxes_px: Sequence[Box] = (),
) -> Shown:
    """Lay the score map of one class and boxes over a frame.

    A cell is the more opaque the more probable it is. With a threshold, cells below `keep` are left clear, those up
    to `open` are amber and the others red; without one all are red.

    Args:
        shown: it stays as it is.
        scores: (rows, cols) float; None draws boxes alone.
        kind: of the scores and of the threshold; logits are those of a sigmoid.
        threshold: the class's own.
        area_px: where the map lies, (x0, y0, x1, y1); a letterboxed one reaches beyond the frame. None: the frame.
        boxes_px: (x0, y0, x1, y1), ends excluded; what is outside of the frame is not drawn.
    Returns:
        A new one.
    Raises:
        FrameError: a map of the wrong rank, empty or not finite; an empty area.
    """
    pixels = shown.pixels
    drawn = pixels.copy()
    if scores is not None:
        height, width = pixels.shape[:2]
        _check_map(scores, area := (0, 0, width, height) if area_px is None else area_px)
        x0, y0, x1, y1 = area
        rows, visible_y = _cells(height, y0, y1, scores.shape[0])
        cols, visible_x = _cells(width, x0, x1, scores.shape[1])
        colour, opacity = _tint(scores, kind, threshold)
        opaque = opacity[rows][:, cols] * (visible_y[:, None] & visible_x[None, :])
        tinted = pixels + (colour[rows][:, cols] - pixels) * opaque[:, :, None]
        drawn = np.rint(tinted).astype(np.uint8)
    thickness = max(1, round(max(pixels.shape) / 400))
    for left, top, right, bottom in boxes_px:
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), _BOX, thickness)
    return replace(shown, pixels=drawn)


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
