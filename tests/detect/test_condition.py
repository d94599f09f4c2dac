"""Conditions of a scene begin and end slowly, each by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.condition import BEGINS, ENDS, Conditions

NAMES = ("fog", "night")


def show(conditions, *frames):
    for frame in frames:
        conditions.update(np.float32(frame))
    return conditions.standing


def test_the_first_frame_alone_says_what_stands():
    assert Conditions(NAMES).standing == ()
    assert show(Conditions(NAMES), (0.1, 0.9)) == ("night",)
    assert show(Conditions(NAMES), (0.7, 0.9)) == ("fog", "night")
    assert show(Conditions(NAMES), (0.5, 0.5)) == ()


def test_one_odd_frame_changes_nothing_and_a_few_do():
    conditions = Conditions(NAMES)
    assert show(conditions, (0.0, 0.0), (0.0, 1.0), (0.0, 1.0)) == ()
    assert show(conditions, (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)) == ("night",)
    assert show(conditions, (0.0, 0.0)) == ("night",)
    assert show(conditions, *[(0.0, 0.0)] * 3) == ()


@pytest.mark.parametrize(("before", "stands"), [(0.0, ()), (1.0, ("fog",))])
def test_between_both_bounds_it_stays_as_it_was(before, stands):
    conditions = Conditions(("fog",))
    show(conditions, (before,), *[(0.5,)] * 200)
    assert conditions.standing == stands


def test_a_model_that_tells_none_changes_nothing():
    conditions = Conditions(())
    conditions.update(None)
    assert conditions.standing == ()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60))
def test_it_stands_from_one_bound_until_the_other(probabilities):
    conditions, average, stands = Conditions(("fog",)), np.float32(probabilities[0]), False
    for value in probabilities:
        show(conditions, (value,))
        average = average + np.float32(0.2) * (np.float32(value) - average)
        stands = float(average) >= (ENDS if stands else BEGINS)
        assert conditions.standing == (("fog",) if stands else ())
