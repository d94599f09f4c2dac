"""Thresholds fall where a camera shows nothing, never rise above the manifest's, and stand still over an open event."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.calm import Thresholds
from edge.model.calm import Calm
from edge.model.manifest import Threshold

FULL = {"smoke": Threshold(open=3.0, keep=1.0)}
RULE = Calm(margin=2.0, fall=3.5, window=6, lag=2, least=3)


def made(rule=RULE, full=None, labels=("smoke",)):
    return Thresholds(rule, full or FULL, labels)


def show(thresholds, peaks, opened=(), blocked=None):
    for peak in peaks:
        scores = np.full((2, 3, 1), -9.0, np.float32)
        scores[1, 2] = peak
        thresholds.learn(scores, blocked, opened)
    return thresholds.now["smoke"]


def test_without_a_rule_thresholds_are_the_manifests_own():
    thresholds = made(None)
    show(thresholds, [-8.0] * 20)
    assert thresholds.now is FULL
    assert thresholds.lowered("smoke") is None


def test_it_falls_to_the_margin_above_all_that_was_shown_and_keep_as_far():
    thresholds = made()
    assert show(thresholds, [-1.5, -0.5, -1.0, -1.0, -1.0]) == Threshold(open=1.5, keep=-0.5)
    assert thresholds.lowered("smoke") == 1.5


@pytest.mark.parametrize(
    ("peak", "opens"), [(-9.0, -0.5), (-2.5, -0.5), (0.0, 2.0), (1.0, 3.0), (2.5, 3.0), (8.0, 3.0)]
)
def test_it_falls_by_no_more_than_fall_and_never_stands_above_open(peak, opens):
    assert show(made(), [peak] * 9).open == opens


def test_too_short_a_past_lowers_nothing():
    thresholds = made()
    assert show(thresholds, [-1.0] * 4) == FULL["smoke"]  # two of them are too new
    assert show(thresholds, [-1.0]).open == 1.0


def test_what_is_new_raises_no_bar_and_what_is_old_is_forgotten():
    thresholds = made()
    assert show(thresholds, [-1.0] * 8).open == 1.0
    assert show(thresholds, [0.5, -1.0]).open == 1.0  # within the lag
    assert show(thresholds, [-1.0]).open == 2.5
    assert show(thresholds, [-1.0] * 5).open == 2.5  # it is the oldest of the window
    assert show(thresholds, [-1.0]).open == 1.0


def test_blocked_cells_do_not_count():
    blocked = np.zeros((2, 3), bool)
    blocked[1, 2] = True
    assert show(made(), [2.0] * 9, blocked=blocked).open == -0.5
    assert show(made(), [2.0] * 9, blocked=np.ones((2, 3), bool)).open == -0.5


def test_nothing_is_learned_of_an_open_event_nor_of_the_frames_before_it():
    thresholds = made()
    before = show(thresholds, [-1.0] * 8)
    show(thresholds, [0.5, 0.9])  # the plume is seen, and not yet confirmed
    assert show(thresholds, [5.0] * 40, opened=("smoke",)) == before
    assert show(thresholds, [-1.0]) == before  # closed
    assert show(thresholds, [-1.0] * 9) == before


def test_a_new_start_forgets_the_past_and_closes_nothing():
    thresholds = made()
    lowered = show(thresholds, [-1.0] * 8)
    assert thresholds.anew().now == FULL
    show(thresholds, [5.0], opened=("smoke",))
    new = thresholds.anew()
    assert new.now["smoke"] == lowered
    assert new.lowered("smoke") == lowered.open
    assert show(new, [5.0] * 3, opened=("smoke",)) == lowered
    assert show(new, [-1.0]) == FULL["smoke"]  # the event is over, and nothing is known yet


def test_each_label_has_its_own_past():
    full = {"fire": Threshold(open=3.0, keep=2.0), "smoke": Threshold(open=4.0, keep=4.0)}
    thresholds = made(full=full, labels=("smoke", "sky", "fire"))
    scores = np.float32([[[0.0, 50.0, -9.0]]])
    for _ in range(8):
        thresholds.learn(scores, None, ())
    assert thresholds.now == {
        "fire": Threshold(open=-0.5, keep=-1.5),
        "smoke": Threshold(open=2.0, keep=2.0),
    }
    thresholds.learn(scores, None, ("fire",))
    for _ in range(9):
        thresholds.learn(np.float32([[[1.0, 0.0, 9.0]]]), None, ("fire",))
    assert (thresholds.now["fire"].open, thresholds.now["smoke"].open) == (-0.5, 3.0)


frames = st.lists(st.tuples(st.floats(-20, 20, width=32), st.booleans()), max_size=60)


@given(frames, st.integers(0, 4), st.integers(1, 5), st.integers(0, 5))
def test_it_is_the_clipped_level_of_the_past_and_constant_while_an_event_is_open(shown, lag, least, more):
    rule = Calm(margin=2.0, fall=3.5, window=least + more, lag=lag, least=least)
    thresholds, quiet, counted = made(rule), [], deque(maxlen=rule.window)
    for peak, is_open in shown:
        before = thresholds.now["smoke"]
        after = show(thresholds, [peak], opened=("smoke",) if is_open else ())
        if is_open:
            quiet = []
            assert after == before
        else:
            quiet.append(peak)
            counted.extend(quiet[:-lag] if lag else quiet)
            quiet = quiet[-lag:] if lag else []
            level = max(counted, default=np.inf) if len(counted) >= least else np.inf
            assert after.open == pytest.approx(np.clip(level + 2.0, -0.5, 3.0))
        assert after.open <= 3.0
        assert after.open - after.keep == pytest.approx(2.0)
