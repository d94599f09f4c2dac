"""Latency a stage: quantiles within 1% in bounded memory, over the run and over the last minute.

A stage's durations go into one sketch for ten seconds; six of them make the last minute, and older ones are
merged into the run's. A sketch has at most 2048 bins, which from one nanosecond reach beyond a year.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

import msgspec
from ddsketch import LogCollapsingLowestDenseDDSketch

from edge.clock import Clock

RELATIVE_ACCURACY = 0.01
_BINS = 2048
_SLOT_NS = 10_000_000_000
_SLOTS = 6


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of durations looks like; quantiles are within 1%, the rest is exact.

    Attributes:
        count: how many.
        sum_ms, mean_ms, max_ms: of all.
        p50_ms, p90_ms, p99_ms: the value whose rank, from 0, is the floor of q × (count − 1).
    """

    count: int
    sum_ms: float
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


class StageLatency(msgspec.Struct, frozen=True, kw_only=True):
    """One stage; None where nothing was recorded.

    Attributes:
        run: since the start.
        last_minute: the last 50 to 60 seconds.
    """

    run: Summary | None
    last_minute: Summary | None


class Quantiles:
    """A mergeable sketch of durations in nanoseconds. Source: Masson et al., DDSketch, VLDB 2019."""

    def __init__(self) -> None:
        self._sketch = LogCollapsingLowestDenseDDSketch(RELATIVE_ACCURACY, _BINS)
        self._max_ns = 0

    def add(self, ns: int) -> None:
        """Count one duration; a negative one counts as 0."""
        ns = max(0, ns)
        self._sketch.add(ns)
        self._max_ns = max(self._max_ns, ns)

    def merge(self, other: Quantiles) -> None:
        """Count all that `other` has counted."""
        self._sketch.merge(other._sketch)
        self._max_ns = max(self._max_ns, other._max_ns)

    def summary(self) -> Summary | None:
        """Return the figures; None when nothing was counted."""
        count = round(self._sketch.count)
        if count == 0:
            return None
        total = self._sketch.sum / 1e6
        return Summary(
            count=count,
            sum_ms=total,
            mean_ms=total / count,
            p50_ms=self._quantile_ms(0.5),
            p90_ms=self._quantile_ms(0.9),
            p99_ms=self._quantile_ms(0.99),
            max_ms=self._max_ns / 1e6,
        )

    def _quantile_ms(self, q: float) -> float:
        """Return a quantile of at least one duration; the estimate never exceeds the largest."""
        estimate_ns: float = self._sketch.get_quantile_value(q) or 0.0
        return min(estimate_ns, self._max_ns) / 1e6


def _union(parts: Iterable[Quantiles]) -> Quantiles:
    """Return a new sketch of all that the parts have counted."""
    union = Quantiles()
    for part in parts:
        union.merge(part)
    return union


class _Stage:
    """One stage's sketches: the past's, and those of the newest slots of time, oldest first."""

    def __init__(self) -> None:
        self._past = Quantiles()
        self._recent: deque[tuple[int, Quantiles]] = deque()

    def add(self, ns: int, slot: int) -> None:
        if not self._recent or self._recent[-1][0] < slot:
            self._recent.append((slot, Quantiles()))
            while self._recent[0][0] <= slot - _SLOTS:
                self._past.merge(self._recent.popleft()[1])
        self._recent[-1][1].add(ns)

    def latency(self, slot: int) -> StageLatency:
        return StageLatency(
            run=_union([self._past, *(part for _, part in self._recent)]).summary(),
            last_minute=_union(part for at, part in self._recent if at > slot - _SLOTS).summary(),
        )


class Latency:
    """The latency of all stages. Thread-safe; recording takes a few microseconds.

    Args:
        clock: monotonic time, for the last minute.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stages: dict[str, _Stage] = {}

    def record(self, stage: str, ns: int) -> None:
        """Count one duration of a stage, in nanoseconds."""
        slot = self._clock.mono_ns() // _SLOT_NS
        with self._lock:
            self._stages.setdefault(stage, _Stage()).add(ns, slot)

    def stages(self) -> dict[str, StageLatency]:
        """Return every stage's figures, in the order in which the stages were first recorded."""
        slot = self._clock.mono_ns() // _SLOT_NS
        with self._lock:
            return {name: stage.latency(slot) for name, stage in self._stages.items()}
