"""The border between sky and land in one picture: the best way from its left edge to its right one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 60, 80  # of the picture that is looked at

_BORDER = 3  # rows on either side that are compared; so near to the picture's edges there is none
_DROP_MOST, _BEYOND = 30.0, 0.25  # grey levels; what is beyond counts so much
_GRADIENT_MOST = 20.0  # grey levels; more counts no more
_TEXTURE = 0.1  # grey levels of drop that a grey level of gradient above the border costs
_STEPS, _STEP_COST = np.arange(-4, 5), 1.5  # rows from a column to the next; grey levels that a row costs
_DROP, _DARKER = 10.0, 12.0  # grey levels, at the border, and of all below it against all above it
_SMOOTH = 8.0  # grey levels of gradient a pixel in the sky, at most; and no more than in the land
_OFF, _AROUND = 2.0, 15  # rows from the median of so many columns around
_SPREAD = 0.15  # of the height, from the median of all that are sure
_SURE = 0.6  # of all columns

Floats = NDArray[np.float32]


def find(mean: Floats) -> Floats | None:
    """Find it in a picture, or the mean of some.

    The way from the left edge to the right one on which a bright half above meets a dark one below, with little
    gradient between it and the top: the best of all ways, by dynamic programming.

    Args:
        mean: (ROWS, COLUMNS) float32, luma 0 to 255.
    Returns:
        (COLUMNS,) float32, fractions of the height from the top, NaN in columns where it is not sure; None where it is
        in too few, as in fog, by night, in a room.
    Source: ours.
    """
    smooth = np.asarray(cv2.GaussianBlur(mean, (3, 3), 0), np.float32)
    below = _sums(np.pad(smooth, ((_BORDER, _BORDER), (0, 0)), mode="edge"))
    inner = below[_BORDER : _BORDER + ROWS] * 2 - below[:ROWS] - below[2 * _BORDER : 2 * _BORDER + ROWS]
    drop = inner / _BORDER  # of the rows above a border less those below it
    gradient = np.abs(np.diff(smooth, axis=0, prepend=smooth[:1]))
    gradient += np.abs(np.diff(smooth, axis=1, prepend=smooth[:, :1]))
    texture, light = _sums(np.minimum(gradient, _GRADIENT_MOST)), _sums(smooth)
    strong = np.minimum(drop, _DROP_MOST) + _BEYOND * np.maximum(drop - _DROP_MOST, 0)
    gain = strong - _TEXTURE * np.pad(texture, ((_BORDER, 0), (0, 0)))[:ROWS]
    gain[:_BORDER] = gain[-_BORDER:] = -1e3
    rows = _way(gain)
    at = rows, np.arange(COLUMNS)
    over, under = np.maximum(rows, 1), ROWS - rows
    sky = texture[rows - _BORDER, at[1]] / over
    land = (texture[-1] - texture[at]) / under
    darker = light[at] / over - (light[-1] - light[at]) / under
    around = np.pad(rows, _AROUND // 2, mode="edge")
    off = np.abs(rows - np.median(np.lib.stride_tricks.sliding_window_view(around, _AROUND), axis=1))
    sure = (drop[at] >= _DROP) & (darker >= _DARKER) & (sky <= np.minimum(_SMOOTH, land)) & (off <= _OFF)
    sure &= np.abs(rows - np.median(rows[sure] if sure.any() else rows)) <= _SPREAD * ROWS
    if sure.mean() < _SURE:
        return None
    return np.where(sure, rows / ROWS, np.nan).astype(np.float32)


def _sums(values: Floats) -> Floats:
    """Return (rows + 1, cols): of each column the sum of the rows above."""
    return np.pad(np.cumsum(values, axis=0), ((1, 0), (0, 0))).astype(np.float32)


def _way(gain: Floats) -> NDArray[np.intp]:
    """Return the row in each column of the way that gains most."""
    rows, cols = gain.shape
    best, back = gain[:, 0], np.zeros((rows, cols), np.intp)
    for col in range(1, cols):
        padded = np.pad(best, len(_STEPS) // 2, constant_values=-1e9)
        ways = np.lib.stride_tricks.sliding_window_view(padded, len(_STEPS)) - _STEP_COST * np.abs(_STEPS)
        chosen = ways.argmax(axis=1)
        back[:, col] = np.arange(rows) + _STEPS[chosen]
        best = ways[np.arange(rows), chosen] + gain[:, col]
    way = np.empty(cols, np.intp)
    way[-1] = best.argmax()
    for col in range(cols - 1, 0, -1):
        way[col - 1] = back[way[col], col]
    return way
