"""A tower's uplink over a real broker: from the store to somebody who listens, and back with a signed command."""

import dataclasses
import hashlib
import json
import secrets
import threading
from datetime import UTC, datetime

import msgspec
import pytest

from edge.alert.event import Announcement
from edge.alert.place import Place
from edge.alert.post import Post
from edge.alert.route import Queue, Route, Rules
from edge.clock import SystemClock, boot_id
from edge.counter.prometheus import uplink_exposition
from edge.errors import SettingsError
from edge.governor.reading import Readings
from edge.governor.report import Unwatched, report_of
from edge.governor.ruling import Ruling
from edge.governor.spell import Spell
from edge.health import CameraHealth, Health
from edge.settings import parse
from edge.uplink.command import Order, new_operator, sign
from edge.uplink.heartbeat import Power
from edge.uplink.maintenance import Maintenance, Observed
from edge.uplink.transport import Command
from edge.uplink.uplink import Uplink
from tests.alert.event import event
from tests.alert.owing import SECOND, Clock, anything, photo
from tests.alert.test_post import Inline
from tests.uplink.mosquitto import Listener, Mosquitto, wait

ANN = new_operator("ann", "operator")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()


class Reports:
    """A tower with one camera."""

    def __init__(self):
        self.state = "ok"
        self.held = ()
        self.seen = None
        self.confirmations = []

    def confirmed(self, event):
        self.confirmations.append(event.id)

    def health(self):
        camera = CameraHealth(state=self.state, age_s=3.0, reason=f"it is {self.state}", held=self.held)
        return Health(healthy=self.state == "ok", reasons=[], cameras={"north": camera})

    def trouble(self):
        return None

    def sight(self, _event):
        return self.seen

    def due_s(self):
        return {"north": 57.0}

    def power(self):
        return Power(source="measured:ina226", watts=3.1)

    def picture(self, camera):
        return photo("now", b"\xff\xd8now") if camera == "north" else None


def settings(port, folder, tower="tower-7", **keys):
    document = {
        "tower": {"id": tower},
        "cameras": {"north": {"uri": "rtsp://127.0.0.1/"}, "blind": {"uri": "rtsp://127.0.0.1/"}},
        "sinks": {"people": {"url": f"mqtt://127.0.0.1:{port}", **keys}},
        "uplink": {"heartbeat_s": 1 if keys else 600},
    }
    return parse(document, folder)


@pytest.fixture
def tower(broker, tmp_path):
    uplink = Uplink(
        settings(broker.port, tmp_path), SystemClock(), model="m@1#0", version="1.2", operators={"ann": ANN}
    )
    reports = Reports()
    with Place(lambda: tmp_path / "e.db", post=uplink.post) as place:
        list(place.open(()))
        uplink.start(reports, lambda _: None)
        yield uplink, place, reports
        uplink.stop()


def commit(uplink, place, one, *roles):
    place.commit(one, None, [photo(role) for role in roles])
    uplink.told(Announcement(event=one, stored=True))


