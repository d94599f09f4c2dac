"""Every figure of the gate against a value counted by hand."""

import msgspec
import pytest

from scoring import gate
from scoring.day import WARM_UP, Due, day_of
from scoring.statistic import ratio_interval
from tests.scoring.test_score import event, judge, truth


def day(
    labels,
    *events,
    stream="cam",
    date=None,
    causes=None,
    nights=(),
    known=True,
    seen=False,
    name="v",
    carried=(),
    **more,
):
    sequence = truth(labels, **more)
    if date is not None:
        shift = date * 86400.0 - sequence.frames[0].epoch
        frames = tuple(msgspec.structs.replace(f, epoch=f.epoch + shift) for f in sequence.frames)
        ignition = None if sequence.ignition_epoch is None else sequence.ignition_epoch + shift
        sequence = msgspec.structs.replace(sequence, frames=frames, ignition_epoch=ignition)
    sequence = msgspec.structs.replace(sequence, id=name)
    causes = causes or {}
    skip = [i for i, cause in causes.items() if cause != WARM_UP]
    result = judge(sequence, *(event(sequence, *one) for one in events), skip=skip)
    due = [Due(cause=causes.get(i), night=(i in nights) if known else None) for i in range(len(labels))]
    return day_of(sequence, result, due, stream=stream, seen=seen)


def test_rates_are_of_watched_hours_and_count_an_event_again_every_15_minutes():
    """60 quiet minutes, 10 of them dark: 50 watched. Open from minute 20 to 40: once, and once more."""
    one = day("n" * 60, (20, 40), causes=dict.fromkeys(range(10), "dark"))
    found = gate.report([one]).events
    assert found.alarms.per_hour.count == 2
    assert found.alarms.per_hour.exposure == pytest.approx(50 / 60)
    assert found.alarms.per_hour.value == pytest.approx(2.4)
    assert found.alarms.per_day == pytest.approx(57.6)
    assert found.open.value == pytest.approx(20 / 50)
    watched = gate.report([one]).watched
    assert (watched.frames.count, watched.frames.exposure, watched.causes) == (50, 60, {"dark": 10})


def test_warm_up_is_scored_but_not_watched():
    one = day("n" * 20, causes={0: WARM_UP, 1: WARM_UP})
    report = gate.report([one])
    assert report.events.alarms.per_hour.exposure == pytest.approx(18 / 60)
    assert report.watched.causes == {WARM_UP: 2}


def test_days_of_one_date_are_one_unit_and_the_worst_is_named():
    """Three days of a camera: 3 alarms, 1, and none; on the first in two sequences."""
    days = [
        day("n" * 30, (1, 3), (5, 7), date=0, name="a"),
        day("n" * 30, (1, 3), date=0.5, name="b"),
        day("n" * 60, (4, 9), date=1, name="c"),
        day("n" * 60, date=2, name="d"),
    ]
    alarms = gate.report(days).events.alarms
    assert (alarms.days, alarms.days_with, alarms.without_worst) == (3, 2, 1)
    assert alarms.worst == "cam 1970-01-01"
    assert alarms.per_hour.count == 4
    assert alarms.per_hour.exposure == pytest.approx(3.0)
    assert alarms.per_hour.low == pytest.approx(0.0)  # the quiet day three times
    assert alarms.per_hour.high == pytest.approx(3.0)  # the worst one three times
    assert "3 camera-days" in alarms.per_hour.method


def test_streams_of_one_camera_share_its_days():
    """Twins see the same: alarms of one date are one unit, whatever stream they are in."""
    days = [day("n" * 30, (1, 3), date=0, name=name, stream=name) for name in ("cam", "cam (2)")]
    alarms = gate.report(days).events.alarms
    assert (alarms.days, alarms.days_with, alarms.per_hour.count) == (1, 1, 2)


def test_days_that_agree_have_no_interval():
    """Drawn again, they could only say the same."""
    days = [day("n" * 30, (1, 3), date=i, name=str(i)) for i in range(3)]
    per_hour = gate.report(days).events.alarms.per_hour
    assert (per_hour.value, per_hour.low, per_hour.high) == (pytest.approx(2.0), None, None)
    assert per_hour.method == "none over 3 camera-days that agree"


def test_no_alarm_still_allows_three_over_the_exposure():
    alarms = gate.report([day("n" * 60, date=i, name=str(i)) for i in range(3)]).events.alarms
    assert (alarms.per_hour.value, alarms.per_hour.low) == (0, 0)
    assert alarms.per_hour.high == pytest.approx(1.0)
    assert "one-sided" in alarms.per_hour.method
    assert alarms.worst is None


