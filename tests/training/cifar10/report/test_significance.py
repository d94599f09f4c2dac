import numpy as np
import pytest

from training.cifar10.report.significance import mcnemar, paired


def test_mcnemar_counts_what_only_one_got_right():
    before = np.array([True] * 10 + [False] * 15 + [True] * 5)
    after = np.array([True] * 10 + [True] * 15 + [False] * 5)
    found = mcnemar(before, after)
    assert (found.gained, found.lost) == (15, 5)
    assert found.p == pytest.approx(0.04139, abs=1e-4)  # two-sided binomial of 5 in 20


def test_equal_classifiers_show_nothing():
    hits = np.array([True, False, True])
    assert mcnemar(hits, hits).p == 1.0


def test_the_paired_test_is_students():
    found = paired([0.90, 0.91, 0.92], [0.91, 0.93, 0.93])
    assert found.gain == pytest.approx(0.0133, abs=1e-4)
    assert found.p == pytest.approx(0.0572, abs=1e-3)  # t = 4, two degrees of freedom
    assert found.low < 0 < found.high


def test_one_seed_has_no_spread_and_equal_gains_no_p():
    assert paired([0.9], [0.91]) is None
    equal = paired([0.9052, 0.9065, 0.9052], [0.9055, 0.9068, 0.9055])  # not equal to the last bit
    assert equal.p is None
    assert equal.gain == pytest.approx(0.0003)