def test_an_alert_reaches_who_listens_and_is_acknowledged_by_a_signed_command(broker, tower):
    uplink, place, _ = tower
    prefix = "firetower/tower-7"
    with Listener(broker.port, f"{prefix}/#") as people:
        wait(lambda: people.on(f"{prefix}/health"))
        wait(lambda: people.on(f"{prefix}/camera/north/smoke"))
        assert people.on(f"{prefix}/camera/north/smoke")[-1].body == b"OFF"
        health = json.loads(people.on(f"{prefix}/health")[-1].body)
        assert (health["version"], health["model"], health["cameras"]["north"]["due_s"]) == (
            "1.2",
            "m@1#0",
            57.0,
        )
        assert health["boot_id"] == boot_id()
        assert health["power"]["watts"] == 3.1

        commit(uplink, place, event("e1"), "crop")
        wait(lambda: people.on(f"{prefix}/camera/north/image"))
        (told,) = people.on(f"{prefix}/event")
        assert (told.key, told.attributes["type"]) == ("e1.1", "firetower.event.opened")
        document = json.loads(told.body)
        assert (document["event"], document["stored"], document["open_now"]) == ("e1", True, True)
        (image,) = people.on(f"{prefix}/camera/north/image")
        assert image.attributes["sha256"] == hashlib.sha256(image.body).hexdigest()
        wait(lambda: people.on(f"{prefix}/camera/north/smoke")[-1].body == b"ON")

        order = Order(
            tower="tower-7", id="0123456789", command="acknowledge", arguments={"event": "e1"},
            boot_id=health["boot_id"], sequence=health["sequence"], sent_at=datetime.now(UTC),
        )  # fmt: skip
        for _ in range(2):
            people.publish(f"{prefix}/command", sign(order, ANN), f"{prefix}/answer/ann", b"7")
        wait(lambda: len(people.on(f"{prefix}/answer/ann")) == 2)
        first, second = (json.loads(one.body) for one in people.on(f"{prefix}/answer/ann"))
        assert (first["word"], second["word"], second["reason"]) == ("done", "refused", "repeated")
        wait(lambda: "e1.1.acknowledged.0123456789" in people.keys())  # noqa: SIM118 — a method of its own
        said = json.loads(people.on(f"{prefix}/event")[-1].body)
        assert (said["type"], said["said"]["word"], said["said"]["by"]) == ("reviewed", "acknowledged", "ann")
    assert uplink.post.queue().unsent == 0
    report = uplink.report()
    assert report.sinks["people"].up
    assert report.commands == {"done": 1, "repeated": 1}
    assert uplink.notices() == []
    uplink.tick()
    assert b'firetower_sink_up{sink="people"} 1.0' in uplink_exposition(uplink.report())


def test_a_picture_comes_when_it_is_asked_for(broker, tower):
    uplink, _, _ = tower
    prefix = "firetower/tower-7"
    with Listener(broker.port, f"{prefix}/#") as people:
        sequence = str(uplink.report().sequence).encode()
        wait(lambda: any(sequence in beat.body for beat in people.on(f"{prefix}/health")))
        health = json.loads(people.on(f"{prefix}/health")[-1].body)

        def ask(camera):
            order = Order(
                tower="tower-7", id=secrets.token_hex(5), command="picture", arguments={"camera": camera},
                boot_id=health["boot_id"], sequence=health["sequence"], sent_at=datetime.now(UTC),
            )  # fmt: skip
            before = len(people.on(f"{prefix}/answer/ann"))
            people.publish(f"{prefix}/command", sign(order, ANN), f"{prefix}/answer/ann", b"7")
            wait(lambda: len(people.on(f"{prefix}/answer/ann")) > before)
            return order.id, json.loads(people.on(f"{prefix}/answer/ann")[-1].body)

        asked, answer = ask("north")
        assert answer["word"] == "done"
        wait(lambda: f"now.{asked}" in people.keys())  # noqa: SIM118 — a method of its own
        image = people.on(f"{prefix}/camera/north/image")[-1]
        assert image.body == b"\xff\xd8now"
        assert image.attributes["sha256"] == hashlib.sha256(image.body).hexdigest()
        assert (image.attributes["role"], image.attributes["subject"]) == ("now", "north")
        for camera, why in (("west", "there is no camera west"), ("blind", "nothing was seen")):
            _, answer = ask(camera)
            assert (answer["word"], answer["reason"]) == ("refused", "unfit")
            assert why in answer["why"]


