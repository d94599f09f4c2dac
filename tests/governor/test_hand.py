"""What the governor does to a tower."""

import threading

import pytest

from edge.camera.schedule import Schedule
from edge.counter.drops import Account
from edge.errors import RuntimeModelError
from edge.governor.hand import Gear, Hand, levers_of
from edge.governor.table import RETURN_S
from edge.health import CameraFacts, judge_all
from tests.governor.test_governor import Said, governor
from tests.governor.test_pace import TRAINED


class Reader:
    def __init__(self) -> None:
        self.resting: list[bool] = []

    def rest(self, *, resting: bool) -> None:
        self.resting.append(resting)


class Camera:
    def __init__(self) -> None:
        self.schedule = Schedule(60)


class Rig:
    """A tower with one camera, whose hand is stepped each second."""

    def __init__(self, **said: float) -> None:
        self.sensor = Said(**said)
        made, self.clock = governor(self.sensor)
        made.begin(threading.Event())
        self.camera, self.reader, self.account = Camera(), Reader(), Account()
        levers = levers_of(
            {"north": self.camera}, {"north": self.reader}, lambda _name: self.account, TRAINED
        )
        self.spared: list[bool] = []
        self.lean: list[bool] = []
        self.hand = Hand(made, self.clock, levers, spare=self.spared.append, lean=self.lean.append)

    def run(self, seconds: float, *, open_event: bool = False) -> None:
        for _ in range(round(seconds)):
            self.clock.now_s += 1
            self.hand.step("neutral", open_event=open_event)

    def said(self, **said: float) -> None:
        self.sensor.said = dict(said)

    def health(self, *, scored_ago_s: float = 5.0):
        now_ns = self.clock.mono_ns()
        facts = CameraFacts(
            last_scored_mono_ns=now_ns - round(scored_ago_s * 1e9),
            started_mono_ns=0,
            condition="ok",
            cadence_s=self.camera.schedule.cadence_s,
        )
        shown = self.hand.facts(facts, facts.cadence_s, self.hand.due_s())
        return self.hand.amended(judge_all({"north": shown}, now_ns))


def test_a_tower_that_has_enough_is_as_it_was() -> None:
    rig = Rig(voltage_v=13.0)
    rig.run(100)
    assert rig.reader.resting == []
    assert not any(rig.spared)
    assert not any(rig.lean)
    assert rig.camera.schedule.cadence_s == 60
    assert rig.hand.page_off() is None
    assert rig.health().reasons == []


def test_pictures_page_and_threads_go_first_then_the_cadence() -> None:
    rig = Rig(voltage_v=13.0)
    rig.said(voltage_v=12.25)
    rig.run(60)
    assert rig.spared[-1]
    assert rig.lean[-1]
    assert rig.hand.page_off() == "save: battery at 12.25 V, until above 12.6 V"
    assert rig.camera.schedule.cadence_s == 60
    rig.said(voltage_v=12.05)
    rig.run(60)
    assert rig.camera.schedule.cadence_s == 200
    assert rig.reader.resting == []


def test_sleep_closes_cameras_and_is_healthy_with_its_reason_and_waking_warms_up() -> None:
    rig = Rig(voltage_v=13.0)
    rig.said(voltage_v=11.7)
    rig.run(130)
    assert rig.reader.resting == [True]
    health = rig.health(scored_ago_s=100_000)
    assert health.healthy
    assert health.cameras["north"].state == "governed"
    due_s = health.cameras["north"].due_s
    assert isinstance(due_s, float)
    assert 0 < due_s <= 1800
    assert health.cameras["north"].reason == f"closed by the governor, its next frame is due in {due_s:.0f} s"
    assert health.reasons[0].startswith("governor: not watching from 12:01 to 12:31 UTC: sleep: ")
    rig.said(voltage_v=13.0)
    rig.run(60)
    assert rig.reader.resting == [True, False]
    assert rig.camera.schedule.cadence_s == 50
    assert rig.health(scored_ago_s=100_000).healthy, "its silence counts from its opening"
    rig.clock.now_s += 151
    assert rig.health(scored_ago_s=100_000).cameras["north"].state == "stale"


def test_nobody_sleeps_while_an_event_is_open() -> None:
    rig = Rig(voltage_v=13.0)
    rig.said(voltage_v=11.7)
    rig.run(300, open_event=True)
    assert rig.reader.resting == []
    assert rig.camera.schedule.cadence_s == 200
    assert "governor: no camera sleeps: an event is open" in rig.health().reasons
    rig.said(voltage_v=11.2)
    rig.run(60, open_event=True)
    assert rig.reader.resting == [True]
    rig.said(voltage_v=13.0)
    rig.run(RETURN_S + 60, open_event=True)
    assert rig.reader.resting == [True, False]


def test_the_model_goes_on_with_one_thread_and_back() -> None:
    used: list[str] = []
    loads: list[str] = []

    def load() -> str:
        loads.append("lean")
        return "lean"

    gear = Gear(used.append, "usual", load)
    for lean in (False, True, True, False, True):
        gear.shift(lean)
    assert used == ["lean", "usual", "lean"]
    assert loads == ["lean"]
    none: list[str] = []
    Gear(none.append, "usual", None).shift(True)
    assert none == []


def test_a_model_that_cannot_be_loaded_again_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise RuntimeModelError("no memory")

    used: list[str] = []
    gear = Gear(used.append, "usual", broken)
    gear.shift(True)
    assert used == []
    assert "cannot be loaded with one thread" in caplog.text
