"""A memory of the hour as bytes: BYTES_MOST at most, whatever it holds; what is damaged is refused as a whole."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edge.model.memory import MemoryRule

SLOTS = 48  # of a day
CELLS_MOST = 1200
BYTES_MOST = 200_000
_MAGIC = b"FTH1"
_HEAD = struct.Struct("<4s16sHH")  # magic, what it belongs to, rows, cols
_DAY = struct.Struct("<H")  # since 1970 UTC, before the cells
_NEVER = 15  # days


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of the days before; (SLOTS, rows, cols) each.

    Attributes:
        rise: uint8, 0: never; else 1 and the rise in steps.
        rise_day: uint16, days since 1970 UTC of it.
        minutes: uint8, how long a region lasted at most.
        minutes_day: uint16, as `rise_day`.
    """

    rise: NDArray[np.uint8]
    rise_day: NDArray[np.uint16]
    minutes: NDArray[np.uint8]
    minutes_day: NDArray[np.uint16]

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Self:
        """Return nothing, of (rows, cols)."""
        full = (SLOTS, *shape)
        return cls(
            np.zeros(full, np.uint8), np.zeros(full, np.uint16), np.zeros(full, np.uint8), np.zeros(full, np.uint16)
        )  # fmt: skip

    def strike(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> bool:
        """Forget what is of some slots, counted from 1970 UTC; return whether anything was.

        Args:
            first: (rows, cols), of each cell.
            last: the same.
        """
        any_was = False
        for values, days in self.planes():
            when = days.astype(np.int64) * SLOTS + np.arange(SLOTS)[:, None, None]
            struck = (values > 0) & (first <= when) & (when <= last)
            values[struck] = 0
            any_was |= bool(struck.any())
        return any_was

    def planes(self) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint16]], ...]:
        """Return what is kept with its days."""
        return (self.rise, self.rise_day), (self.minutes, self.minutes_day)


def fingerprint(grid: tuple[int, int], rule: MemoryRule, bundle: str) -> bytes:
    """Return 16 bytes that say what a memory belongs to."""
    return hashlib.sha256(f"{grid}\0{rule}\0{bundle}".encode()).digest()[:16]


def pack(owner: bytes, kept: Kept, day: int) -> bytes:
    """Return the bytes of a memory; what is older than 14 days is left out.

    Args:
        owner: as `fingerprint` made it.
        kept: of (SLOTS, rows, cols).
        day: the newest, in days since 1970 UTC.
    """
    planes = []
    ages = []
    for values, days in kept.planes():
        age = day - days.astype(np.int64)
        known = (values > 0) & (age >= 0) & (age < _NEVER)
        planes.append(np.where(known, values, 0).astype(np.uint8))
        ages.append(np.where(known, age, _NEVER).astype(np.uint8))
    both = (ages[0] | ages[1] << 4).astype(np.uint8)
    body = _DAY.pack(day) + b"".join(plane.tobytes() for plane in (*planes, both))
    data = _HEAD.pack(_MAGIC, owner, *kept.rise.shape[1:]) + zlib.compress(
        body
    )  # which ends with its checksum
    assert len(data) <= BYTES_MOST, f"{len(data)} bytes of a memory of {kept.rise.shape}"
    return data


def unpack(data: bytes, owner: bytes, shape: tuple[int, int]) -> tuple[Kept, int]:
    """Return what `pack` was given, and the day.

    Raises:
        ValueError: damaged, or of another owner or shape.
    """
    if len(data) < _HEAD.size or len(data) > BYTES_MOST:
        raise ValueError(f"damaged: {len(data)} bytes")
    magic, whose, rows, cols = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("damaged: its header")
    if whose != owner or (rows, cols) != shape:
        raise ValueError("of another bundle or rule")
    whole = _DAY.size + 3 * SLOTS * rows * cols
    unzip = zlib.decompressobj()
    try:
        body = unzip.decompress(data[_HEAD.size :], whole + 1)
    except zlib.error as error:
        raise ValueError(f"damaged: {error}") from error
    if len(body) != whole or not unzip.eof:
        raise ValueError("damaged: its length")
    (day,) = _DAY.unpack_from(body)
    rise, minutes, both = np.frombuffer(body, np.uint8, offset=_DAY.size).reshape(3, SLOTS, rows, cols)
    rise_day, minutes_day = (
        np.maximum(day - age.astype(np.int64), 0).astype(np.uint16) for age in (both & 15, both >> 4)
    )
    return Kept(rise.copy(), rise_day, minutes.copy(), minutes_day), day