def test_pictures_that_are_asked_for_keep_within_the_budget_of_the_link(broker, tmp_path):
    keys = msgspec.structs.replace(settings(1, tmp_path).uplink, day_bytes=100_000)
    found = msgspec.structs.replace(settings(broker.port, tmp_path, "thrifty"), uplink=keys)
    uplink = Uplink(found, SystemClock(), model="m", version="1", operators={"ann": ANN})
    reports = Reports()
    reports.picture = lambda _: photo("now", b"j" * 20_000)
    with (
        Listener(broker.port, "firetower/thrifty/#") as people,
        Place(lambda: tmp_path / "e.db", post=uplink.post) as place,
    ):
        list(place.open(()))
        uplink.start(reports, lambda _: None)
        wait(lambda: people.on("firetower/thrifty/health"))
        health = json.loads(people.on("firetower/thrifty/health")[-1].body)
        for number in range(6):  # at once, so that most are judged while others wait
            order = Order(
                tower="thrifty", id=f"0000000{number}", command="picture", arguments={"camera": "north"},
                boot_id=health["boot_id"], sequence=health["sequence"], sent_at=datetime.now(UTC),
            )  # fmt: skip
            people.publish(
                "firetower/thrifty/command", sign(order, ANN), "firetower/thrifty/answer/ann", b"7"
            )
        wait(lambda: len(people.on("firetower/thrifty/answer/ann")) == 6)
        answers = [json.loads(one.body) for one in people.on("firetower/thrifty/answer/ann")]
        done = [answer for answer in answers if answer["word"] == "done"]
        assert 1 <= len(done) <= 3
        wait(lambda: len(people.on("firetower/thrifty/camera/north/image")) == len(done))
        (refused,) = {(one["reason"], one["why"]) for one in answers if one not in done}
        assert refused == (
            "unfit", "a picture of 20000 bytes is more than uplink.day_bytes has room for now"
        )  # fmt: skip
        link = uplink.report().sinks["people"]
        assert link.sent_bytes + link.received_bytes < 70_000
        uplink.stop()


@pytest.mark.parametrize("wanted", [True, False])
def test_home_assistant_is_told_once_and_only_where_it_is_wanted(broker, tmp_path, wanted):
    found = settings(broker.port, tmp_path, f"ha-{wanted}".lower(), home_assistant=wanted)
    uplink = Uplink(found, SystemClock(), model="m", version="1.2")
    prefix = f"firetower/{found.tower.id}"
    with (
        Listener(broker.port, f"{prefix}/health", "homeassistant/#") as people,
        Place(lambda: tmp_path / "e.db", post=uplink.post) as place,
    ):
        list(place.open(()))
        uplink.start(Reports(), lambda _: None)
        wait(lambda: len(people.on(f"{prefix}/health")) >= 2)
        told = people.on(f"homeassistant/device/firetower_{found.tower.id}/config")
        assert len(told) == int(wanted)
        uplink.stop()


def test_what_a_broker_forbids_stops_nothing_else_and_is_told(tmp_path):
    (tmp_path / "acl").write_text("topic readwrite firetower/#\ntopic deny firetower/t/camera/north/image\n")
    broker = Mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}")
    uplink = Uplink(
        settings(broker.port, tmp_path, "t", home_assistant=True), SystemClock(), model="m", version="1"
    )
    with (
        Listener(broker.port, "firetower/t/#") as people,
        Place(lambda: tmp_path / "e.db", post=uplink.post) as place,
    ):
        list(place.open(()))
        uplink.start(Reports(), lambda _: None)
        wait(lambda: people.on("firetower/t/health"))
        commit(uplink, place, event("e1"), "crop")
        wait(lambda: len(uplink.notices()) == 1 and "image of north: 1 not taken" in uplink.notices()[0])
        before = len(people.on("firetower/t/health"))
        commit(uplink, place, event("e2"), "crop")
        wait(lambda: "e2.1" in people.keys())  # noqa: SIM118 — a method of its own
        wait(lambda: len(people.on("firetower/t/health")) > before + 2)
        told = json.loads(people.on("firetower/t/health")[-1].body)["sinks"]["people"]
        assert told["up"]
        for kind in ("discovery: 1", "image of north: "):
            assert kind in told["notice"]
        assert "Not authorized (0x87)" in told["notice"]
        uplink.stop()
    broker.kill()


def test_a_drill_is_no_smoke(broker, tower):
    uplink, place, _ = tower
    with Listener(broker.port, "firetower/tower-7/event", "firetower/tower-7/camera/north/smoke") as people:
        commit(uplink, place, event("drill.e1"))
        wait(lambda: "drill.e1.1" in people.keys())  # noqa: SIM118 — a method of its own
        assert uplink._smoke("people") == {"north": "OFF"}
        commit(uplink, place, event("e2"))
        assert uplink._smoke("people") == {"north": "ON"}
        wait(lambda: people.on("firetower/tower-7/camera/north/smoke")[-1].body == b"ON")


