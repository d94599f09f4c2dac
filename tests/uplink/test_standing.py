"""What people told the tower, by simulated clocks."""

import dataclasses
from datetime import UTC, datetime

import msgspec
import pytest

from edge.alert.event import Alerted, Event, Stamp
from edge.errors import CommandError
from edge.uplink.command import KINDS, Order, arguments_of, new_operator
from edge.uplink.gate import Given
from edge.uplink.standing import HELD_MAX, FireRisk, Kept, Standing

S = 1_000_000_000
HOUR = 3600 * S
BO = new_operator("bo", "admin")
BOX = (100, 100, 200, 200)


def asked(command, now_ns, **arguments):
    order = Order(
        tower="tower-7", id="3f2a9c01d4e5", command=command, arguments=arguments,
        boot_id="boot", sequence=1, sent_at=datetime(2026, 11, 29, tzinfo=UTC),
    )  # fmt: skip
    return Given(order, arguments_of(order, KINDS[command]), BO, now_ns)


def snooze(standing, now_ns, duration_s, camera="north"):
    return standing.set_snooze(
        asked("snooze", now_ns, camera=camera, duration_s=duration_s, reason="a permit")
    )


def event(id_="a", revision=1, phase="opened", box_px=BOX, camera="north", **more):
    at = Stamp(model_s=0.0)
    return Event(
        id=id_, revision=revision, phase=phase, camera=camera, label="smoke", bundle="m@1", opened=at,
        updated=at, closed=at if phase == "closed" else None, peak=0.9, box_px=box_px, opening_box_px=BOX,
        sightings=3, **more,
    )  # fmt: skip


def fresh(**more):
    return Standing("boot", ("north", "south"), **more)


@pytest.mark.parametrize("level", ["low", "high"])
def test_the_fire_risk_is_neutral_after_a_day(level):
    standing = fresh()
    assert standing.fire_risk(0) == FireRisk()
    assert level in standing.set_fire_risk(asked("fire_risk", 5 * S, level=level))
    end_ns = 24 * HOUR + 5 * S
    assert standing.fire_risk(end_ns - 1) == FireRisk(level=level, by="bo", until_ns=end_ns)
    assert standing.fire_risk(end_ns).level == "neutral"
    standing.set_fire_risk(asked("fire_risk", end_ns, level=level))
    standing.set_fire_risk(asked("fire_risk", end_ns, level="neutral"))
    assert standing.fire_risk(end_ns) == FireRisk(level="neutral", by="bo")


def test_a_snooze_holds_one_camera_and_ends_with_a_list():
    standing = fresh()
    assert not standing.holds(event("before"), 0)
    assert "240 min" in snooze(standing, 10 * S, 4 * 3600)
    (told,) = standing.snoozes(11 * S)
    assert (told.camera, told.by, told.reason) == ("north", "bo", "a permit")
    assert standing.holds(event(), 12 * S)
    assert not standing.holds(event("s", camera="south"), 12 * S)
    assert standing.holds(event(revision=2, phase="updated"), 13 * S)
    assert standing.holds(event(revision=3, phase="closed"), 14 * S)
    end_ns = 4 * HOUR + 10 * S
    assert standing.ended(end_ns - 1) == ()
    assert standing.snoozes(end_ns) == ()
    (ended,) = standing.ended(end_ns)
    assert ended.why == "over"
    assert ended.snooze.silent == ["a"]
    assert ended.snooze.held["a"].closed
    assert standing.ended(end_ns + HOUR) == (ended,), "until its message is on disk"
    standing.tell(ended)
    assert standing.ended(end_ns) == ()
    assert not standing.holds(event("after"), end_ns)


def test_no_snooze_is_longer_than_four_hours_whoever_asks_for_it():
    standing = fresh()
    given = asked("snooze", 0, camera="north", duration_s=3600, reason="a permit")
    long = msgspec.structs.replace(given.arguments, duration_s=9 * 3600.0)
    standing.set_snooze(dataclasses.replace(given, arguments=long))
    assert [one.until_ns for one in standing.snoozes(0)] == [4 * HOUR]


