"""What a cadence costs: each sequence counts once whatever its first frames, and the rule asks both severities."""

import math

import pytest

from training.smoke.detector.delay import METHOD, Row, Told, estimate, figures


def row(sequence: str, cadence_s: float, delay_min: float | None, **more) -> Row:
    one = Told(delay_min=delay_min, found=None if delay_min is None else delay_min < 30, false_alarms=0)
    known = {
        "fold": "1", "group": sequence[0], "leg": "real", "every": 1, "offset": 0, "frames": 10,
        "quiet": delay_min is None, "watched_h": 1.0, "candidates": one, "alerts": one,
    }  # fmt: skip
    return Row(sequence=sequence, cadence_s=cadence_s, **(known | more))


def only(rows, cadence_s, leg="real"):
    return next(one for one in figures(rows) if (one.cadence_s, one.leg) == (cadence_s, leg))


def test_a_sequence_counts_the_mean_of_its_first_frames() -> None:
    rows = [row("a", 60, 4.0), row("b", 60, 8.0)]
    rows += [row("a", 120, 30.0, offset=0), row("a", 120, 10.0, offset=1), row("b", 120, 9.0)]
    found = only(rows, 120).candidates
    assert found.delay_min.value == (20 + 9) / 2  # and not (30 + 10 + 9) / 3
    assert found.above_min.value == (16 + 1) / 2
    assert (found.views, found.found.count, found.found.value) == (2, 1.5, 0.75)
    assert found.folds == {"1": 14.5}


def test_each_fold_is_told() -> None:
    rows = [row("a", 60, 4.0), row("b", 60, 8.0, fold="2"), row("q", 60, None, fold="road")]
    assert only(rows, 60).alerts.folds == {"1": 4.0, "2": 8.0}


def test_only_sequences_of_both_cadences_are_compared() -> None:
    """A camera that takes a frame every three minutes is late, and says nothing of a minute."""
    rows = [row("a", 60, 4.0), row("a", 180, 5.0), row("b", 180, 29.0), row("c", 60, 30.0)]
    found = only(rows, 180).candidates
    assert found.above_min.value == 1.0
    assert found.delay_min.value == 17.0
    lone = [row("a", 60, 4.0), row("b", 180, 2.0)]
    assert only(lone, 180).candidates.above_min is None
    assert not only(lone, 180).within


@pytest.mark.parametrize(
    ("candidates", "alerts", "within"), [(7, 7, True), (7.01, 7, False), (7, 7.01, False), (1, 1, True)]
)
def test_three_minutes_above_a_minute_are_within_for_both_severities(candidates, alerts, within) -> None:
    later = row("a", 120, candidates, alerts=Told(delay_min=alerts, found=True, false_alarms=0))
    assert only([row("a", 60, 4.0), later], 120).within is within


def test_rendered_fires_are_compared_with_rendered_fires() -> None:
    rows = [row("a", 60, 1.0), row("f", 60, 20.0, leg="rendered"), row("f", 30, 19.0, leg="rendered")]
    assert only(rows, 30, "rendered").candidates.above_min.value == -1
    assert only(rows, 30, "rendered").within


def test_false_alarms_are_rates_before_fires_and_on_quiet_streams() -> None:
    loud, silent = (Told(delay_min=None, found=None, false_alarms=n) for n in (4, 0))
    rows = [
        row("a", 120, 5.0, watched_h=2.0, alerts=Told(delay_min=5.0, found=True, false_alarms=1)),
        row("q", 120, None, offset=0, watched_h=10.0, alerts=loud),
        row("q", 120, None, offset=1, watched_h=9.0, alerts=silent),
    ]
    found = only(rows, 120).alerts
    assert (found.before.count, found.before.exposure) == (1, 2)
    assert (found.quiet.count, found.quiet.exposure) == (2, 9.5)  # of one pass, not of two
    none = only(rows, 120).candidates.quiet
    assert (none.value, none.low, none.high) == (0, 0, 3 / 9.5)
    assert "one-sided" in none.method


def test_intervals_are_over_camera_groups() -> None:
    parts = [("a", 1.0, 1.0), ("a", 3.0, 1.0), ("b", 6.0, 1.0), ("c", 2.0, 1.0)]
    found = estimate(parts, "views", 0)
    assert (found.count, found.value) == (12, 3)
    assert found.method == "bootstrap over 3 camera groups"
    assert found.low == 2
    assert found.high == 6
    joined = estimate([("a", 4.0, 2.0), *parts[2:]], "views", 0)
    assert joined == found  # views of one group are drawn together
    alone = estimate([("a", 1.0, 1.0), ("a", 9.0, 1.0)], "views", 0)
    assert (alone.low, alone.high, alone.method) == (None, None, "none over 1 camera groups")
    assert estimate([], "views", 0).value is None
    assert math.isfinite(found.low)


def test_the_method_says_rendered() -> None:
    assert "shown twice" in METHOD["rendered"]
