"""Whether a camera shows the same picture again: to the last bit, or but for a small part such as a burnt-in clock.

A live picture changes everywhere: its sensor has noise, and light drifts. A picture that is encoded anew loses other
details each time, where it has some, but keeps its light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.image import Image

SAMPLES_PX = 320  # about so many a row; single pixels, since means would hide the noise
CELLS = (32, 20)  # (columns, rows)
SMALL_PART = 0.15  # of the cells may change at will
STILL_LUMA = 0.55  # of 255; benchmarks/frozen.py says how far real cameras and frozen ones are from it


@dataclass(frozen=True, slots=True)
class Run:
    """How often the picture was seen in a row, itself included.

    Attributes:
        identical: to the last bit.
        still: but for a small part. Where two pictures take turns, both count.
    """

    identical: int
    still: int


class Repeats:
    """Compares the pictures of one camera in turn.

    A picture is held against the first of its run, not the one before, so that what changes slowly adds up.
    """

    def __init__(self) -> None:
        self._last: Image | None = None
        self._identical = 0
        self._firsts: tuple[NDArray[np.uint8], ...] = ()  # samples of the last two pictures that were new
        self._still = 0

    def see(self, image: Image) -> Run:
        """Take the next picture in; it is kept, in its own format."""
        same = self._last is not None and image.same(self._last)
        self._identical = self._identical + 1 if same else 1
        self._last = image
        sample = sample_of(image)
        if any(difference(sample, first) <= STILL_LUMA for first in self._firsts):
            self._still += 1
        else:
            self._firsts = (*self._firsts[-1:], sample)
            self._still = 1
        return Run(self._identical, self._still)


def sample_of(image: Image) -> NDArray[np.uint8]:
    """Return the luma of every n-th pixel of every n-th row."""
    return image.luma(max(1, round(image.size_px[1] / SAMPLES_PX)))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return how much two samples differ, 0 to 255, but for the small part where they differ most.

    It is the geometric mean of two things: how much pixels change in a cell, and how much its mean does. Noise and
    light change both, an encoder mostly the first.
    """
    if one.shape != other.shape:
        return 255.0
    change = np.asarray(cv2.subtract(one, other, dtype=cv2.CV_32F), np.float32)
    return float(np.sqrt(_outside(np.abs(change)) * _outside(change)))


def _outside(change: NDArray[np.float32]) -> float:
    """Return the largest absolute mean of a cell outside the small part."""
    cells = np.abs(cv2.resize(change, CELLS, interpolation=cv2.INTER_AREA)).ravel()
    index = round(cells.size * (1 - SMALL_PART)) - 1
    return float(np.partition(cells, index)[index])