def test_capped_delay_is_after_the_first_box_and_a_miss_is_thirty_minutes():
    """First box at minute 2: found at minute 1 (−1), at minute 7 (5), never (30), after 40 minutes (30): mean 16."""
    labels = "nnn" + "uu" + "s" * 50
    days = [
        day(labels, (4,), name="a", ignition_at=3),
        day(labels, (10,), name="b", ignition_at=3),
        day(labels, name="c", ignition_at=3),
        day(labels, (45,), name="d", ignition_at=3),
    ]
    found = gate.report(days).events
    assert found.delay_min.value == pytest.approx(16.0)
    assert (found.found.views.count, found.found.views.total) == (3, 4)


def test_what_a_classifier_finds_is_not_localised():
    """An event far from the smoke: found anywhere, not near; of a classifier, near is unknown."""
    labels = "nnn" + "s" * 20
    far = day(labels, (5, 9, (400, 400, 416, 416)))
    found = gate.report([far]).events
    assert (found.found.views.count, found.found.views.total) == (0, 1)
    assert (found.anywhere.views.count, found.anywhere.views.total) == (1, 1)
    assert found.anywhere_delay_min.value == pytest.approx(2.0)
    whole = gate.report([msgspec.structs.replace(far, localised=False)]).events
    assert (whole.found.views.total, whole.delay_min.value) == (0, None)
    assert whole.anywhere.views.count == 1


def test_candidates_and_alerts_are_counted_apart():
    one = day("n" * 40, (5, 9))
    alerts = msgspec.structs.replace(one.result.alerts, openings=())
    frames = tuple(msgspec.structs.replace(frame, alert=False) for frame in one.frames)
    one = msgspec.structs.replace(
        one, frames=frames, result=msgspec.structs.replace(one.result, alerts=alerts)
    )
    report = gate.report([one])
    assert (report.events.alarms.per_hour.count, report.alerts.alarms.per_hour.count) == (1, 0)
    assert (report.events.open.count, report.alerts.open.count) == (pytest.approx(4 / 60), 0)


def test_an_alarm_counts_by_day_or_by_night_where_it_opened():
    one = day("n" * 60, (5, 8), (40, 50), nights=range(30, 60))
    by_day, by_night = (gate.half([one], night=night) for night in (False, True))
    for part in (by_day, by_night):
        assert part.events.per_hour.count == 1
        assert part.events.per_hour.exposure == pytest.approx(0.5)
    assert (by_day.events_open.value, by_night.events_open.value) == (
        pytest.approx(3 / 30),
        pytest.approx(10 / 30),
    )


def test_where_nobody_knows_it_is_neither_day_nor_night():
    days = [
        day("n" * 60, (5, 8), known=False),
        day("n" * 50, (5, 8), known=False, accelerated=True, name="w"),
    ]
    for night, counts in ((False, 0), (True, 0), (None, 1)):
        assert gate.half(days, night=night).events.per_hour.count == counts
        assert gate.stress_half(days, night=night).events.openings.count == counts


def test_accelerated_days_are_told_per_frame_and_never_per_hour():
    """50 watched frames, open in 20 of them: an opening and, 15 frames on, a second one: 4 of 100."""
    fast = day("n" * 50, (10, 30), accelerated=True)
    slow = day("n" * 60, name="w")
    stress = gate.stress([fast, slow])
    assert (stress.sequences, stress.events.openings.count) == (1, 2)
    assert stress.events.openings.value == pytest.approx(4.0)
    assert stress.events.open.value == pytest.approx(0.4)
    report = gate.report([fast, slow])
    assert (report.sequences, report.events.alarms.per_hour.count) == (1, 0)
    assert report.events.alarms.per_hour.exposure == pytest.approx(1.0)


def test_stress_by_night_has_the_frames_and_openings_of_the_night():
    fast = day("n" * 50, (10, 20), (40, 42), accelerated=True, nights=range(25, 50))
    night = gate.stress_half([fast], night=True)
    assert (night.events.openings.count, night.events.openings.exposure) == (1, 25)
    assert night.alerts.openings.count == 1
    assert night.events.open.value == pytest.approx(2 / 25)


def test_frame_f1_of_always_open():
    assert gate.frame_f1([(True, True)] * 3 + [(True, False)] * 2) == pytest.approx(6 / 8)
    assert gate.frame_f1([]) is None


def test_a_ratio_interval_draws_whole_parts():
    assert ratio_interval([(1.0, 1.0)], draws=10, seed=0) is None
    assert ratio_interval([(1.0, 0.0), (2.0, 0.0)], draws=10, seed=0) is None
    low, high = ratio_interval([(0.0, 1.0), (2.0, 1.0)], draws=2000, seed=0)
    assert (low, high) == (0.0, 2.0)
    assert ratio_interval([(3.0, 2.0)] * 5, draws=50, seed=1) == (1.5, 1.5)


def test_folds_are_pooled_by_their_days():
    first, second = day("n" * 60, (4, 9), name="a"), day("n" * 60, date=1, name="b")
    pooled = gate.report([first, second])
    assert (pooled.events.alarms.per_hour.count, pooled.sequences) == (1, 2)
    assert pooled.events.alarms.per_hour.exposure == pytest.approx(2.0)
