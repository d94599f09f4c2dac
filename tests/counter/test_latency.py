import itertools
import math
import sys
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counter.latency import Latency, Quantiles

DURATIONS = st.lists(st.integers(min_value=0, max_value=3_600_000_000_000), min_size=1, max_size=300)
FIELDS = ((0.5, "p50_ms"), (0.9, "p90_ms"), (0.99, "p99_ms"))


class FakeClock:
    def __init__(self) -> None:
        self.now_ns = 0

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        raise AssertionError


def sketch(durations):
    quantiles = Quantiles()
    for ns in durations:
        quantiles.add(ns)
    return quantiles


@settings(deadline=None)
@given(DURATIONS)
def test_quantiles_are_within_one_percent_of_the_exact_ones(durations):
    summary = sketch(durations).summary()
    ordered = sorted(durations)
    for q, field in FIELDS:
        exact_ms = ordered[math.floor(q * (len(ordered) - 1))] / 1e6
        assert abs(getattr(summary, field) - exact_ms) <= 0.01 * exact_ms * (1 + 1e-9)
    assert summary.count == len(durations)
    assert summary.max_ms == ordered[-1] / 1e6
    assert math.isclose(summary.sum_ms, sum(durations) / 1e6, rel_tol=1e-9)
    assert math.isclose(summary.mean_ms, summary.sum_ms / summary.count)


@settings(deadline=None)
@given(st.lists(DURATIONS, max_size=6))
def test_merging_is_the_union(parts):
    merged = Quantiles()
    for part in parts:
        merged.merge(sketch(part))
    expected = sketch([ns for part in parts for ns in part]).summary()
    got = merged.summary()
    if expected is None:
        assert got is None
        return
    assert math.isclose(got.sum_ms, expected.sum_ms, rel_tol=1e-9)
    for field in ("count", "max_ms", "p50_ms", "p90_ms", "p99_ms"):
        assert getattr(got, field) == getattr(expected, field)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50_000_000_000), st.integers(0, 10**10)), min_size=1, max_size=80))
def test_run_holds_everything_and_last_minute_the_last_six_slots(steps):
    clock = FakeClock()
    latency = Latency(clock)
    recorded = []
    for wait_ns, ns in steps:
        clock.now_ns += wait_ns
        latency.record("invoke", ns)
        recorded.append((clock.now_ns, ns))
    stage = latency.stages()["invoke"]
    first_slot = clock.now_ns // 10**10 - 5
    recent = [ns for at_ns, ns in recorded if at_ns // 10**10 >= first_slot]
    assert stage.run.count == len(recorded)
    assert stage.run.max_ms == max(ns for _, ns in recorded) / 1e6
    assert stage.last_minute.count == len(recent)
    assert stage.last_minute.max_ms == max(recent) / 1e6


def test_a_silent_minute_is_unknown_while_the_run_remains():
    clock = FakeClock()
    latency = Latency(clock)
    assert latency.stages() == {}
    latency.record("invoke", 5_000_000)
    clock.now_ns = 60_000_000_000
    stage = latency.stages()["invoke"]
    assert stage.last_minute is None
    assert stage.run.count == 1


def test_memory_is_bounded_by_the_bins():
    quantiles = sketch([10**exponent for exponent in range(19)])
    assert len(quantiles._sketch._store.bins) <= 2048


class HurriedClock(FakeClock):
    """Every look at it is another slot, so that each record moves the stage's sketches."""

    def __init__(self) -> None:
        self._slots = itertools.count()

    def mono_ns(self) -> int:
        return next(self._slots) * 10**10


def test_recording_from_several_threads_loses_nothing():
    latency = Latency(HurriedClock())

    def work():
        for ns in range(1, 301):
            latency.record("decode", ns**4)

    threads = [threading.Thread(target=work) for _ in range(8)]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval_s)
    assert latency.stages()["decode"].run.count == 2400
