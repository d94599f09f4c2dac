"""Which pictures are due: one a cadence, on a grid that tolerates jitter and does not drift."""

from __future__ import annotations

NS_PER_S = 1_000_000_000


class Cadence:
    """Says when a picture is due; the same rule for sources, which skip, and for the intake, which counts.

    Args:
        period_s: seconds between pictures; None makes every picture due.
        tolerance: a picture may come early by this share of the period: twice the jitter that is put up with,
            for the grid's own first point may have come late.
    """

    def __init__(self, period_s: float | None, tolerance: float = 0.1) -> None:
        self._period_ns = None if period_s is None else max(1, round(period_s * NS_PER_S))
        self._early_ns = 0 if self._period_ns is None else round(self._period_ns * tolerance)
        self._next_ns: int | None = None
        self._last_ns: int | None = None

    def due(self, time_ns: int) -> bool:
        """Say whether a picture of this time is due. The first is, and so is one after a jump back."""
        if self._period_ns is None or self._next_ns is None or self._last_ns is None:
            return True
        return time_ns >= self._next_ns - self._early_ns or time_ns < self._last_ns

    def take(self, time_ns: int) -> None:
        """Note that the picture of this time was taken: the next is due one period after the grid's point."""
        if self._period_ns is not None:
            point_ns = time_ns if self._next_ns is None else self._next_ns
            on_grid = abs(time_ns - point_ns) * 2 < self._period_ns
            self._next_ns = (point_ns if on_grid else time_ns) + self._period_ns
        self._last_ns = time_ns
