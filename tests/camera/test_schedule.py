"""The cadence of a camera and its grids of due pictures."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.schedule import NS_PER_S, Schedule


def taken(times_s, cadence_s) -> list[float]:
    grid, result = Schedule(cadence_s).skipping(), []
    for time_s in times_s:
        if grid.due(round(time_s * NS_PER_S)):
            grid.take(round(time_s * NS_PER_S))
            result.append(time_s)
    return result


def test_a_cadence_of_nothing_takes_all():
    assert taken([0, 0, 1, 0.5], 0) == [0, 0, 1, 0.5]


def test_jitter_neither_loses_a_picture_nor_drifts():
    jittered = [n + (0.04 if n % 2 else -0.04) for n in range(1, 60)]
    assert taken(jittered, 1.0) == jittered
    assert len(taken([n / 25 for n in range(25 * 60)], 1.0)) in (60, 61)


def test_sparse_pictures_keep_the_mean_cadence():
    assert taken(range(0, 40, 2), 5) == [0, 6, 10, 16, 20, 26, 30, 36]


def test_after_a_gap_the_grid_starts_anew_and_a_jump_back_is_due():
    assert taken([0, 1, 7.5, 8.2, 8.5, 3.0, 3.5, 4.0], 1.0) == [0, 1, 7.5, 8.5, 3.0, 4.0]


@given(
    st.lists(st.floats(0.01, 5), min_size=1, max_size=200),
    st.floats(0.1, 10),
)
def test_never_closer_than_half_a_period(steps_s, period_s):
    times_s, now = [], 0.0
    for step in steps_s:
        now += step
        times_s.append(now)
    kept = taken(times_s, period_s)
    assert all(b - a >= 0.39 * period_s for a, b in pairwise(kept))
    assert len(kept) <= (times_s[-1] - times_s[0]) / period_s + 1.6


def test_what_a_source_lets_through_the_intake_chooses():
    schedule = Schedule(10)
    source, intake = schedule.skipping(), schedule.choosing()
    for grid in (source, intake):
        grid.take(0)
    early = next(ms for ms in range(10_000) if source.due(ms * NS_PER_S // 1000)) * NS_PER_S // 1000
    assert early == 9 * NS_PER_S
    assert intake.due(early - NS_PER_S // 2)
    assert not intake.due(early - NS_PER_S)


def test_a_changed_cadence_counts_from_the_next_picture_on():
    schedule = Schedule(10)
    grids = schedule.skipping(), schedule.choosing()
    for grid in grids:
        grid.take(0)
    schedule.cadence_s = 60
    assert not any(grid.due(50 * NS_PER_S) for grid in grids)
    assert all(grid.due(60 * NS_PER_S) for grid in grids)
    schedule.cadence_s = 5
    assert all(grid.due(5 * NS_PER_S) for grid in grids)


@pytest.mark.parametrize("cadence_s", [-1, float("nan"), float("inf")])
def test_what_is_no_cadence_is_refused(cadence_s):
    with pytest.raises(ValueError, match="cadence_s is"):
        Schedule(cadence_s).check()


def test_the_time_until_a_picture_is_due_is_that_of_its_grid() -> None:
    schedule = Schedule(10.0)
    grid = schedule.skipping()
    assert grid.left_ns(0) == 0
    grid.take(0)
    left_ns = grid.left_ns(2_000_000_000)
    assert left_ns == 7_000_000_000
    assert not grid.due(2_000_000_000 + left_ns - 1)
    assert grid.due(2_000_000_000 + left_ns)
    assert grid.left_ns(9_500_000_000) == 0
    schedule.cadence_s = 20.0
    assert grid.left_ns(9_500_000_000) == 8_500_000_000
