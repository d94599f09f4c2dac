import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.statistic import auc, auc_interval, median, rate, share

pairs = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30)


@given(pairs)
def test_auc_is_the_rank_statistic_by_brute_force(items):
    above = [(s, w) for s, positive, w in items if positive for _ in range(w)]
    below = [(s, w) for s, positive, w in items if not positive for _ in range(w)]
    got = auc(
        np.array([s for s, _, _ in items], float),
        np.array([p for _, p, _ in items], bool),
        np.array([w for _, _, w in items], float),
    )
    if not above or not below:
        assert got is None
    else:
        wins = sum((a > b) + (a == b) / 2 for a, _ in above for b, _ in below)
        assert got == pytest.approx(wins / (len(above) * len(below)))


def test_auc_of_little():
    assert auc(np.array([]), np.array([], bool)) is None
    assert auc(np.array([1.0, 2.0]), np.array([False, True])) == 1
    assert auc(np.array([1.0, 1.0]), np.array([False, True])) == 0.5


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # scipy 1.17's beta.ppf
        (0, 17, 0.0, 0.19506432296909318),
        (17, 17, 0.8049356770309067, 1.0),
        (12, 17, 0.4404172812456628, 0.89686448562968),
        (1, 1, 0.025, 1.0),
        (500, 1000, 0.46854917297179194, 0.531450827028208),
    ],
)
def test_shares_have_clopper_pearson_intervals(count, total, low, high):
    got = share(count, total)
    assert got.share == count / total
    assert (got.low, got.high) == pytest.approx((low, high), rel=1e-11, abs=1e-12)


def test_nothing_of_nothing_is_unknown():
    assert share(0, 0).share is None
    assert share(0, 0).low is None
    assert rate(0, 0.0).per_hour is None
    assert rate(3, 0.0).high is None


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [  # scipy 1.17's chi2.ppf / 2
        (0, 0.0, 3.688879454113936),
        (1, 0.025317807984289876, 5.571643390938898),
        (10, 4.7953886961324335, 18.39035604201778),
        (100, 81.36399125092314, 121.62679379242638),
    ],
)
def test_rates_have_garwood_intervals(count, low, high):
    got = rate(count, 24.0)
    assert got.per_hour == count / 24
    assert (got.low * 24, got.high * 24) == pytest.approx((low, high), rel=1e-11, abs=1e-12)


def test_a_median_with_misses():
    never = math.inf
    assert median([]) is None
    assert median([3.0, 1.0, never]) == 3.0
    assert median([-60.0, 60.0]) == 0.0
    assert median([1.0, never]) is None
    assert median([1.0, never, never]) is None


def test_the_bootstrap_draws_groups_and_is_seeded():
    random = np.random.default_rng(1)
    positive = np.arange(60) % 2 == 0
    scores = random.normal(size=60) + positive
    groups = [f"g{i // 10}" for i in range(60)]
    low, high = auc_interval(scores, positive, groups, draws=200, seed=3)
    assert low < auc(scores, positive) < high
    assert auc_interval(scores, positive, groups, draws=200, seed=3) == (low, high)
    assert auc_interval(scores, positive, groups, draws=200, seed=4) != (low, high)
    assert auc_interval(scores, positive, ["one"] * 60, draws=200, seed=3) is None
    assert auc_interval(scores, positive, groups, draws=0, seed=3) is None


def test_copies_of_a_group_show_no_spread():
    scores, positive = np.array([1.0, 3.0, 2.0, 4.0] * 5), np.array([False, False, True, True] * 5)
    groups = [f"g{i // 4}" for i in range(20)]
    low, high = auc_interval(scores, positive, groups, draws=50, seed=0)
    assert low == high == auc(scores, positive) == 0.75
