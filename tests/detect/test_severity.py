"""When an event becomes an alert, and that it never goes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.region import Region
from edge.detect.severity import Severities, Standing, advance, merge, patient
from edge.detect.tracker import Tracker
from edge.model.alert import ESCALATE_S_MAX, AlertRule
from edge.model.manifest import Confirmation


def region(row, col, side=2, peak=1.0):
    box = (row, col, row + side, col + side)
    return Region("smoke", peak, (row, col), side * side, box, (col, row, col + side, row + side))


def play(rule, frames, step_s=60.0, risk="neutral", held=()):
    """Return (frame, track, cause) of each alert; events open at their first sight and close after 20 unseen frames."""
    tracker, severities = Tracker(Confirmation(hits=1, window=1, close_after=20)), Severities(rule)
    return [
        (index, track, cause)
        for index, regions in enumerate(frames)
        for track, cause in severities.update(
            tracker.update(regions), step_s if index else 0.0, risk, held=index in held
        ).items()
    ]


PLUME = [region(4, 4)]


@pytest.mark.parametrize(
    ("rule", "frames", "alert"),
    [
        ({"scores": {"smoke": 5.0}}, [PLUME, PLUME, [region(4, 4, peak=5.0)]], (2, "score")),
        ({"scores": {"smoke": 5.0}}, [[region(4, 4, peak=5.0)]], (0, "score")),
        ({"scores": {"fire": 0.5}}, [PLUME, PLUME], None),
        ({"growth": 2.0}, [PLUME, [region(4, 4), region(4, 5)], PLUME], (1, "growth")),
        ({"growth": 2.0}, [[region(4, 4, 1)], [region(4, 4, 1), region(5, 5, 1)]], (1, "growth")),
        ({"growth": 4.0}, [[region(4, 4, 1)], PLUME], (1, "growth")),
        ({"growth": 2.5}, [PLUME, [region(4, 4), region(5, 4)], PLUME], None),
        ({"persistence_s": 120.0}, [PLUME, PLUME, PLUME, PLUME], (2, "persistence")),
        ({"persistence_s": 120.0}, [PLUME, [], PLUME, [], PLUME], (4, "persistence")),
        ({"persistence_s": 120.0}, [PLUME, [], [], [], PLUME], None),
        ({}, [PLUME, [], [], [], [], [], []], (5, "escalation")),
        ({}, [PLUME] * 8, (5, "escalation")),
    ],
)
def test_a_candidate_becomes_an_alert_by(rule, frames, alert):
    got = play(AlertRule(escalate_s=300.0, **rule), frames)
    assert got == ([] if alert is None else [(alert[0], 1, alert[1])])


@pytest.mark.parametrize(
    ("risk", "rule", "alert"),
    [
        ("high", {"persistence_s": 240.0}, (2, "persistence")),
        ("low", {"persistence_s": 240.0}, (8, "persistence")),
        ("high", {}, (5, "escalation")),
        ("low", {}, (20, "escalation")),
        ("low", {"growth": 1.0}, (0, "growth")),
        ("low", {"scores": {"smoke": 1.0}}, (0, "score")),
    ],
)
def test_the_fire_risk_changes_how_long_a_candidate_waits_and_nothing_else(risk, rule, alert):
    got = play(AlertRule(escalate_s=600.0, **rule), [PLUME] * 30, risk=risk)
    assert got == [(alert[0], 1, alert[1])]


def test_no_candidate_waits_longer_than_a_manifest_may_say():
    waits = patient(AlertRule(escalate_s=ESCALATE_S_MAX), "low").escalate_s
    assert waits == ESCALATE_S_MAX == 6 * 3600


def test_without_a_rule_nothing_is_said_of_severity():
    assert play(None, [PLUME] * 100) == []


def test_an_event_that_closes_with_a_frame_becomes_no_alert_with_it():
    tracker = Tracker(Confirmation(hits=1, window=1, close_after=2))
    severities = Severities(AlertRule(escalate_s=120.0))
    said = [severities.update(tracker.update(regions), 60.0) for regions in (PLUME, [], [], [])]
    assert said == [{}, {}, {}, {}]


def test_a_plume_that_takes_in_an_alert_is_one():
    old, loud = region(4, 4), region(4, 12, peak=9.0)
    bridge = region(4, 4, side=10)
    rule = AlertRule(escalate_s=3600.0, scores={"smoke": 10.0})
    assert play(rule, [[old], [old, loud], [bridge], [old]]) == []
    rule = AlertRule(escalate_s=3600.0, scores={"smoke": 9.0})
    assert play(rule, [[old], [old, loud], [bridge], [old]]) == [(1, 2, "score"), (2, 1, "merged")]


def test_a_plume_that_takes_in_an_older_one_is_as_old():
    assert merge(Standing(2, 10.0, 5.0), Standing(9, 20.0, 1.0)) == Standing(2, 20.0, 5.0)
    assert merge(Standing(2, cause="growth"), Standing(9, cause="score")).cause == "growth"


rules = st.builds(
    AlertRule,
    escalate_s=st.floats(60, 900),
    persistence_s=st.none() | st.floats(1, 60),
    growth=st.none() | st.floats(1.1, 5),
    scores=st.just({}) | st.builds(lambda score: {"smoke": score}, st.floats(1, 9)),
)
scenes = st.lists(
    st.lists(
        st.builds(region, st.integers(0, 12), st.integers(0, 12), st.integers(1, 5), st.floats(1, 9)),
        max_size=5,
    ),
    max_size=30,
)


@given(rules, scenes, st.data())
def test_severity_never_falls_and_no_candidate_is_open_for_longer_than_stated(rule, frames, data):
    """Whatever is seen: one alert an event, at the latest when it was open for so long; the tracker is not touched."""
    plain, watched = Tracker(CONFIRM), Tracker(CONFIRM)
    severities, alerts, since = Severities(rule), set(), {}
    now_s = 0.0
    for regions in frames:
        step_s = data.draw(st.sampled_from([0.0, 30.0, 60.0, 120.0]))
        now_s += step_s
        changes = watched.update(regions)
        assert changes == plain.update(regions)
        new = severities.update(changes, step_s)
        for change in changes:
            if change.kind == "opened":
                since[change.track] = now_s
            elif change.kind == "closed":
                del since[change.track]
        assert new.keys() <= since.keys()
        assert not new.keys() & alerts
        alerts |= new.keys()
        late = {track for track, opened_s in since.items() if now_s - opened_s >= rule.escalate_s}
        assert late <= alerts
        assert watched.open_count == len(since)


CONFIRM = Confirmation(hits=1, window=2, close_after=3)


@given(
    rules,
    st.builds(
        Standing, st.integers(1, 9), st.floats(0, 900), st.floats(0, 900), st.sampled_from([None, "growth"])
    ),
    st.floats(0, 900),
)
def test_a_step_only_adds(rule, standing, step_s):
    later = advance(rule, standing, step_s, None)
    assert later.watched_s == standing.watched_s + step_s
    assert later.seen_s == standing.seen_s
    assert later.cause == (standing.cause or ("escalation" if later.watched_s >= rule.escalate_s else None))


LOUD, WIDE = [region(4, 4, peak=5.0)], [region(4, 4, 4)]
NIGHT = range(4)


@pytest.mark.parametrize(
    ("rule", "frames", "alert"),
    [
        ({"scores": {"smoke": 5.0}}, [LOUD] * 4, None),
        ({"scores": {"smoke": 5.0}}, [*[LOUD] * 4, PLUME], None),
        ({"scores": {"smoke": 5.0}}, [*[PLUME] * 4, LOUD], (4, "score")),
        ({"growth": 2.0}, [PLUME, WIDE, WIDE, WIDE], None),
        ({"growth": 2.0}, [PLUME, WIDE, WIDE, WIDE, WIDE], (4, "growth")),
        ({"persistence_s": 120.0}, [PLUME] * 5, None),
        ({"persistence_s": 120.0}, [PLUME] * 6, (5, "persistence")),
        ({"persistence_s": 180.0}, [PLUME] * 6, (5, "escalation")),
        ({"persistence_s": 60.0}, [PLUME] * 5, (4, "persistence")),
        ({"persistence_s": 60.0, "growth": 2.0, "scores": {"smoke": 1.0}}, [PLUME, *[WIDE] * 3], None),
    ],
)
def test_while_it_is_held_only_the_time_open_makes_an_alert(rule, frames, alert):
    got = play(AlertRule(escalate_s=300.0, **rule), frames, held=NIGHT)
    assert got == ([] if alert is None else [(alert[0], 1, alert[1])])


def test_the_time_open_makes_an_alert_of_what_is_held_and_an_alert_stays_one():
    rule = AlertRule(escalate_s=300.0, scores={"smoke": 5.0})
    assert play(rule, [PLUME] * 8, held=range(8)) == [(5, 1, "escalation")]
    assert play(rule, [LOUD, PLUME, PLUME], held=range(1, 3)) == [(0, 1, "score")]


def test_a_plume_that_a_held_one_flows_into_remembers_it():
    assert merge(Standing(4), Standing(4, held=True)).held
    assert not merge(Standing(4), Standing(4)).held