def test_what_is_sent_later_says_when_the_tower_saw_it_last(broker, tower):
    uplink, place, reports = tower
    reports.seen = msgspec.structs.replace(event().updated, model_s=240.0)
    with Listener(broker.port, "firetower/tower-7/event") as people:
        commit(uplink, place, event("e7"))
        wait(lambda: people.on("firetower/tower-7/event"))
        document = json.loads(people.on("firetower/tower-7/event")[-1].body)
    assert (document["updated"]["model_s"], document["last_seen"]["model_s"]) == (1.5, 240.0)


def test_smoke_is_told_to_the_sinks_that_get_the_alert(tmp_path):
    url, everything = "mqtt://127.0.0.1", ["live", "simulated"]
    document = {
        "tower": {"id": "tower-7"},
        "cameras": {"north": {"uri": "scene:"}},
        "sinks": {
            "hq": {"url": f"{url}:1", "origins": everything},
            "third": {"url": f"{url}:2"},
            "candidates": {"url": f"{url}:3", "origins": everything, "severities": ["candidate"]},
            "boss": {"url": f"{url}:4", "origins": everything, "escalation": 1},
        },
    }
    uplink = Uplink(parse(document, tmp_path), SystemClock(), model="m", version="1", operators={"ann": ANN})
    uplink._reports = reports = Reports()

    def said():
        return {sink: uplink._smoke(sink)["north"] for sink in ("hq", "third", "candidates", "boss")}

    with Place(lambda: tmp_path / "e.db", post=uplink.post) as place:
        list(place.open(()))
        quiet = {"hq": "OFF", "third": "unknown", "candidates": "OFF", "boss": "OFF"}
        assert said() == quiet
        commit(uplink, place, event("e"))
        assert said() == {"hq": "ON", "third": "unknown", "candidates": "unknown", "boss": "unknown"}
        message = uplink.post.take("hq", lambda line: line.key == "e.1")
        uplink.post.settle(message, "refused", "too large")  # so it escalates
        assert said() == {"hq": "ON", "third": "unknown", "candidates": "unknown", "boss": "ON"}
        reports.held = ("night",)
        assert said() == {"hq": "ON", "third": "unknown", "candidates": "unknown", "boss": "ON"}
        commit(uplink, place, event("e", 2, "closed"))
        assert said() == dict.fromkeys(quiet, "unknown")
        reports.held = ()
        assert said() == quiet


def test_a_picture_now_goes_to_who_may_have_it(tmp_path):
    document = {
        "tower": {"id": "tower-7"},
        "cameras": {"north": {"uri": "scene:"}},
        "sinks": {
            "hq": {"url": "mqtt://127.0.0.1:1", "origins": ["simulated"]},
            "third": {"url": "mqtt://127.0.0.1:2"},
        },
    }
    uplink = Uplink(parse(document, tmp_path), SystemClock(), model="m", version="1", operators={"ann": ANN})
    uplink._reports = Reports()

    def ask(sink):
        order = Order(
            tower="tower-7", id=secrets.token_hex(5), command="picture", arguments={"camera": "north"},
            boot_id=boot_id(), sequence=uplink.report().sequence, sent_at=datetime.now(UTC),
        )  # fmt: skip
        answer, *shown = uplink._obey(sink, Command(sign(order, ANN), "answer"))
        return json.loads(answer.body)["reason"], len(shown)

    assert ask("hq") == (None, 1)
    assert ask("third") == ("unfit", 0)


def test_what_changes_of_the_tower_is_told_once(broker, tower, monkeypatch):
    uplink, _, reports = tower
    monkeypatch.setattr("edge.uplink.uplink.LOOK_S", 0.0)
    uplink.tick()
    reports.state = "stale"
    for _ in range(3):
        uplink.tick()
    with Listener(broker.port, "firetower/tower-7/event") as people:
        reports.state = "ok"
        uplink.tick()

        def said():
            return [(one.attributes["type"], json.loads(one.body)["state"]) for one in people.got]

        wait(lambda: ("firetower.camera", "ok") in said())
        assert len(said()) == len(set(said()))  # the first may have waited for its link until now


