"""Masks: the cells of a score map that may never open an event.

A camera's mask is a list of polygons in fractions of its frame, so that it survives a change of resolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Polygon: TypeAlias = Sequence[tuple[float, float]]

WHOLE = (0.0, 0.0, 1.0, 1.0)


def check(polygons: Sequence[Polygon]) -> None:
    """Check the polygons of one camera.

    Args:
        polygons: each a list of (x, y), 0 … 1 from the frame's left upper corner.
    Raises:
        ValueError: fewer than three points, or a coordinate outside of 0 … 1; the message starts with the
            place in the list, `[0][2]: …`.
    """
    for number, polygon in enumerate(polygons):
        if len(polygon) < 3:
            raise ValueError(f"[{number}]: a polygon needs three points or more, got {len(polygon)}")
        for index, (x, y) in enumerate(polygon):
            if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(
                    f"[{number}][{index}]: expected (x, y) as fractions of the frame, 0 to 1, got ({x}, {y})"
                )


def blocked_cells(
    polygons: Sequence[Polygon],
    grid: tuple[int, int],
    content: tuple[float, float, float, float] = WHOLE,
) -> NDArray[np.bool_]:
    """Say which cells are masked: those whose centre lies in a polygon or outside of the picture.

    Args:
        polygons: in fractions of the source frame; a polygon that crosses itself follows the even-odd rule.
        grid: (rows, cols) of the score map, which covers the whole model input.
        content: (x0, y0, x1, y1), where the picture lies in the model input, as fractions of it; what is
            outside are a letterbox's bars.
    Returns:
        (rows, cols), True where blocked.
    Raises:
        ValueError: as `check`; an empty grid; an empty or not finite `content`.
    """
    check(polygons)
    rows, cols = grid
    x0, y0, x1, y1 = content
    if rows < 1 or cols < 1:
        raise ValueError(f"expected a grid of at least one cell, got {rows} x {cols}")
    if not (all(map(math.isfinite, content)) and x0 < x1 and y0 < y1):
        raise ValueError(f"expected the picture's place as x0 < x1, y0 < y1, got {content}")
    x = ((np.arange(cols) + 0.5) / cols - x0) / (x1 - x0)
    y = ((np.arange(rows) + 0.5) / rows - y0) / (y1 - y0)
    outside = ((x < 0) | (x > 1))[None, :] | ((y < 0) | (y > 1))[:, None]
    blocked = np.broadcast_to(outside, grid).copy()
    for polygon in polygons:
        blocked |= _inside(polygon, x[None, :], y[:, None])
    return blocked


def _inside(polygon: Polygon, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Even-odd rule: count the edges that a ray to the right of each point crosses."""
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside
