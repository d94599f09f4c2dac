"""Pictures of luma and chroma, as decoders and camera programs give them: resized plane by plane, then made RGB.

What the model sees is computed in whole numbers by OpenCV and numpy, so it has the same bits on every machine.
Matrices and ranges: ITU-T H.273, tables 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.image import Image, equal, resize

BT601 = (0.299, 0.114)  # share of red and of blue in the luma
BT709 = (0.2126, 0.0722)
_FRACTION_BITS = 5  # the largest sum of contributions, some 540, then fits into 16 bits
_BLOCK_PX = 120_000  # of 16 bits: each call costs, and what is between should stay in the cache

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PlanarImage:
    """A picture of 8 bits a sample.

    Attributes:
        planes: Y (H, W); U and V of any size, each (h, w) or as pairs (h, w, 2); none for grey.
        shares: of red and of blue in the luma.
        full_range: whether luma uses 0 to 255, not 16 to 235.
    """

    planes: tuple[Plane, ...]
    shares: tuple[float, float]
    full_range: bool

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.planes[0].shape[0], self.planes[0].shape[1]

    def rgb(self) -> NDArray[np.uint8]:
        """Return the whole picture."""
        return self.fitted(self.size_px)

    def fitted(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """Return it at another size."""
        sized = [resize(plane, size_px) for plane in self.planes]
        return _to_rgb(_single(sized), _table(self.shares, self.full_range))

    def luma(self, step: int) -> NDArray[np.uint8]:
        """Return the luma of single pixels."""
        luma = np.ascontiguousarray(self.planes[0][::step, ::step])
        return luma if self.full_range else _to_bytes(_look_up(luma, _table(self.shares, full_range=False).y))

    def same(self, other: Image) -> bool:
        """Say whether it equals another picture to the last bit."""
        return (
            isinstance(other, PlanarImage)
            and (self.shares, self.full_range) == (other.shares, other.full_range)
            and len(self.planes) == len(other.planes)
            and all(equal(one, two) for one, two in zip(self.planes, other.planes, strict=True))
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """What each value of a plane adds to a channel, (256,) int16 in 1/32; luma's has half a step more, to round."""

    y: NDArray[np.int16]
    u_green: NDArray[np.int16]
    u_blue: NDArray[np.int16]
    v_red: NDArray[np.int16]
    v_green: NDArray[np.int16]


@lru_cache(maxsize=8)
def _table(shares: tuple[float, float], full_range: bool) -> _Table:  # noqa: FBT001 — the cache's key
    red, blue = shares
    green = 1 - red - blue
    value = np.arange(256, dtype=np.float64)
    y = value if full_range else (value - 16) * (255 / 219)
    chroma = (value - 128) * (1 if full_range else 255 / 224)
    return _Table(
        y=_stored(y + 0.5),
        u_green=_stored(chroma * -2 * blue * (1 - blue) / green),
        u_blue=_stored(chroma * 2 * (1 - blue)),
        v_red=_stored(chroma * 2 * (1 - red)),
        v_green=_stored(chroma * -2 * red * (1 - red) / green),
    )


def _stored(contribution: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.rint(contribution * (1 << _FRACTION_BITS)).astype(np.int16)


def _single(planes: Sequence[Plane]) -> Sequence[Plane]:
    """Take pairs apart, which is the less work the smaller they are."""
    luma, *chroma = planes
    if len(chroma) == 1:
        chroma = [np.asarray(plane, np.uint8) for plane in cv2.split(chroma[0])]
    return [luma, *chroma]


def _to_rgb(planes: Sequence[Plane], table: _Table) -> NDArray[np.uint8]:
    """Convert planes of one size, some rows at a time, so that what is between stays in the cache."""
    height, width = planes[0].shape
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BLOCK_PX // width)
    for start in range(0, height, rows):
        luma, *chroma = (plane[start : start + rows] for plane in planes)
        y = _look_up(luma, table.y)
        if chroma:
            u, v = chroma
            red, blue = _look_up(v, table.v_red), _look_up(u, table.u_blue)
            green = _look_up(u, table.u_green)
            green += _look_up(v, table.v_green)
            channels = [_to_bytes(np.add(channel, y, out=channel)) for channel in (red, green, blue)]
        else:
            channels = [_to_bytes(y)] * 3
        cv2.merge(channels, dst=rgb[start : start + rows])
    return rgb


def _look_up(plane: Plane, table: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.asarray(cv2.LUT(plane, table), np.int16)


def _to_bytes(channel: NDArray[np.int16]) -> Plane:
    channel >>= _FRACTION_BITS
    return np.clip(channel, 0, 255, out=channel).astype(np.uint8)
