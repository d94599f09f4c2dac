"""The cadence of a camera: how often a picture is wanted, and which ones are due.

One `Schedule` per camera: its source skips by it, the intake chooses by it, health judges silence by it. Each asks
in its own time (that of packets, of a lap of a loop, of the model), so each holds its own place on it, a `Grid`.
"""

from __future__ import annotations

import math

NS_PER_S = 1_000_000_000

_SKIP_EARLY = 0.10
_ALWAYS = 1.0
_CHOOSE_EARLY = 0.15  # a source looks before it decodes: what it lets through must pass


class Schedule:
    """How often a picture of one camera is wanted.

    Args:
        cadence_s: seconds between wanted pictures; 0 wants every picture.
        trial: tries what its pictures are like: a source leaves none out, and decodes none otherwise than the cadence
            will have it in the long run.

    Attributes:
        cadence_s: may be changed from any thread; it counts from the next picture on.
    """

    def __init__(self, cadence_s: float = 0.0, *, trial: bool = False) -> None:
        self.cadence_s = cadence_s
        self.trial = trial

    def check(self) -> None:
        """See that it is one.

        Raises:
            ValueError: what is wrong with it.
        """
        if not 0 <= self.cadence_s < math.inf:
            raise ValueError(
                f"cadence_s is {self.cadence_s}; expected a number of seconds, 0 for every picture"
            )

    def skipping(self) -> Grid:
        """Return a new place on it for a source, which leaves out what is not due."""
        return Grid(self, _ALWAYS if self.trial else _SKIP_EARLY)

    def choosing(self) -> Grid:
        """Return a new place on it for the intake, which drops what is not due."""
        return Grid(self, _CHOOSE_EARLY)


class Grid:
    """Says which pictures are due: one per cadence, on a grid that tolerates jitter and does not drift.

    Args:
        schedule: says how far its points are apart.
        early: a picture may come early by this share of the cadence: twice the jitter that is put up with,
            because the grid's own first point may have come late.
    """

    def __init__(self, schedule: Schedule, early: float) -> None:
        self._schedule = schedule
        self._early = early
        self._point_ns: int | None = None
        self._last_ns = 0
        self._before: tuple[int | None, int] = (None, 0)

    def due(self, time_ns: int) -> bool:
        """Say whether a picture of this time is due. The first is, and so is one after a jump back."""
        if self._point_ns is None or time_ns < self._last_ns:
            return True
        period_ns = self._period_ns()
        return time_ns >= self._point_ns + period_ns - round(period_ns * self._early)

    def left_ns(self, time_ns: int) -> int:
        """Return how long it is until a picture is due, if the cadence stays; 0 where one is."""
        if self._point_ns is None or self.due(time_ns):
            return 0
        period_ns = self._period_ns()
        return self._point_ns + period_ns - round(period_ns * self._early) - time_ns

    def take(self, time_ns: int) -> None:
        """Note that the picture of this time was taken: the next is due one cadence after the grid's point."""
        self._before = (self._point_ns, self._last_ns)
        period_ns = self._period_ns()
        point_ns = time_ns if self._point_ns is None else self._point_ns + period_ns
        on_grid = abs(time_ns - point_ns) * 2 < period_ns
        self._point_ns = point_ns if on_grid else time_ns
        self._last_ns = time_ns

    def give_back(self) -> None:
        """Undo the last `take`, since its picture turned out corrupt: the next one is due in its place."""
        self._point_ns, self._last_ns = self._before

    def _period_ns(self) -> int:
        return round(self._schedule.cadence_s * NS_PER_S)
