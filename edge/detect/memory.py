"""The memory of the hour: what each cell reached about the same time of day on the last days, and for how long.

Half-hour slots of UTC days; a moment is compared with its slot and both neighbours on the days before, never with
itself. Pure: whoever owns one says when it is and what may be learned (`edge.hour`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.memory_file import CELLS_MOST, SLOTS, Kept, fingerprint, pack, unpack
from edge.frame import Box
from edge.model.memory import MemoryRule

SLOT_S = 86_400 // SLOTS
DAYS = 7  # counts for so many; gone when the slot comes for the eighth time
_STEPS = 254
_MINUTES_MOST = 255  # what lasts longer always counts as longer than ever
_AFTER = np.int64(2**62)  # a slot after all


@dataclass(slots=True)
class _Today:
    """What one slot of this very day taught; it counts from tomorrow on."""

    rise: NDArray[np.uint8]
    minutes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _About:
    """What is known about one slot with its neighbours; of pooled cells."""

    slot: int
    lift: NDArray[np.float32]
    minutes: NDArray[np.uint8]
    part: NDArray[np.int32]
    hulls: NDArray[np.int32]


class Memory:
    """What one camera's cells reached.

    Args:
        grid: (rows, cols) of the score map; of one with more than CELLS_MOST cells neighbours are pooled.
        rule: of the manifest.
        bundle: digest of the model; what another one reached means nothing.
    Source: ours, after a practice published for firecam: thresholds per region from the same hour over 7.5 days.
    """

    def __init__(self, grid: tuple[int, int], rule: MemoryRule, bundle: str = "") -> None:
        self._grid, self._rule = grid, rule
        self._print = fingerprint(grid, rule, bundle)
        self._pool = _pool(grid)
        self._shape = -(-grid[0] // self._pool), -(-grid[1] // self._pool)
        self._kept = Kept.empty(self._shape)
        self._today: dict[int, _Today] = {}
        self._newest: int | None = None
        self._about: _About | None = None
        self._changed = self._forgot = False  # since it was encoded
        self._anew = False
        # first and last slot that was struck of each cell, so that `resume` does not bring it back
        self._struck = np.stack([np.full(self._shape, _AFTER), np.zeros(self._shape, np.int64)])

    def restart(self) -> None:
        """Forget everything, also what `resume` brings later: the view changed."""
        self._forgot |= bool(self._kept.rise.any() or self._kept.minutes.any())
        self._kept, self._today, self._newest, self._about = Kept.empty(self._shape), {}, None, None
        self._changed, self._anew = False, True

    def resume(self, known: Memory) -> None:
        """Go on with what another one of the same grid, rule and bundle kept before this one began.

        What was taught here stays, and what was struck here is struck there. Nothing comes back after `restart`.
        """
        assert known._print == self._print, "a memory of something else"
        if self._anew:
            self._forgot = True
            return
        struck = known._kept.strike(*self._struck)
        own, self._kept, self._about = self._kept, known._kept, None
        self._forgot |= struck or known._forgot
        for index in range(SLOTS):
            self._keep(
                index, own.rise[index], own.rise_day[index], own.minutes[index], own.minutes_day[index]
            )
        if known._newest is not None:
            self._newest = max(known._newest, self._newest or 0)

    @property
    def newest_s(self) -> float | None:
        """When the newest slot begins that it knows of, in seconds since 1970 UTC."""
        return None if self._newest is None else float(self._newest * SLOT_S)

    @property
    def forgot(self) -> bool:
        """Whether it forgot, since it was encoded, what may be on disk."""
        return self._forgot

    def is_news(self, *, last: bool = False) -> bool:
        """Say whether `encode` would give something new."""
        return self._changed or self._forgot or (last and bool(self._today))

    def lift(self, wall_s: float) -> NDArray[np.float32]:
        """Return (rows, cols) float32 logits by which thresholds are raised at a moment, 0 to the rule's rise.

        Args:
            wall_s: seconds since 1970 UTC, of a trusted clock.
        """
        pooled = self._known(wall_s).lift
        return pooled.repeat(self._pool, 0).repeat(self._pool, 1)[: self._grid[0], : self._grid[1]]

    def reach(self, box: Box, wall_s: float) -> Box | None:
        """Return the hull of what regions that touch a box reached about this time, a cell wider; None: nothing.

        Args:
            box: (row0, col0, row1, col1), ends excluded.
            wall_s: as for `lift`.
        """
        about = self._known(wall_s)
        row0, col0, row1, col1 = self._pooled(box)
        parts = np.unique(about.part[row0:row1, col0:col1])
        hulls = about.hulls[parts[parts > 0]]
        if not len(hulls):
            return None
        low, high = hulls[:, :2].min(0) * self._pool - 1, hulls[:, 2:].max(0) * self._pool + 1
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def lasted_s(self, box: Box, wall_s: float) -> float:
        """Return how long a region in a box lasted at most about this time, in seconds; infinite is never said."""
        row0, col0, row1, col1 = self._pooled(box)
        return 60.0 * int(self._known(wall_s).minutes[row0:row1, col0:col1].max(initial=0))

    def learn(
        self,
        wall_s: float,
        excess: NDArray[np.float32],
        runs: Iterable[tuple[Box, float]] = (),
        spared: Sequence[Box] = (),
    ) -> None:
        """Take what a frame reached.

        Args:
            wall_s: as for `lift`.
            excess: (rows, cols) float32, score less the `open` in force in logits; −inf below the `keep` in force.
            runs: boxes of regions, and for how many seconds each has lasted.
            spared: boxes in which, and a cell around which, nothing is learned.
        """
        slot = int(wall_s // SLOT_S)
        if not self._advance(slot):
            return
        today = self._today.setdefault(
            slot, _Today(np.zeros(self._shape, np.uint8), np.zeros(self._shape, np.uint8))
        )
        rise, minutes = self._steps(excess), np.zeros(self._shape, np.uint8)
        for box, run_s in runs:
            row0, col0, row1, col1 = self._pooled(box)
            lasted = min(_MINUTES_MOST, math.ceil(run_s / 60))
            minutes[row0:row1, col0:col1] = np.maximum(minutes[row0:row1, col0:col1], lasted)
        for box in spared:
            row0, col0, row1, col1 = self._pooled(_wider(box))
            rise[row0:row1, col0:col1] = minutes[row0:row1, col0:col1] = 0
        np.maximum(today.rise, rise, out=today.rise)
        np.maximum(today.minutes, minutes, out=today.minutes)

    def strike(self, box: Box, since_s: float, until_s: float) -> None:
        """Forget what a box and a cell around it reached in a time, and half an hour before and after it."""
        row0, col0, row1, col1 = self._pooled(_wider(box))
        first, last = int(since_s // SLOT_S) - 1, int(until_s // SLOT_S) + 1
        for slot, today in self._today.items():
            if first <= slot <= last:
                today.rise[row0:row1, col0:col1] = today.minutes[row0:row1, col0:col1] = 0
        begin, end = np.full(self._shape, _AFTER), np.zeros(self._shape, np.int64)
        begin[row0:row1, col0:col1], end[row0:row1, col0:col1] = first, last
        self._struck = np.stack([np.minimum(self._struck[0], begin), np.maximum(self._struck[1], end)])
        self._forgot |= self._kept.strike(begin, end)
        self._about = None

    def encode(self, *, last: bool = False) -> bytes:
        """Return it for a file, BYTES_MOST at most; `last`: with what today taught until now."""
        if last:
            for slot in sorted(self._today):
                self._settle(slot)
        self._changed = self._forgot = False
        return pack(self._print, self._kept, 0 if self._newest is None else self._newest // SLOTS)

    @classmethod
    def decode(cls, data: bytes, grid: tuple[int, int], rule: MemoryRule, bundle: str = "") -> Self:
        """Read one.

        Raises:
            ValueError: damaged, or of another grid, rule or bundle.
        """
        memory = cls(grid, rule, bundle)
        memory._kept, day = unpack(data, memory._print, memory._shape)
        memory._newest = day * SLOTS if day else None
        return memory

    def _advance(self, slot: int) -> bool:
        """Go to a slot; what taught before its neighbours counts from now on. Return whether anything may be learned.

        A clock that went back by less than a day teaches nothing until then; by more: what was learned is of no known
        time, and forgotten.
        """
        if self._newest is not None and self._newest - slot > SLOTS:
            self.restart()
        if self._newest is None or slot > self._newest:
            self._newest = slot
        for old in sorted(self._today):
            if old < self._newest - 1:
                self._settle(old)
        return slot >= self._newest - 1

    def _settle(self, slot: int) -> None:
        """Keep what a slot of a day taught: the higher of it and of what is left of the days before."""
        today, (day, index) = self._today.pop(slot), divmod(slot, SLOTS)
        days = np.full(self._shape, day, np.uint16)
        self._keep(index, today.rise, days, today.minutes, days)

    def _keep(
        self,
        index: int,
        rise: NDArray[np.uint8],
        rise_day: NDArray[np.uint16],
        minutes: NDArray[np.uint8],
        minutes_day: NDArray[np.uint16],
    ) -> None:
        """Keep later values of one slot, where they are higher than what is left by their day; (rows, cols) each."""
        kept = self._kept
        for new, new_days, values, days, half_life in (
            (rise, rise_day, kept.rise[index], kept.rise_day[index], self._rule.half_life_days),
            (minutes, minutes_day, kept.minutes[index], kept.minutes_day[index], math.inf),
        ):
            age = new_days.astype(np.int64) - days
            left = np.where((age >= 0) & (age <= DAYS), values * np.exp2(-np.maximum(age, 0) / half_life), 0)
            higher = (new > 0) & (new >= left)
            values[higher], days[higher] = new[higher], new_days[higher]
            self._changed |= bool(higher.any())
        self._about = None

    def _known(self, wall_s: float) -> _About:
        slot = int(wall_s // SLOT_S)
        if self._about is None or self._about.slot != slot:
            self._about = self._look(slot)
        return self._about

    def _look(self, slot: int) -> _About:
        lift, minutes = np.zeros(self._shape, np.float32), np.zeros(self._shape, np.uint8)
        ever = np.zeros(self._shape, bool)
        for near in (slot - 1, slot, slot + 1):
            day, index = divmod(near, SLOTS)
            age = day - self._kept.rise_day[index].astype(np.int64)
            steps = np.where((age >= 1) & (age <= DAYS), self._kept.rise[index], 0)
            weight = np.exp2(-np.maximum(age - 1, 0) / self._rule.half_life_days)
            rise = np.maximum(steps.astype(np.float32) - 1, 0) * (self._rule.rise / _STEPS) * weight
            lift, ever = np.maximum(lift, rise.astype(np.float32)), ever | (steps > 0)
            age = day - self._kept.minutes_day[index].astype(np.int64)
            minutes = np.maximum(minutes, np.where((age >= 1) & (age <= DAYS), self._kept.minutes[index], 0))
        _, part, stats, _ = cv2.connectedComponentsWithStats(ever.astype(np.uint8), connectivity=8)
        left, top, width, height = stats[:, 0], stats[:, 1], stats[:, 2], stats[:, 3]
        hulls = np.stack([top, left, top + height, left + width], 1)
        return _About(slot, lift, minutes.astype(np.uint8), np.asarray(part, np.int32), hulls)

    def _steps(self, excess: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return pooled cells: 0 where `keep` was not reached, else 1 and the rise in steps, rounded up."""
        rows, cols = self._shape
        padded = np.full((rows * self._pool, cols * self._pool), -np.inf, np.float32)
        padded[: self._grid[0], : self._grid[1]] = excess
        most = padded.reshape(rows, self._pool, cols, self._pool).max(axis=(1, 3))
        rise = np.clip(most + self._rule.margin, 0, self._rule.rise)
        steps = 1 + np.ceil(rise * (_STEPS / self._rule.rise))
        return np.where(np.isfinite(most), np.minimum(steps, 1 + _STEPS), 0).astype(np.uint8)

    def _pooled(self, box: Box) -> Box:
        row0, col0, row1, col1 = box
        pool = self._pool
        return max(0, row0 // pool), max(0, col0 // pool), max(0, -(-row1 // pool)), max(0, -(-col1 // pool))


def _wider(box: Box) -> Box:
    return max(0, box[0] - 1), max(0, box[1] - 1), box[2] + 1, box[3] + 1


def _pool(grid: tuple[int, int]) -> int:
    """Return how many cells in a row and a column are one, so that CELLS_MOST are left."""
    pool = 1
    while -(-grid[0] // pool) * -(-grid[1] // pool) > CELLS_MOST:
        pool += 1
    return pool
