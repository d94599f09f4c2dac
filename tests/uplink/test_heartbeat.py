"""Heartbeats: what they say of cameras, messages, people's wishes and the way to the sinks."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from edge.alert.route import Queue
from edge.clock import SystemClock
from edge.counter.counters import Counters
from edge.device.linux import LinuxDevice
from edge.device.power import Unavailable
from edge.governor.reading import Readings
from edge.governor.report import Unwatched, report_of
from edge.governor.ruling import Ruling
from edge.governor.spell import Spell
from edge.health import CameraFacts, CameraHealth, Health, judge_all
from edge.uplink.heartbeat import HealthDocument, Power, Vitals, power_of, render_health
from edge.uplink.standing import FireRisk, Held, Snooze
from edge.uplink.transport import Link
from edge.uplink.writer import Writer
from scripts import protocol
from tests.uplink.revision import BOOT, NOW, S, tower

QUEUE = Queue(
    unsent=3, oldest_s=12.34, unheard=0, candidates=2, candidate_s=None, bytes=9000,
    words={"committed": 9, "delivered": 6, "shed": 4},
)  # fmt: skip
HEALTH = Health(
    healthy=True,
    reasons=["south: too dark to see smoke"],
    cameras={
        "north": CameraHealth(state="ok", age_s=31.24, reason="frames are scored"),
        "south": CameraHealth(state="dark", age_s=None, reason="too dark to see smoke"),
    },
)


def beat(**changes: Any) -> HealthDocument:
    made = {
        "sequence": 7, "next_due_s": 300.0, "uptime_s": 1234.56, "health": HEALTH, "queue": QUEUE,
        "model": "smoke@1.0#abc", "version": "0.1.0", "due_s": {"north": 28.77},
    }  # fmt: skip
    return render_health(Vitals(**{**made, **changes}), tower(), NOW)


def test_a_heartbeat_says_whose_it_is_and_when_the_next_one_is_due() -> None:
    told = beat()
    assert (told.tower, told.boot_id, told.sequence, told.next_due_s) == ("tower-7", BOOT, 7, 300.0)
    assert (told.sent_at, told.clock_trusted, told.uptime_s) == (
        "2026-11-29T22:38:00.000+00:00",
        True,
        1234.6,
    )
    assert (told.healthy, told.text) == (True, "tower-7: south: too dark to see smoke.")


def test_cameras_and_messages() -> None:
    told = beat()
    north, south = told.cameras["north"], told.cameras["south"]
    assert (north.state, north.age_s, north.due_s, north.silence) == ("ok", 31.2, 28.8, None)
    assert (south.state, south.age_s, south.due_s) == ("dark", None, None)
    assert (told.queue.unsent, told.queue.oldest_s, told.queue.shed, told.queue.bytes) == (3, 12.3, 4, 9000)
    assert (told.candidates.unreviewed, told.candidates.oldest_s) == (2, None)
    assert (told.fire_risk, told.power, told.sinks, told.commands) == (None, None, {}, {})


def test_cameras_tell_their_view_and_the_conditions_of_their_scene() -> None:
    made = CameraFacts(
        last_scored_mono_ns=NOW.mono_ns, started_mono_ns=0, condition="ok", cadence_s=60.0,
        conditions=("fog", "night"), held=("night",), turns=1, view=1, turned_utc="2026-11-29T06:00:00Z",
        of_view=("masks", "heading_deg"),
    )  # fmt: skip
    told = beat(health=judge_all({"north": made}, NOW.mono_ns))
    why = "alerts held back: night; view changed at 2026-11-29T06:00:00Z; made for another view: masks, heading_deg"
    north = told.cameras["north"]
    assert (north.state, north.view, north.conditions, north.held) == ("ok", 1, ("fog", "night"), ("night",))
    assert north.reason == f"frames are scored; {why}"
    assert told.text == f"tower-7: north: frames are scored; {why}."
    untold = beat().cameras["north"]
    assert (untold.view, untold.conditions, untold.held) == (0, None, ())


def test_what_people_wished_and_what_nobody_hears_is_named() -> None:
    snooze = Snooze(
        camera="north", by="ann", reason="controlled burn", since_ns=NOW.mono_ns, until_ns=NOW.mono_ns + 900 * S,
        held={"a": Held(area_px=9), "b": Held(area_px=9, told=True)},
    )  # fmt: skip
    risk = FireRisk(level="high", by="ben", until_ns=NOW.mono_ns + 3600 * S)
    queue = msgspec.structs.replace(QUEUE, unheard=2)
    quiet = msgspec.structs.replace(HEALTH, reasons=[])
    told = beat(
        health=quiet, snoozes=(snooze,), fire_risk=risk, queue=queue, commands={"done": 1, "unsigned": 4}
    )
    silence = told.cameras["north"].silence
    assert silence is not None
    assert (silence.left_s, silence.by, silence.reason, silence.held) == (900.0, "ann", "controlled burn", 1)
    assert (told.fire_risk.level, told.fire_risk.by, told.fire_risk.left_s) == ("high", "ben", 3600.0)
    assert told.reasons == ["north: silenced by ann: controlled burn", "nobody listens to 2 messages"]
    assert told.commands == {"done": 1, "unsigned": 4}


def test_all_is_well() -> None:
    quiet = msgspec.structs.replace(HEALTH, reasons=[])
    assert beat(health=quiet).text == "tower-7: all is well."


def test_it_is_of_the_schema_and_small() -> None:
    link = Link(up=False, why="refused: not authorised", largest_bytes=None, sent_bytes=5, received_bytes=6)
    power = Power(source="measured:ina226", watts=3.1, charge=0.8, throttling=["throttled"])
    told = beat(links={"ops": link}, power=power)
    assert (told.sinks["ops"].up, told.sinks["ops"].why) == (False, "refused: not authorised")
    body = msgspec.json.encode(told)
    assert len(body) < 2000
    jsonschema.Draft202012Validator(protocol.schema()).validate(json.loads(body))


def test_a_queue_that_is_not_known_is_null_and_not_empty() -> None:
    told = beat(queue=None)
    assert (told.queue, told.candidates) == (None, None)


def test_a_heartbeat_has_an_envelope_and_states_have_none() -> None:
    vitals = Vitals(
        sequence=7, next_due_s=300.0, uptime_s=1.0, health=HEALTH, queue=QUEUE, model="m", version="1"
    )
    writer = Writer(
        tower(), 300.0, "1", now=lambda: NOW, vitals=lambda *_: vitals, smoke=lambda _sink: {"north": "ON"},
        fire_risk=lambda: None,
    )  # fmt: skip
    told = writer.heartbeat(7, 300.0)
    assert told.key == "health.7"
    assert told.attributes == {
        "specversion": "1.0",
        "source": "/firetower/tower-7",
        "type": "firetower.health",
    }
    assert [(one.channel, dict(one.attributes)) for one in writer.states("people")] == [
        ("discovery", {}),
        ("smoke", {}),
    ]


def test_the_governor_says_what_it_spares_until_when_and_what_was_not_watched() -> None:
    readings = Readings(voltage_v=11.7, panel_w=3.0, doubts={"charge": "1 is stuck"})
    ruling = Ruling(
        ("sleep",), ("sleep: low",), ("pictures", "sleep"), 1.0, True, Spell(10 * S, 1810 * S, "sleep: low"),
        readings=readings,
    )  # fmt: skip
    governed = report_of(ruling, Unwatched(sleep=12.34), 20 * S)
    health = msgspec.structs.replace(HEALTH, governor=governed)
    told = beat(health=health)
    assert told.governor is not None
    assert (told.governor.bands, told.governor.asleep) == (("sleep",), True)
    assert told.governor.unwatching is not None
    assert (told.governor.unwatching.from_s, told.governor.unwatching.to_s) == (-10.0, 1790.0)
    assert told.governor.unwatched_s == {"sleep": 12.3, "cut_off": 0.0}
    assert told.governor.unknown == {"charge": "1 is stuck"}
    body = msgspec.json.encode(told)
    jsonschema.Draft202012Validator(protocol.schema()).validate(json.loads(body))
    assert beat().governor is None


def test_power_is_what_the_governor_believes(tmp_path: Path) -> None:
    snapshot = Counters(SystemClock(), Unavailable(), LinuxDevice(tmp_path), root=tmp_path).snapshot()
    assert power_of(snapshot) is None
    readings = Readings(charge=0.5, voltage_v=12.3, load_w=3.2, panel_w=9.0)
    power = power_of(snapshot, report_of(Ruling(readings=readings), Unwatched(), 0))
    assert power is not None
    assert (power.charge, power.voltage_v, power.load_w, power.panel_w) == (0.5, 12.3, 3.2, 9.0)
