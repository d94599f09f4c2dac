"""Whole towers on the fast clock, for minutes."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.camera.scene import SceneOptions
from edge.governor.band import Band
from edge.governor.option import Governor
from edge.settings import Settings
from edge.uplink.webhook import WebhookOptions
from firmware_sim.footage.fault import Fault, StreamFaults
from firmware_sim.footage.rendered import RenderedFootage
from firmware_sim.scene.blaze import Blaze
from firmware_sim.scene.landscape import Scenery
from firmware_sim.tower.errors import PlanError
from firmware_sim.tower.fast import BOOT_S, run
from firmware_sim.tower.life import TICK_S
from firmware_sim.tower.plan import Line, Receiver, Say, Span, View
from firmware_sim.tower.run import Run
from tests.firmware_sim.tower.conftest import BEGIN_S, Hills, plan, power, settings

ROOT = Path(__file__).parents[3]
Ran = Callable[..., Run]


def hills(*faults: Fault) -> View:
    return View(footage=Hills(), kind="rendered", faults=StreamFaults(faults, BEGIN_S))


def sums_up(told: Run) -> None:
    for camera in told.cameras.values():
        assert camera.decoded == camera.scored + sum(camera.dropped.values()) + camera.waiting


def test_a_quiet_tower_watches_and_says_so_in_time(ran: Ran) -> None:
    told = ran(minutes=10)
    camera = told.cameras["north"]
    assert camera.decoded == camera.scored == 11  # the first at once, then at its cadence
    assert camera.watched_s == pytest.approx(600, abs=7)
    assert (camera.fire_s, camera.waiting, camera.reconnects) == (0, 0, 0)
    sums_up(told)
    assert [sample.at_s - BEGIN_S for sample in told.samples] == [60.0 * number for number in range(11)]
    assert told.samples[-1].health == "ok"
    assert told.samples[-1].charge is None
    assert told.samples[-1].cadence_s == {"north": 60.0}
    assert [beat.sequence for beat in told.beats] == list(range(31, 41))
    for before, after in pairwise(told.beats):
        assert after.made_s == pytest.approx(before.next_s, abs=0.5)
    assert not told.events
    assert not told.spells
    assert (told.power_source, told.sources, told.days, told.wall_s) == ("", {}, (), None)


def test_a_rendered_fire_is_found_and_told(ran: Ran, tmp_path: Path) -> None:
    blaze = Blaze(fire="a", at_s=120, density=3.0, bearing_deg=5, distance_km=3, full_px=250, first_px=60)
    noon_s = BEGIN_S + 12 * 3600
    footage = RenderedFootage(Scenery(seed=3), (blaze,), noon_s)
    told = ran(minutes=12, begin_s=noon_s, cameras={"north": View(footage=footage, kind="rendered")})
    (fire,) = told.fires
    assert (fire.fire, fire.kind, fire.ignition_s) == ("a", "rendered", noon_s + 120)
    assert fire.shown_s is not None
    found = [event for event in told.events if event.verdict == "find"]
    assert found[0].fires == ("a",)
    assert noon_s + 120 < found[0].opened_s < told.to_s
    assert (tmp_path / (found[0].picture or "")).read_bytes().startswith(b"\xff\xd8")
    mine = [mail for mail in told.mails if mail.event == found[0].id]
    assert {mail.kind for mail in mine} == {"event", "image"}
    opening = next(mail for mail in mine if mail.key == f"{found[0].id}.1")
    assert opening.committed_s == found[0].opened_s
    assert (opening.fate, opening.copies) == ("delivered", 1)
    assert opening.delivered_s is not None
    assert 0 < opening.delivered_s - opening.committed_s < 1
    assert told.cameras["north"].fire_s == 600
    assert told.cameras["north"].fire_watched_s == pytest.approx(600, abs=7)
    sums_up(told)


def test_a_cut_camera_is_opened_again_and_its_time_is_not_watched(ran: Ran) -> None:
    cut = hills(Fault(kind="cut", from_s=100, to_s=500))
    told = ran(minutes=14, settings=settings("east", "north"), cameras={"east": cut, "north": hills()})
    east, north = told.cameras["east"], told.cameras["north"]
    assert east.reconnects > 3
    assert north.reconnects == 0
    assert 360 < north.watched_s - east.watched_s < 480
    assert "east: no frame scored for" in told.samples[7].health
    assert told.samples[-1].health == "ok"
    stale, well = (mail for mail in told.mails if mail.kind == "camera")
    assert BEGIN_S + 54 + 180 <= stale.committed_s <= BEGIN_S + 54 + 180 + 2 * TICK_S
    assert well.committed_s > BEGIN_S + 500
    sums_up(told)


def test_damaged_pictures_are_counted(ran: Ran) -> None:
    told = ran(minutes=5, cameras={"north": hills(Fault(kind="corrupt", from_s=100, to_s=200))})
    assert told.cameras["north"].dropped["corrupt"] >= 1
    sums_up(told)


REST = Governor(
    ve_direct="/dev/ttyUSB0",
    bands=(Band(name="rest", economy="sleep", voltage_v=(12.4, 12.6), sleep_s=600, watch_s=300),),
)


def test_the_governor_sleeps_on_an_empty_battery_and_wakes(ran: Ran) -> None:
    told = ran(minutes=30, settings=settings(governor=REST), power=power(charge=0.5))
    first, second = told.spells[:2]
    assert (first.cause, second.cause) == ("sleep", "sleep")
    for spell in (first, second):
        assert spell.told_s is not None
        assert spell.from_s - spell.told_s == pytest.approx(60, abs=TICK_S)
        assert spell.why.startswith("rest: battery at ")
    assert first.to_s is not None
    assert first.to_s - first.from_s == pytest.approx(600, abs=TICK_S)
    assert second.from_s - first.to_s == pytest.approx(300, abs=2 * TICK_S)
    asleep = [sample for sample in told.samples if first.from_s < sample.at_s < first.to_s]
    assert all(sample.asleep and sample.cadence_s == {"north": None} for sample in asleep)
    assert all(sample.bands == ("rest",) for sample in asleep)
    awake = next(sample for sample in told.samples if sample.at_s > first.to_s)
    assert 0 < (awake.cadence_s["north"] or 0) < 60  # it warms up
    watched = told.cameras["north"].watched_s
    slept = sum((spell.to_s or told.to_s) - spell.from_s for spell in told.spells)
    assert watched == pytest.approx(1800 - slept, abs=90)
    notes = [mail for mail in told.mails if mail.kind == "governor"]
    assert notes[0].committed_s < first.from_s
    (day,) = told.days
    assert day.joules["asleep"] > 0
    assert day.joules["score"] > 0
    assert day.load_wh == pytest.approx(sum(day.joules.values()) / 0.9 / 3600, rel=1e-6)
    assert told.power_source == "simulated:pi4"
    assert told.sources["camera_w"][1].startswith("assumed")


def test_on_a_nearly_empty_battery_no_camera_is_opened(ran: Ran) -> None:
    governor = Governor(ve_direct="/dev/ttyUSB0")
    told = ran(minutes=10, settings=settings(governor=governor), power=power(charge=0.35))
    assert told.cameras["north"].decoded == 0
    (spell,) = told.spells
    assert (spell.cause, spell.to_s) == ("cut_off", None)
    (beat,) = told.beats
    assert beat.next_s - beat.made_s == pytest.approx(6 * 3600, abs=1)
    assert told.samples[-1].bands[-1] == "last"
    assert told.samples[-1].asleep
    assert "not watching" in told.samples[-1].health


def test_below_the_cut_off_the_board_has_no_power(ran: Ran) -> None:
    told = ran(minutes=30, power=power(capacity_wh=20.0, charge=0.3))
    (spell,) = told.spells
    assert (spell.cause, spell.to_s, spell.told_s) == ("off", None, None)
    assert BEGIN_S < spell.from_s < told.to_s
    after = [sample for sample in told.samples if sample.at_s > spell.from_s]
    assert all(sample.health == "off" and sample.load_w == 0 for sample in after)
    assert all(beat.made_s < spell.from_s for beat in told.beats)


def test_a_tower_that_loses_power_starts_again_and_keeps_what_was_committed(ran: Ran) -> None:
    told = ran(
        minutes=12,
        cameras={"north": hills(Fault(kind="cut", from_s=50))},
        line=Line(outages=(Span(from_s=200, to_s=500),)),
        unplugged=(Span(from_s=300, to_s=400),),
    )
    (spell,) = told.spells
    assert (spell.cause, spell.from_s, spell.to_s) == ("off", BEGIN_S + 300, BEGIN_S + 400 + BOOT_S)
    note = next(mail for mail in told.mails if mail.kind == "camera")  # of before the cut
    assert note.committed_s < spell.from_s
    assert note.delivered_s is not None
    assert note.delivered_s > BEGIN_S + 500
    sequences = [beat.sequence for beat in told.beats]
    assert sequences[0] == BOOT_S + 1
    assert sequences.count(min(sequences)) >= 1
    assert sorted(sequences) != sequences  # numbers begin anew with the boot
    sums_up(told)


def test_people_are_heard_and_answered(ran: Ran) -> None:
    said = (
        Say(at_s=100, command="drill"),
        Say(at_s=150, command="snooze", arguments={"camera": "south", "duration_s": 60, "reason": "x"}),
        Say(at_s=200, command="acknowledge", arguments={"event": "newest"}),
    )
    told = ran(minutes=5, said=said)
    drill, snooze, acknowledge = told.words
    assert drill.command == "drill"
    assert (drill.answer or "").startswith("done: drill.simulated-0001 of camera north")
    assert (snooze.answer or "").startswith("refused: ")
    assert acknowledge.answer is not None
    keys = [mail.key for mail in told.mails if mail.kind == "event"]
    assert keys[0] == "drill.simulated-0001.1"
    assert not told.events


def test_copies_and_what_nobody_hears_are_told_apart(ran: Ran) -> None:
    told = ran(
        minutes=8,
        settings=settings(
            broker=settings().sinks["broker"],
            hook=WebhookOptions(url="https://hook.invalid/x", secret_file=Path("unread")),
        ),
        cameras={"north": hills(Fault(kind="cut", from_s=50))},
        receivers={"broker": Receiver(unheard=(Span(from_s=0),)), "hook": Receiver(swallowed=0.9)},
    )
    broker, hook = (
        next(mail for mail in told.mails if mail.sink == sink and mail.kind == "camera")
        for sink in ("broker", "hook")
    )
    assert (broker.fate, broker.copies, broker.delivered_s) == ("unheard", 0, None)
    assert hook.copies > 1
    assert not told.beats


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"lasts_s": 0.0}, "some seconds"),
        ({"cameras": {}}, "the same cameras"),
        ({"receivers": {"other": Receiver()}}, "no sink 'other'"),
        ({"said": (Say(at_s=0, command="drill", sink="other"),)}, "no sink 'other'"),
        ({"power": power(), "begin_s": BEGIN_S + 60}, "its weather begins at"),
        ({"power": power(), "lasts_s": 90_000.0}, "its weather begins at"),
        ({"settings": Settings(cameras={"north": SceneOptions(uri="scene:")})}, "is a recording"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(tmp_path: Path, keys: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        run(plan(**keys), tmp_path)


SCRIPT = """
import sys
from pathlib import Path
import msgspec
from firmware_sim.tower.fast import run
from firmware_sim.tower.plan import Line, Receiver, Say
from tests.firmware_sim.tower.conftest import plan, power, settings
from tests.firmware_sim.tower.test_fast import REST, hills
from firmware_sim.footage.fault import Fault
said = (Say(at_s=100, command="drill"), Say(at_s=150, command="picture", arguments={"camera": "north"}))
made = plan(
    minutes=16, settings=settings("east", "north", governor=REST), power=power(charge=0.5), said=said, seed=7,
    cameras={"east": hills(Fault(kind="cut", from_s=100, to_s=300)), "north": hills()},
    line=Line(bytes_s=2000.0, minutes_an_hour=12.0), receivers={"broker": Receiver(swallowed=0.3)},
)
out = Path(sys.argv[1])
(out / "run.json").write_bytes(msgspec.json.encode(run(made, out)))
"""


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    told = []
    for number in (1, 2):
        out = tmp_path / str(number)
        out.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": str(number), "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", SCRIPT, out], check=True, cwd=ROOT, env=environment)
        told.append((out / "run.json").read_bytes())
    assert told[0] == told[1]
    assert len(told[0]) > 10_000
