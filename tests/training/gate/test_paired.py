"""The paired statistics against values counted by hand."""

import numpy as np
import pytest

from scoring.gate import DRAWS
from training.gate.paired import compare, interval, sign_flip, verdict


def delays(*rows):
    return np.array(rows, np.float64)


def by_group(*differences, seeds=1):
    """Views of one group each, b at 20 minutes."""
    a = np.repeat(20.0 + np.array(differences)[:, None], seeds, axis=1)
    return a, np.full(a.shape, 20.0), [f"g{i}" for i in range(len(differences))]


def test_a_group_counts_once_with_the_mean_of_its_views_and_seeds():
    """g0: views differ by −4, −8 in seed 0 and 0, −4 in seed 1: −4. g1: one view, +2 and +4: 3. Mean of groups −.5."""
    b = np.full((3, 2), 10.0)
    a = b + delays([-4, 0], [-8, -4], [2, 4])
    found = compare(a, b, ["g0", "g0", "g1"])
    assert [(one.name, one.views, one.differences) for one in found.groups] == [
        ("g0", 2, (-6.0, -2.0)),
        ("g1", 1, (2.0, 4.0)),
    ]
    assert found.difference == pytest.approx(-0.5)
    assert (found.groups[0].a, found.groups[0].b) == (6.0, 10.0)
    assert found.a_by_view == pytest.approx(10 + (-4 + 0 - 8 - 4 + 2 + 4) / 6)
    assert found.b_by_view == 10.0


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([3.0], 1.0),
        ([1.0, 2.0], 0.5),  # ±3 of ±3, ±1
        ([1.0, 2.0, -4.0], 1.0),  # |−1| is the smallest of 1, 3, 5, 7
        ([1.0, 2.0, 4.0], 0.25),
        ([-1.0, -2.0, -4.0], 0.25),
        ([5.0, 1.0, 0.0], 0.5),  # ±6 and ±4, each twice
        ([5.0, -1.0, 0.0], 1.0),  # 4 is the smallest of them
        ([0.1, 0.2, 0.3, -0.4], 0.875),  # two of 16 sums are 0: .1 + .2 + .3 − .4 is .2, ties count
        ([0.0, 0.0, 0.0], 1.0),
    ],
)
def test_the_sign_flip_test_counts_every_assignment(differences, p):
    assert sign_flip(np.array(differences)) == pytest.approx(p)


def test_the_sign_flip_test_is_exact():
    """Against all assignments, one by one."""
    random = np.random.default_rng(3)
    for count in (4, 7):
        values = random.normal(size=count)
        sums = [0.0]
        for value in values:
            sums = [total + sign * value for total in sums for sign in (1, -1)]
        expected = sum(abs(total) >= abs(values.sum()) - 1e-9 for total in sums) / 2**count
        assert sign_flip(values) == pytest.approx(expected)


def test_eight_groups_that_all_agree_in_sign_give_the_least_p():
    found = compare(*by_group(-1, -2, -3, -4, -5, -6, -7, -8))
    assert found.p == found.least_p == 2 / 256


@pytest.mark.parametrize("count", [0, 17])
def test_the_exact_test_takes_1_to_16_groups(count):
    with pytest.raises(ValueError, match=f"{count} groups; .* takes 1 to 16"):
        sign_flip(np.ones(count))
    assert sign_flip(np.ones(16)) == 2 / 2**16


def test_groups_are_drawn_and_seeds_inside_them():
    """Two groups at 0 and 4: means of 0, 2, 4. Seeds alone, −6 and 6 in both groups, spread the interval as well."""
    low, high = interval(delays([0, 0], [4, 4]), draws=2000, seed=0)
    assert (low, high) == (0, 4)
    low, high = interval(delays([-6, 6], [-6, 6]), draws=2000, seed=0)
    assert (low, high) == (-6, 6)
    assert interval(delays([-6, 6], [-6, 6]), draws=2000, seed=0) == (low, high)


def test_groups_that_agree_or_one_alone_have_no_interval():
    assert interval(delays([3, 3], [3, 3]), draws=9, seed=0) is None
    assert interval(delays([1, 5]), draws=9, seed=0) is None


