import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.health import CameraFacts, judge, judge_all, limit_s

SECOND = 1_000_000_000
NOW = 10_000 * SECOND

TIMES = st.integers(0, NOW)
FACTS = st.builds(
    CameraFacts,
    last_scored_mono_ns=st.none() | TIMES,
    started_mono_ns=TIMES,
    condition=st.sampled_from(["ok", "dark", "frozen"]),
    cadence_s=st.floats(0.1, 600),
    error=st.none() | st.just("401 Unauthorized"),
    finished=st.booleans(),
    last_dark_mono_ns=st.none() | TIMES,
    corrupt=st.booleans(),
    turns=st.integers(0, 3),
    view=st.integers(0, 3),
    turned_utc=st.just("2026-11-29T06:00:00Z"),
    of_view=st.sampled_from([(), ("masks",)]),
    held=st.sampled_from([(), ("night",)]),
)


def facts(scored_ago_s=5.0, dark_ago_s=None, **changes):
    last, dark = (
        None if ago_s is None else NOW - round(ago_s * SECOND) for ago_s in (scored_ago_s, dark_ago_s)
    )
    base = CameraFacts(
        last_scored_mono_ns=last, started_mono_ns=0, condition="ok", cadence_s=10.0, last_dark_mono_ns=dark
    )
    return dataclasses.replace(base, **changes)


def state(*args, **kwargs):
    return judge(facts(*args, **kwargs), NOW).state


@settings(deadline=None)
@given(FACTS)
def test_nothing_but_night_and_an_end_excuses_silence(given_facts):
    health = judge(given_facts, NOW)
    last = given_facts.last_scored_mono_ns
    seen = [ns for ns in (last, given_facts.last_dark_mono_ns) if ns is not None] or [
        given_facts.started_mono_ns
    ]
    silent_s = (NOW - max(seen)) / 1e9
    limit = limit_s(given_facts.cadence_s)
    if health.state in ("ok", "starting"):
        assert silent_s <= limit
        assert (last is None) == (health.state == "starting")
    if health.state == "stale":
        assert silent_s > limit
    if health.state == "dark":
        assert given_facts.condition == "dark"
        assert silent_s <= limit
    assert (health.state == "finished") == given_facts.finished
    if given_facts.corrupt and not given_facts.finished:
        assert health.state == "corrupt"
    elif given_facts.condition == "frozen" and not given_facts.finished:
        assert health.state == "frozen"
    assert (health.age_s is None) == (last is None)
    assert health.reason


@settings(deadline=None)
@given(FACTS, st.integers(0, 10**13))
def test_silence_never_heals(given_facts, wait_ns):
    before, after = judge(given_facts, NOW).state, judge(given_facts, NOW + wait_ns).state
    if before == "stale":
        assert after == "stale"


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), FACTS, max_size=4))
def test_the_tower_is_healthy_unless_a_camera_is_stale_frozen_or_corrupt(cameras):
    health = judge_all(cameras, NOW)
    bad = [name for name, camera in health.cameras.items() if camera.state in ("stale", "frozen", "corrupt")]
    assert health.healthy == (not bad)
    for name in bad:
        assert any(line.startswith(f"{name}: ") for line in health.reasons)
    assert msgspec.json.decode(msgspec.json.encode(health))["healthy"] == health.healthy


@pytest.mark.parametrize(("cadence_s", "expected"), [(1, 31), (10, 40), (15, 45), (60, 180)])
def test_the_limit_is_three_cadences_or_thirty_seconds_more(cadence_s, expected):
    assert limit_s(cadence_s) == expected


def test_a_camera_goes_from_starting_to_ok_to_stale():
    assert state(None, started_mono_ns=NOW - 40 * SECOND) == "starting"
    assert state(None, started_mono_ns=NOW - 41 * SECOND) == "stale"
    assert state(40.0) == "ok"
    stale = judge(facts(41.0, error="401 Unauthorized"), NOW)
    assert stale.state == "stale"
    assert stale.reason == "no frame scored for 41 s since the last one (limit 40 s); 401 Unauthorized"


