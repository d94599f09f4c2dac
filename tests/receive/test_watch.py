"""`firetower watch` as a process, with a real mosquitto: killed, cut off and lied to."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.alert.event import Event, Stamp
from edge.clock import SystemClock
from edge.errors import SettingsError
from edge.uplink import document, payload
from edge.uplink.facts import TowerFacts
from edge.uplink.moment import Now
from edge.zone import zone_of
from receive import listener
from receive.broker import Broker
from receive.inbox import Inbox
from receive.listener import Options
from receive.message import event_of
from receive.program import Program
from receive.watch import command
from tests.uplink.mosquitto import Listener, Mosquitto, wait
from tests.uplink.road import HANG_S

ROOT = Path(__file__).parents[2]
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    made = Mosquitto(tmp_path_factory.mktemp("broker"), "persistence false")
    yield made
    made.kill()


class Tower:
    """Publishes as a tower does, whatever a test wants it to say."""

    def __init__(self, port, client_id=""):
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic, body, *, retained=False, expires_s=None, **attributes):
        properties = Properties(PacketTypes.PUBLISH)
        if attributes:
            properties.UserProperty = list(attributes.items())
        if expires_s is not None:
            properties.MessageExpiryInterval = expires_s
        self._client.publish(topic, body, 1, retained, properties).wait_for_publish(HANG_S)

    def event(self, key, tower="tower-7", **changes):
        self.say(f"firetower/{tower}/event", event(key, tower, **changes), id=key)

    def beat(self, sequence, due_s=300.0, tower="tower-7", boot="0a1b2c3d-rest", expires_s=None):
        body = {"tower": tower, "boot_id": boot, "sequence": sequence, "next_due_s": due_s}
        expires_s = round(3 * due_s) if expires_s is None else expires_s
        self.say(f"firetower/{tower}/health", json.dumps(body), retained=True, expires_s=expires_s)

    def picture(self, key, body=JPEG, sha256=None):
        digest = hashlib.sha256(body).hexdigest() if sha256 is None else sha256
        event_, revision, role = key.split(".")
        topic = "firetower/tower-7/camera/north/image"
        self.say(topic, body, id=key, sha256=digest, event=event_, revision=revision, role=role)


def event(key, tower="tower-7", **changes):
    """A note of the schema; what a watch looks at is the same for events."""
    at = payload.Moment(
        utc="2026-11-29T10:00:00Z", trusted=True, corrected=False, boot_id="0a", mono_ns=1, model_s=1.0
    )
    note = payload.NoteDocument(
        key=key, tower=tower, tower_name="Seven", type="camera", state="stale", text=f"Message {key}.",
        stored=True, camera="north", at=at, sent_at=None, sent_trusted=None, late_s=1.0, events=[], count=0,
    )  # fmt: skip
    return msgspec.json.encode(msgspec.to_builtins(note) | changes)


class Watching(ABC):
    """What a test asks of a watch, wherever it runs."""

    folder: Path

    @property
    @abstractmethod
    def told(self) -> list:
        """What it said, line by line."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it still watches; an AssertionError where it does not."""

    def keys(self):
        return [line["key"] for line in self.told if "key" in line]

    def wait_for(self, *keys):
        wait(lambda: self.alive and set(keys) <= set(self.keys()))

    def starting(self, word):
        return [key for key in self.keys() if key.startswith(f"{word}.")]


class Watch(Watching):
    """A watch in a thread of this process."""

    def __init__(self, port, folder, *, name, words=(), towers=(), grace_s=60.0):
        self.folder = folder
        self._lines = []
        self._broker = Broker("127.0.0.1", port)
        self._options = Options(name, towers, 1.0, grace_s)
        self._words = words
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def start(self):
        self._stop = threading.Event()
        self._inbox = Inbox(self.folder)
        self._program = Program(self._words, self._inbox, SystemClock()) if self._words else None
        self._watch = listener.Listener(
            self._broker, self._options, self._inbox, self._program, SystemClock(), self._lines.append
        )
        self._thread = threading.Thread(target=self._watch.run, args=(self._stop,), daemon=True)
        self._thread.start()
        if self._program is not None:
            self._program.start()
        wait(lambda: self._watch.listening)

    @property
    def told(self):
        return self._lines

    @property
    def alive(self):
        assert self._thread.is_alive()
        return True

    def end(self):
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join(HANG_S)
            if self._program is not None:
                self._program.close()
            self._inbox.close()
        return self._watch.counts


