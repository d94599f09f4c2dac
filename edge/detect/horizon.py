"""The horizon of one camera, found in its own pictures: per column the border between sky and land.

Where it is not sure (fog, night, a room, no sky in the picture) it is None, and nothing follows from it.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.border import COLUMNS, ROWS, find
from edge.image import Image
from edge.model.horizon import HorizonRule

PICTURES = 10  # in the mean that a line is found in: clouds pass, land stays
SPACING_S = 30.0  # between two of them
REFRESH_S = 3600.0  # from a mean to the next, once a line is known
LOOKS = 6  # means in a row in which none is found, after which a line is forgotten

_WIDTH = 160  # pixels of a row that are looked at, at least; of more, less than twice as many
_BRIGHT = 50.0  # mean luma; a darker picture does not count
_APART = 0.05  # of the height; lines of one view that are so far apart are wrong
_WEIGHT = np.float32(0.25)  # of a new line

Floats = NDArray[np.float32]


class Horizon:
    """Finds the horizon of one view, and looks again from time to time.

    Attributes:
        line: (COLUMNS,) float32, fractions of the picture's height from its top, NaN where it is not sure; None where
            no horizon is known.
    """

    def __init__(self) -> None:
        self.line: Floats | None = None
        self._mean = np.zeros((ROWS, COLUMNS), np.float32)
        self._pictures = self._missed = 0
        self._next_s = -np.inf

    def due(self, model_s: float) -> bool:
        """Say whether a picture is wanted; after a jump back in time none is until its own time comes again."""
        return model_s >= self._next_s

    def see(self, image: Image, model_s: float) -> None:
        """Look at a picture where one is due."""
        if self.due(model_s):
            self.look(image.luma(max(1, image.size_px[1] // _WIDTH)), model_s)

    def look(self, luma: NDArray[np.uint8], model_s: float) -> None:
        """Take a picture in; the last of a mean gives a line.

        Args:
            luma: (H, W) uint8, 0 to 255; some hundred columns are enough.
            model_s: model time.
        """
        self._next_s = model_s + SPACING_S
        small = cv2.resize(luma, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
        if small.mean() < _BRIGHT:
            return
        self._pictures += 1
        self._mean = self._mean + (small - self._mean) / np.float32(self._pictures)
        if self._pictures == PICTURES:
            self._pictures = 0
            self._settle(find(self._mean))
            if self.line is not None:
                self._next_s = model_s + REFRESH_S

    def _settle(self, found: Floats | None) -> None:
        """Go a quarter of the way to a new line; two that are far apart are none.

        Fog hides a line and moves none; one that is hidden for LOOKS means is forgotten.
        """
        self._missed = self._missed + 1 if found is None else 0
        if self.line is None or found is None:
            self.line = found if self.line is None or self._missed >= LOOKS else self.line
            return
        off = np.abs(found - self.line)
        off = off[~np.isnan(off)]
        if not len(off) or np.median(off) > _APART:
            self.line = None
            return
        known = np.where(np.isnan(self.line), found, self.line)
        self.line = np.where(np.isnan(found), known, known + (found - known) * _WEIGHT).astype(np.float32)


def lift(
    line: Floats, rule: HorizonRule, grid: tuple[int, int], content: tuple[float, float, float, float]
) -> Floats:
    """Return (rows, cols) float32 logits by which thresholds rise: 0 near the horizon and where it is not sure.

    Args:
        line: as `Horizon.line`.
        rule: of the manifest.
        grid: (rows, cols) of the score map, which covers the whole model input.
        content: (x0, y0, x1, y1), where the picture lies in the model input, as fractions of it.
    """
    rows, cols = grid
    x0, y0, x1, y1 = content
    edges = (np.arange(cols + 1) / cols - x0) / (x1 - x0) * COLUMNS
    row = np.arange(rows)[:, None]
    raised = np.zeros(grid, np.float32)
    for col, (left, right) in enumerate(itertools.pairwise(edges)):
        own = line[max(0, int(np.floor(left + 1e-6))) : max(0, int(np.ceil(right - 1e-6)))]
        own = own[~np.isnan(own)]
        if len(own):
            high, low = ((y0 + y * (y1 - y0)) * rows for y in (own.min(), own.max()))
            far = (row + 1 + rule.above <= high) | (row - rule.below >= low)
            raised[far[:, 0], col] = rule.rise
    return raised