def test_a_known_null_is_found_in_about_one_of_twenty_at_most():
    """Arms that differ by chance alone, seven groups, three seeds: 300 tries."""
    random = np.random.default_rng(1)
    shown = 0
    for _ in range(300):
        a, b = random.normal(15, 5, (2, 7, 3))
        found = compare(a, b, [f"g{i}" for i in range(7)], draws=200)
        shown += verdict(found, 2.0).shown
    assert shown <= 25


def test_no_difference_is_a_null_result_that_excludes_what_it_can():
    """Between −1 and 1: an effect of 2 minutes is excluded, one of .1 is not."""
    found = compare(*by_group(-1, 1, -1, 1, -1, 1))
    told = verdict(found, 2.0)
    assert (told.shown, told.null, told.gain_excluded, told.loss_excluded) == (False, True, True, True)
    assert told.text.startswith(
        "Null result: no difference is shown. A − b is +0.0 minutes (-0.7 to +0.7), p = 1.000, 6 camera groups. "
        "Smallest effect worth having: 2 minutes; the interval excludes that a is earlier by as much, and excludes "
    )
    told = verdict(found, 0.1)
    assert (told.null, told.gain_excluded, told.loss_excluded) == (True, False, False)
    assert "does not exclude that a is earlier by as much, and does not exclude" in told.text


def test_a_difference_smaller_than_is_worth_having_is_a_null_result():
    told = verdict(compare(*by_group(-0.5, -0.6, -0.7, -0.8, -0.9, -1)), 2.0)
    assert (told.shown, told.null, told.gain_excluded) == (True, True, True)
    assert told.text.startswith("Null result: a is earlier, by less than is worth having.")


@pytest.mark.parametrize(
    ("sign", "said"),
    [(-1, "A is earlier, by an effect worth having."), (1, "A is later, by an effect worth having.")],
)
def test_a_difference_worth_having_is_told_with_its_side(sign, said):
    told = verdict(compare(*by_group(*(sign * value for value in (5, 6, 7, 8, 9, 10)))), 2.0)
    assert (told.shown, told.null) == (True, False)
    assert told.gain_excluded is (sign > 0)
    assert told.loss_excluded is (sign < 0)
    assert told.text.startswith(said)


def test_a_difference_of_open_size_is_told():
    told = verdict(compare(*by_group(-1, -1, -1, -8, -9, -1)), 2.0)
    assert (told.shown, told.null, told.gain_excluded) == (True, False, False)
    assert told.text.startswith("A is earlier; whether by an effect worth having is open.")


def test_an_interval_alone_shows_nothing_where_the_exact_test_cannot():
    """Of five groups the least p is 1/16: nothing can be shown, however clear."""
    found = compare(*by_group(-10, -11, -12, -13, -14))
    assert found.high < 0
    assert found.p == found.least_p == 1 / 16
    told = verdict(found, 2.0)
    assert (told.shown, told.null, told.gain_excluded) == (False, True, False)


def test_without_an_interval_nothing_is_excluded():
    told = verdict(compare(*by_group(0, 0, 0)), 2.0)
    assert (told.null, told.gain_excluded, told.loss_excluded) == (True, None, None)
    assert told.text.startswith(
        "Null result: no effect is shown and none is excluded, for want of an interval (3 groups"
    )


@pytest.mark.parametrize("worth", [0.0, -1.0, float("nan")])
def test_an_effect_worth_having_is_above_zero(worth):
    with pytest.raises(ValueError, match="expected more than 0"):
        verdict(compare(*by_group(1, 2)), worth)


@pytest.mark.parametrize(
    ("a", "b", "groups"),
    [((2, 3), (2, 2), 2), ((2, 3), (2, 3), 3), ((0, 3), (0, 3), 0), ((2, 0), (2, 0), 2)],
    ids=["shapes", "groups", "no view", "no seed"],
)
def test_unlike_delays_are_refused(a, b, groups):
    with pytest.raises(ValueError, match=r"expected \(views, seeds\), both alike"):
        compare(np.zeros(a), np.zeros(b), ["g"] * groups)


def test_the_primary_interval_is_of_the_module_s_draws():
    found = compare(*by_group(1, 2, 3, seeds=3), seed=5)
    assert found.method == f"bootstrap over 3 groups with 3 seeds drawn inside, {DRAWS} draws, seed 5"