class Process(Watching):
    """A watch as it is started by hand, which can be killed."""

    def __init__(self, port, folder, *options):
        self.folder = folder
        self._told = folder.with_suffix(".stdout")
        self._log = folder.with_suffix(".stderr")
        self._words = [
            sys.executable, "-m", "receive", "watch", "--broker", f"mqtt://127.0.0.1:{port}",
            "--folder", str(folder), *options,
        ]  # fmt: skip
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        with self._told.open("a") as told, self._log.open("a") as log:
            self.process = subprocess.Popen(self._words, cwd=ROOT, stdout=told, stderr=log)

    @property
    def alive(self):
        assert self.process.poll() is None, self._log.read_text()
        return True

    @property
    def told(self):
        return [
            json.loads(line)
            for line in self._told.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(HANG_S) == 0, self._log.read_text()
        return self.told[-1]


def test_each_message_once_whatever_comes_twice(broker, tmp_path):
    with Watch(broker.port, tmp_path / "inbox", name="once") as watch, Tower(broker.port) as tower:
        tower.event("a1.1", sent_at="first")
        tower.event("a1.1", sent_at="again")
        tower.picture("a1.1.crop")
        tower.picture("a1.1.crop")
        tower.event("a1.1", tower="tower-8")
        tower.event("a1.2")
        watch.wait_for("a1.2")
        assert watch.keys() == ["a1.1", "a1.1.crop", "a1.1", "a1.2"]
        assert watch.told[0] == {
            "tower": "tower-7", "key": "a1.1", "file": str(tmp_path / "inbox/tower-7/a1.1.json"),
            "text": "Message a1.1.",
        }  # fmt: skip
        counts = watch.end()
    assert json.loads((tmp_path / "inbox/tower-7/a1.1.json").read_bytes())["sent_at"] == "first"
    assert (tmp_path / "inbox/tower-7/a1.1.crop.jpg").read_bytes() == JPEG
    assert counts == {"new": 4, "repeated": 2, "refused": 0, "unfit": 0, "notices": 0}


def test_what_is_not_what_it_says_is_refused_and_kept_aside(broker, tmp_path):
    with Watch(broker.port, tmp_path / "inbox", name="strict") as watch, Tower(broker.port) as tower:
        topic = "firetower/tower-7/event"
        tower.say(topic, b"\xff\xfe no JSON")
        tower.say(topic, b"[" * 100_000)
        tower.say(topic, event("a1.1", tower="tower-8"), id="a1.1")
        tower.say(topic, event("a1.1"), id="a1.2")
        tower.say(topic, event("../../a1.1"))
        tower.say("firetower/Tower 7/event", event("a1.1", tower="Tower 7"))
        tower.picture("a1.1.crop", sha256="0" * 64)
        tower.picture("a1.1.crop", b"no picture")
        tower.say("firetower/tower-7/camera/north/image", JPEG)
        tower.say("firetower/tower-7/health", b"{}")
        tower.event("a1.9")
        watch.wait_for("a1.9")
        assert watch.keys() == ["a1.9"]
        assert watch.end()["refused"] == 10
    aside = [path.read_bytes() for path in (tmp_path / "inbox/.refused").iterdir()]
    assert len(aside) == 10
    assert any(b"digest" in one.splitlines()[0] and one.endswith(JPEG) for one in aside)
    found = [path for path in tmp_path.rglob("a1*") if path.is_file()]
    assert found == [tmp_path / "inbox/tower-7/a1.9.json"]


def overdue(name, sequence=1):
    """A heartbeat after which nothing comes."""
    return json.dumps({"tower": name, "boot_id": "x", "sequence": sequence, "next_due_s": 0.1})


@pytest.mark.parametrize(
    ("topic", "name"),
    [("firetower/Stranger/health", "Stranger"), ("firetower-watch/My Watch/health", "My Watch"),
     ("firetower-watch/a-name-of-more-than-thirty-two-characters/health", "a-name-of-more-than-thirty-two-characters")],
)  # fmt: skip
def test_a_name_that_nobody_can_have_does_not_end_the_watch(broker, tmp_path, topic, name):
    with (
        Watch(broker.port, tmp_path / "inbox", name="names", grace_s=0.0) as watch,
        Tower(broker.port) as tower,
    ):
        tower.say(topic, overdue(name))
        tower.say("firetower/quiet-2/health", overdue("quiet-2", 1))
        wait(lambda: watch.alive and [line for line in watch.told if line["tower"] == "quiet-2"])
        tower.event("a1.1")
        watch.wait_for("a1.1")
        assert watch.end()["refused"] == 1


def test_numbers_that_no_key_holds_do_not_end_the_watch(broker, tmp_path):
    with (
        Watch(broker.port, tmp_path / "inbox", name="numbers", grace_s=0.0) as watch,
        Tower(broker.port) as tower,
    ):
        tower.say("firetower/quiet-3/health", overdue("quiet-3", 10**80))
        tower.say("firetower/quiet-4/health", overdue("quiet-4", 1))
        wait(lambda: watch.alive and [line for line in watch.told if line["tower"] == "quiet-4"])
        tower.event("a1.1")
        watch.wait_for("a1.1")
        assert watch.end()["refused"] == 1


def test_a_property_that_cannot_be_read_does_not_shut_out_what_comes_after(broker, tmp_path):
    """The broker lets it pass, paho does not."""
    with Watch(broker.port, tmp_path / "inbox", name="marks") as watch, Tower(broker.port) as tower:
        tower.say("firetower/tower-7/event", event("a1.1"), id="a1.1", note="\ufeff")
        tower.event("a1.2")
        watch.wait_for("a1.2")
        assert watch.keys() == ["a1.2"]
        assert watch.end()["refused"] == 1
    (aside,) = (tmp_path / "inbox/.refused").iterdir()
    assert event("a1.1") in aside.read_bytes()


def test_a_fault_of_our_own_costs_one_message(broker, tmp_path, monkeypatch):
    real = event_of

    def broken(tower, delivered):
        if b"a1.1" in delivered.body:
            raise KeyError("a fault")
        return real(tower, delivered)

    monkeypatch.setattr("receive.listener.event_of", broken)
    with Watch(broker.port, tmp_path / "inbox", name="fault") as watch, Tower(broker.port) as tower:
        tower.event("a1.1")
        tower.event("a1.2")
        watch.wait_for("a1.2")
        assert watch.end()["refused"] == 1


def listing(key, **digests):
    """An event that lists pictures by their roles."""
    at = Stamp(model_s=1.0)
    seen = Event(
        id="b1", revision=1, phase="opened", camera="north", label="smoke", bundle="m@1", opened=at, updated=at,
        closed=None, peak=0.9, box_px=(0, 0, 9, 9), opening_box_px=(0, 0, 9, 9), sightings=3,
    )  # fmt: skip
    facts = TowerFacts("tower-7", "Seven", {}, zone_of("UTC"))
    told = document.render_event(seen, facts, document.Sending(key, Now(1, None, 1, None)))
    images = [
        payload.Image(
            key=f"{key}.{role}", role=role, sha256=digest, bytes=1, size_px=(1, 1), captured=told.opened
        )
        for role, digest in digests.items()
    ]
    return msgspec.json.encode(msgspec.structs.replace(told, images=images))


def test_a_picture_must_be_the_one_that_its_event_lists(broker, tmp_path):
    body = listing("b1.1", crop=hashlib.sha256(JPEG).hexdigest(), full="0" * 64)
    with Watch(broker.port, tmp_path / "inbox", name="listed") as watch, Tower(broker.port) as tower:
        tower.say("firetower/tower-7/event", body, id="b1.1")
        tower.picture("b1.1.full")
        tower.picture("b1.1.crop")
        watch.wait_for("b1.1.crop")
        assert watch.keys() == ["b1.1", "b1.1.crop"]
        counts = watch.end()
    assert (counts["refused"], counts["unfit"]) == (1, 0)


def test_a_message_of_a_newer_tower_is_told_all_the_same(broker, tmp_path):
    with Watch(broker.port, tmp_path / "inbox", name="newer") as watch, Tower(broker.port) as tower:
        tower.event("a1.1", schema="firetower.event/2")
        tower.event("a1.2", late_s="soon")
        tower.event("a1.3", something="new")
        watch.wait_for("a1.3")
        assert watch.keys() == ["a1.1", "a1.2", "a1.3"]
        assert watch.end()["unfit"] == 2


def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(broker, tmp_path):
    """The broker has the rest; what was on the disk when it died comes again and is known."""
    folder, keys = tmp_path / "inbox", [f"k{number:03}.1" for number in range(40)]
    ran = tmp_path / "ran"
    script = f"sh -c 'echo \"$FIRETOWER_KEY\" >> {ran}'"
    with (
        Process(broker.port, folder, "--exec", script, "--name", "killed") as watch,
        Tower(broker.port) as tower,
    ):
        wait(lambda: watch.alive and (folder / ".new").is_dir())
        tower.beat(1)
        wait(lambda: watch.alive and (folder / ".health/tower-7.json").exists())
        for number, key in enumerate(keys):
            tower.event(key)
            if number in {12, 25}:
                wait(lambda: watch.alive and watch.keys())
                watch.kill()
                watch.start()
        watch.wait_for(keys[-1])
        wait(lambda: watch.alive and not list((folder / ".due").iterdir()))
        counts = watch.end()
    assert sorted(path.stem for path in (folder / "tower-7").iterdir()) == keys
    assert counts["due"] == 0
    runs = ran.read_text().split()
    assert sorted(set(runs)) == keys
    assert len(runs) - len(keys) <= 2, "only what was running when it was killed is run again"
    assert len(set(watch.keys())) == len(watch.keys())


def test_what_the_disk_did_not_take_comes_again(broker, tmp_path, caplog):
    """It is acknowledged when it is on the disk, not before."""
    with Watch(broker.port, tmp_path / "inbox", name="full") as watch, Tower(broker.port) as tower:
        (tmp_path / "inbox/tower-7").write_bytes(b"in the way")
        tower.event("a1.1")
        wait(lambda: watch.alive and "the broker keeps what comes" in caplog.text)
        assert watch.keys() == []
        (tmp_path / "inbox/tower-7").unlink()
        watch.wait_for("a1.1")


def test_what_came_meanwhile_is_there_afterwards(broker, tmp_path):
    with Tower(broker.port) as tower, Watch(broker.port, tmp_path / "inbox", name="away") as watch:
        watch.end()
        tower.event("a1.1")
        watch.start()
        watch.wait_for("a1.1")


def of(path, name):
    """Return the lines that begin with a name; watches of other tests were heard, too."""
    return [line for line in path.read_text().splitlines() if line.startswith(name)]


def test_a_silent_tower_is_told_once_and_its_return(broker, tmp_path):
    ran = tmp_path / "ran"
    words = ("sh", "-c", f'echo "$FIRETOWER_TEXT" >> {ran}')
    options = {"name": "silent", "grace_s": 0.0, "words": words, "towers": ("quiet-1",)}
    with Watch(broker.port, tmp_path / "inbox", **options) as watch, Tower(broker.port) as tower:
        tower.beat(4, 1.0, tower="quiet-1")
        watch.wait_for("silent.0a1b2c3d.4")
        watch.end()
        watch.start()
        tower.beat(5, 300.0, tower="quiet-1")
        watch.wait_for("back.0a1b2c3d.5")
        assert watch.keys().count("silent.0a1b2c3d.4") == 1
        wait(lambda: watch.alive and any("again" in line for line in of(ran, "quiet-1")))
    told = of(ran, "quiet-1")
    assert len(told) == 2
    assert told[0].startswith("quiet-1 is silent: nothing was heard of it for")
    assert told[1].startswith("quiet-1 is heard again")


def test_without_a_broker_the_watch_says_that_it_is_deaf_and_calls_nobody_silent(tmp_path):
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker", "persistence false")
    with Watch(broker.port, tmp_path / "inbox", name="deaf", grace_s=0.0) as watch:
        with Tower(broker.port) as tower:
            tower.beat(1, 300.0)
            wait(lambda: watch.alive and (tmp_path / "inbox/.health/tower-7.json").exists())
        broker.kill()
        wait(lambda: watch.alive and watch.starting("deaf"))
        broker.start()
        wait(lambda: watch.alive and watch.starting("hearing"))
        assert not watch.starting("silent")
        broker.kill()


def test_a_watch_says_that_it_listens_and_another_hears_it(broker, tmp_path):
    with Listener(broker.port, "firetower-watch/#") as others:
        with Watch(broker.port, tmp_path / "a", name="one", grace_s=0.0) as one:
            with Watch(broker.port, tmp_path / "b", name="two"):
                wait(lambda: len(others.on("firetower-watch/one/health")) >= 2)
                last = others.on("firetower-watch/one/health")[-1]
                assert last.expires_s == 3
                told = json.loads(last.body)
                assert (told["tower"], told["sequence"], told["next_due_s"]) == ("one", 2, 1.0)
                wait(lambda: one.alive and (tmp_path / "a/.health/watch.two.json").exists())
            wait(lambda: one.alive and "watch.two" in {line["tower"] for line in one.told})
            said = next(line for line in one.told if line["tower"] == "watch.two")
            assert said["key"].startswith("silent.")
            wait(lambda: others.on("firetower-watch/two/available")[-1].body == b"offline")
        wait(lambda: others.on("firetower-watch/one/available")[-1].body == b"offline")


def test_a_tower_that_is_called_like_a_watch_is_another(broker, tmp_path):
    """Neither the heartbeats nor the sessions of the two meet."""
    with (
        Watch(broker.port, tmp_path / "a", name="one") as one,
        Watch(broker.port, tmp_path / "b", name="two", grace_s=0.0) as two,
        Tower(broker.port, "firetower-watch-two") as tower,
    ):
        tower.beat(1, tower="watch-two", boot="tower-boot")
        tower.event("a1.1", tower="watch-two")
        one.wait_for("a1.1")
        health = tmp_path / "a/.health"
        wait(lambda: one.alive and b"firetower.watch/1" in kept(health / "watch.two.json"))
        assert b"tower-boot" in kept(health / "watch-two.json")
        wait(lambda: two.alive and two.keys())
        tower.event("a1.2", tower="watch-two")
        two.wait_for("a1.2")
        assert not two.starting("deaf"), "it was thrown out"


def kept(path):
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--broker", "http://x"], "mqtts://HOST"),
        (["--broker", "mqtt://user:secret@x"], "no user or password"),
        (["--broker", "mqtt://x", "--name", "Über"], "--name"),
        (["--broker", "mqtt://x", "--tower", "../x"], "--tower"),
        (["--broker", "mqtt://x", "--exec", "absent-program"], "absent-program"),
        (["--broker", "mqtt://x", "--exec", "'"], "--exec"),
        (["--broker", "mqtt://x", "--heartbeat-s", "0"], "--heartbeat-s"),
        (["--broker", "mqtt://x", "--grace-s", "nan"], "--grace-s"),
        (["--broker", "mqtt://x", "--ca-file", "x"], "mqtts://"),
        (["--broker", "mqtts://x", "--ca-file", "absent"], "--ca-file"),
        (["--broker", "mqtt://x", "--password-file", "x"], "--user"),
        ([], "--broker"),
    ],
)
def test_wrong_options_are_told(options, why, tmp_path, monkeypatch):
    monkeypatch.delenv("FIRETOWER_BROKER", raising=False)
    with pytest.raises(SettingsError, match=why) as raised:
        command([*options, "--folder", str(tmp_path / "inbox")])
    assert "secret" not in str(raised.value)
    assert not (tmp_path / "inbox").exists()