def test_growth_breaks_through_and_stays_told():
    standing = fresh()
    snooze(standing, 0, 3600)
    assert standing.holds(event(), 1)
    assert standing.holds(event(revision=2, box_px=(100, 100, 210, 220)), 2), "not by half as much again"
    assert not standing.holds(event(revision=3, box_px=(90, 90, 210, 220)), 3)
    assert not standing.holds(event(revision=4, phase="closed"), 4), "who heard of it hears of its end"
    assert standing.holds(event("b"), 5)
    assert standing.ended(HOUR)[0].snooze.silent == ["b"]


def test_an_alert_by_growth_breaks_through():
    standing = fresh()
    snooze(standing, 0, 3600)
    alerted = Alerted(at=Stamp(model_s=1.0), by="growth", revision=2, box_px=BOX)
    assert standing.holds(event(severity="candidate"), 1)
    assert not standing.holds(event(revision=2, alerted=alerted), 2)
    loud = Alerted(at=Stamp(model_s=1.0), by="score", revision=1, box_px=BOX)
    assert standing.holds(event("loud", alerted=loud), 3)


def test_an_event_from_before_is_measured_from_the_begin_of_the_snooze():
    standing = fresh()
    snooze(standing, 0, 3600)
    grown = (0, 0, 200, 200)
    assert standing.holds(event(revision=5, phase="updated", box_px=grown), 1), "it was told at that size"
    assert not standing.holds(event(revision=6, phase="updated", box_px=(0, 0, 300, 200)), 2)


def test_a_second_snooze_ends_the_first_and_growth_counts_from_the_first_sight():
    standing = fresh()
    snooze(standing, 0, 4 * 3600)
    assert standing.holds(event(), 1)
    assert standing.holds(event("b", phase="closed"), 2)
    snooze(standing, 3 * HOUR, 4 * 3600)
    (ended,) = standing.ended(3 * HOUR)
    assert (ended.why, ended.snooze.silent) == ("renewed", ["a", "b"])
    assert standing.snoozes(3 * HOUR)[0].until_ns == 7 * HOUR
    assert standing.holds(event(revision=2, box_px=(100, 100, 220, 220)), 3 * HOUR + 1)
    assert not standing.holds(event(revision=3, box_px=(90, 90, 220, 220)), 3 * HOUR + 2)
    assert "held back: 0" in snooze(standing, 4 * HOUR, 0)
    assert [one.why for one in standing.ended(4 * HOUR)] == ["renewed", "ended"]
    assert standing.snoozes(4 * HOUR) == ()


def test_unfit_ones_are_refused():
    standing = fresh()
    for duration_s, camera in ((0, "north"), (60, "west")):
        with pytest.raises(CommandError) as raised:
            snooze(standing, 0, duration_s, camera)
        assert raised.value.reason == "unfit"
    assert standing.kept() == Kept(boot_id="boot")


def test_too_many_events_are_told():
    standing = fresh()
    snooze(standing, 0, 3600)
    assert all(standing.holds(event(f"e{i}"), 1) for i in range(HELD_MAX))
    assert not standing.holds(event("one-more"), 1)
    assert standing.holds(event("e0", revision=2), 1)


def through_disk(standing):
    return msgspec.json.decode(msgspec.json.encode(standing.kept()), type=Kept)


def test_a_new_run_in_the_same_boot_goes_on():
    standing = fresh()
    standing.set_fire_risk(asked("fire_risk", 0, level="high"))
    snooze(standing, 0, 60)
    standing.holds(event("a"), 1)
    snooze(standing, 30 * S, 60)
    again = fresh(kept=through_disk(standing))
    assert again.fire_risk(HOUR).level == "high"
    assert again.holds(event("b"), 31 * S)
    assert [one.why for one in again.ended(90 * S)] == ["renewed", "over"]
    assert again.ended(90 * S)[1].snooze.silent == ["a", "b"]


def test_a_reboot_ends_everything_and_what_was_held_back_is_told():
    standing = fresh()
    standing.set_fire_risk(asked("fire_risk", 0, level="low"))
    snooze(standing, 0, 3600)
    standing.holds(event("a"), 1)
    after = Standing("another boot", ("north",), through_disk(standing))
    assert after.fire_risk(0).level == "neutral"
    assert after.snoozes(0) == ()
    assert not after.holds(event("c"), 0)
    (ended,) = after.ended(0)
    assert (ended.why, ended.snooze.silent) == ("rebooted", ["a"])
    after.tell(ended)
    assert Standing("a third", ("north",), through_disk(after)).ended(0) == ()
