"""The grid of due pictures."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.camera.cadence import NS_PER_S, Cadence


def taken(times_s, cadence) -> list[float]:
    result = []
    for time_s in times_s:
        if cadence.due(round(time_s * NS_PER_S)):
            cadence.take(round(time_s * NS_PER_S))
            result.append(time_s)
    return result


def test_no_period_takes_all():
    assert taken([0, 0, 1, 0.5], Cadence(None)) == [0, 0, 1, 0.5]


def test_jitter_neither_loses_a_picture_nor_drifts():
    jittered = [n + (0.04 if n % 2 else -0.04) for n in range(1, 60)]
    assert taken(jittered, Cadence(1.0)) == jittered
    assert len(taken([n / 25 for n in range(25 * 60)], Cadence(1.0))) in (60, 61)


def test_sparse_pictures_keep_the_mean_cadence():
    assert taken(range(0, 40, 2), Cadence(5)) == [0, 6, 10, 16, 20, 26, 30, 36]


def test_after_a_gap_the_grid_starts_anew_and_a_jump_back_is_due():
    assert taken([0, 1, 7.5, 8.2, 8.5, 3.0, 3.5, 4.0], Cadence(1.0)) == [0, 1, 7.5, 8.5, 3.0, 4.0]


@given(
    st.lists(st.floats(0.01, 5), min_size=1, max_size=200),
    st.floats(0.1, 10),
)
def test_never_closer_than_half_a_period(steps_s, period_s):
    times_s, now = [], 0.0
    for step in steps_s:
        now += step
        times_s.append(now)
    kept = taken(times_s, Cadence(period_s))
    assert all(b - a >= 0.39 * period_s for a, b in pairwise(kept))
    assert len(kept) <= (times_s[-1] - times_s[0]) / period_s + 1.6