def test_an_unfit_secret_of_a_sink_is_an_error_with_its_key(tmp_path):
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o644)
    found = settings(1, tmp_path)
    sink = msgspec.structs.replace(found.sinks["people"], user="kim", password_file=tmp_path / "password")
    found = msgspec.structs.replace(found, sinks={"people": sink})
    with pytest.raises(SettingsError, match=r"sinks.people.password_file: "):
        Uplink(found, SystemClock(), model="m", version="1")


def observed(**changes):
    whole = Observed(0, 10**18, True, Reports().health(), None, None)
    return dataclasses.replace(whole, **changes)


def test_a_clock_that_is_set_and_a_store_in_memory_are_told():
    seen = Maintenance(lambda: event().opened)
    assert seen.observe(observed(wall_trusted=False)) == []
    (clock,) = seen.observe(observed(wall_ns=10**18 + 3600 * 10**9, mono_ns=10**9))
    assert (clock.subject, clock.text) == ("clock", "the clock was set by +3599 s; it is synchronised")
    assert seen.observe(observed(wall_ns=10**18 + 3601 * 10**9, mono_ns=2 * 10**9)) == []
    assert seen.observe(observed(wall_ns=10**18 + 3601 * 10**9, mono_ns=2 * 10**9, wall_trusted=False)) == []
    later = {"wall_ns": 10**18 + 3602 * 10**9, "mono_ns": 3 * 10**9}
    (clock,) = seen.observe(observed(**later))
    assert clock.text == "the clock was set by +0 s; it is synchronised"
    (store,) = seen.observe(observed(trouble="the disk is full", **later))
    assert (store.state, store.text) == ("memory", "events are kept in memory: the disk is full")
    assert seen.observe(observed(trouble="the disk is full", **later)) == []
    assert [note.state for note in seen.observe(observed(**later))] == ["ok"]


def test_what_is_shed_and_unheard_is_told_once_an_hour_and_when_it_changes():
    def queue(shed, unheard):
        return Queue(unsent=0, oldest_s=None, unheard=unheard, candidates=0, candidate_s=None, bytes=0,
                     words={"shed": shed})  # fmt: skip

    seen = Maintenance(lambda: event().opened)
    told = [
        [
            note.text
            for note in seen.observe(
                observed(queue=queue(shed, unheard), mono_ns=s * 10**9, wall_ns=s * 10**9)
            )
        ]
        for s, shed, unheard in ((0, 5, 0), (1, 7, 2), (2, 9, 2), (3600, 9, 1), (3601, 9, 0))
    ]
    assert told == [
        [],
        ["2 messages were given up for want of room, 7 in all", "nobody listens to 2 messages"],
        [],
        [],
        ["2 messages were given up for want of room, 9 in all", "somebody listens again"],
    ]


def test_each_spell_without_a_watch_is_announced_once_and_a_sensor_in_doubt_too():
    def told(seen, spell=None, number=1, now_s=0, doubts=None, **more):
        ruling = Ruling(spell=spell, readings=Readings(doubts=doubts or {}), **more)
        governed = report_of(ruling, Unwatched(), now_s * SECOND, number, f"not watching ({number})")
        health = msgspec.structs.replace(Reports().health(), governor=governed)
        notes = seen.observe(observed(health=health))
        return [(note.subject, note.state, note.text) for note in notes]

    seen = Maintenance(lambda: event().opened)
    spell = Spell(60 * SECOND, 1860 * SECOND, "low")
    assert told(seen) == []
    assert told(seen, spell) == [("governor", "unwatched", "not watching (1)")]
    assert told(seen, spell, now_s=100) == []
    assert told(seen, spell, now_s=1855) == []
    assert told(seen, None, now_s=1861) == [], "it ended when it was to end"
    assert told(seen, spell, number=2) == [("governor", "unwatched", "not watching (2)")]
    early = told(seen, None, kept_awake="an event is open")
    assert early == [("governor", "ok", "watching again, before it was due: an event is open")]
    (doubt,) = told(seen, doubts={"voltage_v": "0 V is implausible"})
    assert doubt == (
        "sensor",
        "unknown",
        "voltage_v is unknown, and nothing is decided by it: 0 V is implausible",
    )
    assert told(seen, doubts={"voltage_v": "0 V is implausible"}) == []
    assert told(seen) == [("sensor", "ok", "voltage_v is known again")]
    assert seen.observe(observed()) == []