def test_night_explains_silence_while_it_is_looked_at():
    dark = judge(facts(30_000.0, 39.0, condition="dark"), NOW)
    assert (dark.state, dark.age_s, dark.reason) == ("dark", 30_000.0, "too dark to see smoke")
    assert judge_all({"north": facts(30_000.0, 39.0, condition="dark")}, NOW).healthy


def test_dark_pictures_of_a_camera_that_is_not_dark_yet_never_make_it_stale():
    seen = judge(facts(300.0, 5.0), NOW)
    assert (seen.state, seen.reason) == ("ok", "frames are scored; the newest picture is dark")
    starting = judge(facts(None, 5.0), NOW)
    assert (starting.state, starting.reason) == (
        "starting",
        "no frame scored yet; the newest picture is dark",
    )


def test_a_dark_camera_that_reconnects_does_not_flap():
    for error in (None, "timed out"):
        assert [state(30_000.0, ago_s, condition="dark", error=error) for ago_s in (5.0, 40.0)] == [
            "dark"
        ] * 2


def test_a_camera_without_a_whole_picture_is_corrupt_whatever_its_last_ones_showed():
    for condition in ("ok", "dark", "frozen"):
        health = judge_all({"north": facts(5.0, corrupt=True, condition=condition, error="cut off")}, NOW)
        assert not health.healthy
        assert health.cameras["north"].state == "corrupt"
        assert health.reasons == ["north: no whole picture since it was opened again; cut off"]


def test_a_camera_that_died_in_the_night_is_stale():
    dead = judge(facts(30_000.0, 41.0, condition="dark", error="timed out"), NOW)
    assert dead.state == "stale"
    assert dead.reason == "no frame scored for 41 s since a dark picture (limit 40 s); timed out"


def test_what_was_made_for_another_view_is_told_until_the_camera_is_back():
    turned = {"turns": 1, "view": 1, "turned_utc": "2026-11-29T06:00:00Z"}
    made = ("masks", "heading_deg")
    health = judge_all({"north": facts(5.0, of_view=made, **turned), "south": facts(5.0, **turned)}, NOW)
    assert health.healthy
    text = "view changed at 2026-11-29T06:00:00Z; made for another view: masks, heading_deg"
    assert health.reasons == [f"north: frames are scored; {text}"]
    north = health.cameras["north"]
    assert (north.state, north.turns, north.view) == ("ok", 1, 1)
    assert health.cameras["south"].reason == "frames are scored"
    back = judge_all({"north": facts(5.0, of_view=made, **{**turned, "turns": 2, "view": 0})}, NOW)
    assert (back.reasons, back.cameras["north"].turns) == ([], 2)


def test_an_ended_recording_is_finished_and_healthy():
    health = judge_all({"clip": facts(3600.0, finished=True, condition="frozen")}, NOW)
    assert health.healthy
    assert health.reasons == ["clip: the recording has ended"]


def test_events_that_do_not_reach_the_disk_are_unhealthy_and_come_first():
    health = judge_all({"clip": facts(3600.0, finished=True)}, NOW, "store: 2 events are not on disk: full")
    assert not health.healthy
    assert health.reasons == ["store: 2 events are not on disk: full", "clip: the recording has ended"]


def test_what_holds_alerts_back_is_a_reason_and_no_trouble():
    held = {"conditions": ("fog", "night"), "held": ("night",)}
    health = judge_all({"north": facts(**held), "south": facts(conditions=("night",))}, NOW)
    assert health.healthy
    assert health.reasons == ["north: frames are scored; alerts held back: night"]
    assert (health.cameras["north"].held, health.cameras["south"].held) == (("night",), ())
    assert judge(facts(condition="dark", **held), NOW).reason == "too dark to see smoke"


def test_conditions_are_shown_and_are_no_reason_to_be_unhealthy():
    health = judge_all({"north": facts(conditions=("fog", "night"))}, NOW)
    assert health.healthy
    assert health.reasons == []
    assert msgspec.to_builtins(health.cameras["north"])["conditions"] == ("fog", "night")
    assert msgspec.to_builtins(judge(facts(conditions=()), NOW))["conditions"] == ()
    assert "conditions" not in msgspec.to_builtins(judge(facts(), NOW))
