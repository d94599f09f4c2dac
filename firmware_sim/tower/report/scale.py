"""Where things stand in a plot: shares of its width and height, ticks, and lines that are thinned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_sim.tower.report import word

POINTS_MAX = 600  # of one line
_TICKS_MAX = 5
_STEPS_S = (
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(86_400 * days for days in (1, 2, 5, 7, 14, 30, 60, 120, 365, 3650)),
)
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark: its place, 0 to 1 of the axis, and its text."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Time:
    """The axis of time.

    Attributes:
        from_s, to_s: its ends, seconds since 1970 UTC.
    """

    from_s: float
    to_s: float

    def place(self, at_s: float) -> float:
        """Return where a moment is, 0 to 1; what is outside of the axis is at its end."""
        if self.to_s <= self.from_s:
            return 0.0
        return min(1.0, max(0.0, (at_s - self.from_s) / (self.to_s - self.from_s)))

    def ticks(self) -> list[Tick]:
        """Return marks at full hours or days of UTC, few enough for a phone."""
        span_s = self.to_s - self.from_s
        step = next((step for step in _STEPS_S if span_s / step <= _TICKS_MAX), None)
        if step is None or span_s <= 0:
            return []
        numbers = range(math.ceil(self.from_s / step), math.floor(self.to_s / step) + 1)
        return [Tick(self.place(number * step), _text(number * step)) for number in numbers]


@dataclass(frozen=True, slots=True)
class Level:
    """The axis of values, from the bottom up.

    Attributes:
        low, high: its ends; high is above low.
        step: between two marks.
        unit: of them.
    """

    low: float
    high: float
    step: float
    unit: str

    @classmethod
    def of(
        cls, values: Sequence[float], unit: str, *, low: float | None = None, high: float | None = None
    ) -> Level:
        """Return an axis that holds values, with ends that people count with.

        Args:
            values: any number of them.
            unit: of them.
            low: where it must reach down to.
            high: where it must reach up to.
        """
        known = [*values, *(end for end in (low, high) if end is not None)] or [0.0]
        least, most = min(known), max(known)
        if most - least < 1e-9:
            most = least + 1.0
        raw = (most - least) / 4
        ten = 10.0 ** math.floor(math.log10(raw))
        step = next(ten * factor for factor in (1, 2, 2.5, 5, 10) if ten * factor >= raw * (1 - 1e-9))
        return cls(math.floor(least / step + 1e-9) * step, math.ceil(most / step - 1e-9) * step, step, unit)

    def place(self, value: float) -> float:
        """Return where a value is, 0 at the bottom to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self) -> list[Tick]:
        """Return marks."""
        count = round((self.high - self.low) / self.step)
        values = [self.low + number * self.step for number in range(count + 1)]
        return [Tick(self.place(value), f"{_short(value)}{self.unit}") for value in values]


@dataclass(frozen=True, slots=True)
class Point:
    """One reading of a line; None breaks the line."""

    at_s: float
    value: float | None


def thinned(points: Sequence[Point], most: int = POINTS_MAX) -> list[Point]:
    """Return so few points that look the same: of each stretch its first, lowest, highest and last, and its gap.

    Args:
        points: in order of time.
        most: that are returned, at least 8.
    """
    if len(points) <= most:
        return list(points)
    length = math.ceil(len(points) * 4 / most)
    found: list[Point] = []
    for begin in range(0, len(points), length):
        found += _stretch(points[begin : begin + length])
    return found


def _stretch(points: Sequence[Point]) -> list[Point]:
    known = [(index, point.value) for index, point in enumerate(points) if point.value is not None]
    chosen = {0, len(points) - 1}
    if known:
        chosen.add(min(known, key=lambda one: one[1])[0])
        chosen.add(max(known, key=lambda one: one[1])[0])
    if len(known) < len(points) and all(points[index].value is not None for index in chosen):
        lost = next(index for index, point in enumerate(points) if point.value is None)
        chosen = {*sorted(chosen)[:3], lost}
    return [points[index] for index in sorted(chosen)]


def _text(at_s: float) -> str:
    return word.day(at_s) if at_s % _DAY_S == 0 else word.clock(at_s)


def _short(value: float) -> str:
    for letter, least in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= least:
            return f"{value / least:g}{letter}"
    return f"{value:.6g}"