class Rows:
    """The tower's database over processes; what goes to its one sink."""

    def __init__(self, path):
        self.path = path
        self.begin()

    def begin(self, *, opens=True):
        self.post = Post(Rules((Route("a"),), boot="b1"), Clock(), Inline())
        self.seen, self.state = Maintenance(lambda: event().opened), "ok"
        if opens:
            self.open()

    def open(self):
        self.place = Place(lambda: self.path, post=self.post)
        list(self.place.open(()))

    def end(self):
        self.place.close()

    def tell(self, state, **more):
        reports = Reports()
        reports.state = state
        for _ in range(2):
            self.seen.tick(self.post, observed(health=reports.health(), **more))
        found = []
        while (message := self.post.take("a", anything)) is not None:
            self.post.settle(message, "delivered")
            found.append((message.note.subject, message.note.state))
        return found


def waits(unheard=0, shed=0):
    return Queue(unsent=0, oldest_s=None, unheard=unheard, candidates=0, candidate_s=None, bytes=0,
                 words={"shed": shed})  # fmt: skip


def at(seconds):
    return {"mono_ns": seconds * SECOND, "wall_ns": 10**18 + seconds * SECOND}


def test_what_is_well_again_is_told_by_a_later_process_too(tmp_path):
    tower = Rows(tmp_path / "e.db")
    assert tower.tell("ok", queue=waits()) == []
    assert tower.tell("stale", queue=waits(unheard=2), trouble="it is slow") == [
        ("camera", "stale"), ("store", "memory"), ("unheard", "unheard"),
    ]  # fmt: skip
    tower.end()
    tower.begin()
    assert tower.tell("stale", queue=waits(unheard=2), trouble="it is slow") == []
    assert tower.tell("ok", queue=waits()) == [("camera", "ok"), ("store", "ok"), ("unheard", "ok")]
    tower.end()
    tower.begin()
    assert tower.tell("ok", queue=waits()) == []
    tower.end()


def test_a_camera_that_is_well_before_the_store_opens_is_told_when_it_does(tmp_path):
    tower = Rows(tmp_path / "e.db")
    assert tower.tell("stale") == [("camera", "stale")]
    tower.end()
    tower.begin(opens=False)
    assert tower.tell("ok") == []
    tower.open()
    assert tower.tell("ok") == [("camera", "ok")]
    tower.end()


def test_what_is_shed_while_no_process_counts_is_told_and_what_memory_counted_is_no_news(tmp_path):
    tower = Rows(tmp_path / "e.db")
    assert tower.tell("ok", queue=waits(shed=5)) == []
    tower.end()
    tower.begin()
    assert tower.tell("ok", queue=waits(shed=7)) == [("shed", "shed")]
    assert tower.tell("ok", queue=waits(shed=6), **at(4000)) == []
    assert tower.tell("ok", queue=waits(shed=7), **at(4001)) == [("shed", "shed")]
    tower.end()


def test_the_loop_ends_at_once_when_it_is_told_to(tower):
    uplink, _, _ = tower
    done = threading.Thread(target=uplink.stop)
    done.start()
    done.join(60)
    assert not done.is_alive()


class JumpingClock(SystemClock):
    ahead_ns = 0

    def mono_ns(self):
        return super().mono_ns() + self.ahead_ns


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_courier_that_stands_still_or_died_is_a_trouble(tmp_path):
    clock, hung, let_go = JumpingClock(), threading.Event(), threading.Event()
    ends = []

    def beat(_silent_s):
        hung.set()
        let_go.wait(60)
        raise SystemExit(ends.append(True))

    uplink = Uplink(settings(1, tmp_path), clock, model="m@1#0", version="1.2")
    assert uplink.trouble() is None
    uplink.start(Reports(), beat)
    assert hung.wait(60)
    assert uplink.trouble() is None
    clock.ahead_ns = 91 * SECOND
    assert "messages: the courier has stood still for 91 s" in uplink.trouble()
    let_go.set()
    wait(lambda: "died" in (uplink.trouble() or ""))
    assert ends == [True]
    uplink.stop()
    assert uplink.trouble() is None
