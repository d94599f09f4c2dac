"""Which packets of a video to decode, when only one picture a cadence is wanted.

A keyframe stands alone, the packets between do not: they are decoded all or not at all. So the choice is made
anew at each keyframe, from the intervals between the last ones.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from edge.camera.schedule import NS_PER_S, Schedule

_REMEMBERED_INTERVALS = 8
_EMPTY_IN_A_ROW = 3
_BEFORE_KEY = 300  # packets; a stream with rolling intra refresh marks no keyframe at all


class Decode(Enum):
    """What to do with a packet."""

    SKIP = "skip"  # undue, nothing depends on it
    ALONE = "alone"  # a keyframe whose followers are not decoded
    STREAM = "stream"  # a part of a sequence that is decoded whole


class PacketChoice:
    """Chooses packet by packet.

    Args:
        schedule: which pictures are wanted.
        intra_only: every packet of this codec stands alone (MJPEG).
    """

    def __init__(self, schedule: Schedule, *, intra_only: bool) -> None:
        self._schedule = schedule
        self._grid = schedule.skipping()
        self._intra_only = intra_only
        self._intervals_ns: deque[int] = deque(maxlen=_REMEMBERED_INTERVALS)
        self._last_key_ns: int | None = None
        self._alone = False
        self._empty = 0
        self._before_key = 0

    def choose(self, time_ns: int, *, key: bool) -> Decode:
        """Say what to do with a packet of this time (source time in recordings, arrival live)."""
        if not self._begun(key=key):
            return Decode.SKIP
        if self._schedule.cadence_s == 0:
            return Decode.STREAM
        if self._intra_only:
            return self._when_due(time_ns)
        if key:
            self._measure(time_ns)
        if not key:
            return Decode.SKIP if self._alone else Decode.STREAM
        wanted = self._when_due(time_ns)  # asked in both cases, so that the grid is one
        return wanted if self._alone else Decode.STREAM

    def foresee(self, interval_ns: int) -> None:
        """Take keyframes to be as far apart before the first one comes."""
        self._intervals_ns.append(interval_ns)

    def empty(self) -> None:
        """Note that a keyframe alone gave no picture; a codec that goes on so is decoded whole."""
        self._empty += 1

    def lost(self) -> None:
        """Note that the last packet that was taken alone is corrupt: the next that can stand alone is due."""
        self._grid.give_back()

    def _begun(self, *, key: bool) -> bool:
        """Say whether there was a keyframe; what comes before the first cannot be decoded."""
        if key or self._intra_only:
            self._before_key = _BEFORE_KEY
        self._before_key += 1
        return self._before_key > _BEFORE_KEY

    def _when_due(self, time_ns: int) -> Decode:
        if not self._grid.due(time_ns):
            return Decode.SKIP
        self._grid.take(time_ns)
        return Decode.ALONE

    def _measure(self, time_ns: int) -> None:
        if self._last_key_ns is not None and time_ns > self._last_key_ns:
            self._intervals_ns.append(time_ns - self._last_key_ns)
        self._last_key_ns = time_ns
        close = max(self._intervals_ns, default=math.inf) <= self._schedule.cadence_s * NS_PER_S
        self._alone = close and self._empty < _EMPTY_IN_A_ROW
