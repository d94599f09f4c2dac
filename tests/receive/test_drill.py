"""`firetower drill` against a whole daemon at a real mosquitto, with a watch that runs a program; and what it says."""

import hashlib
import json
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from edge.alert.drill import begun, ended
from edge.alert.event import Stamp
from edge.alert.place import Place
from edge.clock import SystemClock
from edge.command.run import make_counters
from edge.daemon import Daemon
from edge.errors import SettingsError
from edge.model.loaded import load_model
from edge.settings import parse
from edge.uplink.command import Order, read_operator, read_operators
from edge.uplink.document import Sending as Sent
from edge.uplink.document import render_event
from edge.uplink.facts import TowerFacts
from edge.uplink.gate import Answer
from edge.uplink.moment import Now
from edge.uplink.uplink import Uplink
from edge.zone import zone_of
from receive.broker import Broker
from receive.drill import STEPS, Drill, command, run
from receive.errors import BrokerError, MessageError
from receive.order import Sending
from receive.order import command as order
from receive.session import Delivered
from tests.receive.test_order import Tower as Mute
from tests.receive.test_watch import Tower as Voice
from tests.receive.test_watch import Watch
from tests.uplink.mosquitto import Listener, Mosquitto, wait
from tests.uplink.road import HANG_S

PROGRAM = """
import os, sys
told = "\\t".join(os.environ[name] for name in ("FIRETOWER_KEY", "FIRETOWER_DRILL", "FIRETOWER_TEXT"))
with open(sys.argv[1], "a") as file:
    file.write(f"{told}\\n")
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name, role in (("anna", "operator"), ("cy", "observer")):
        assert order(["--make-key", str(folder / f"{name}.key"), name, role]) == 0
    return folder


class Tower:
    """A daemon in a thread, whose camera shows a hill without smoke."""

    def __init__(self, port, folder, keys):
        settings = parse(
            {
                "tower": {"id": "tower-7"},
                "cameras": {"scene": {"uri": "scene:?ignition=1000000"}},
                "sinks": {
                    "hq": {"url": f"mqtt://127.0.0.1:{port}", "origins": ["live", "simulated"]},
                },
                "operators": {"anna": str(keys / "anna.key"), "cy": str(keys / "cy.key")},
            },
            folder,
        )
        self.clock, self.announced = SystemClock(), []
        model = load_model(None)
        uplink = Uplink(
            settings, self.clock, model=model.name, version="1", operators=read_operators(settings.operators)
        )
        self.place = Place(lambda: folder / "e.db", post=uplink.post)
        self.daemon = Daemon(
            settings, model, self.place, make_counters(settings, self.clock, Path("/")), self.clock,
            notify=lambda _: True, watchdog_s=None, announce=self.announced.append, uplink=uplink,
        )  # fmt: skip
        self._thread = threading.Thread(target=self.daemon.run, daemon=True)
        self._thread.start()
        wait(lambda: self.daemon.status()["cameras"]["scene"]["scored"])

    def stop(self):
        self.daemon.stop()
        self._thread.join(HANG_S)
        self.place.close()


@pytest.fixture(scope="module")
def tower(broker, keys, tmp_path_factory):
    made = Tower(broker.port, tmp_path_factory.mktemp("tower"), keys)
    yield made
    made.stop()


@pytest.fixture
def drill(broker, keys, capsys):
    def run(*words, who="anna", wait_s=HANG_S, tower="tower-7"):
        code = command(
            [tower, "--as", str(keys / f"{who}.key"), "--broker", f"mqtt://127.0.0.1:{broker.port}",
             "--wait-s", str(wait_s), *words]
        )  # fmt: skip
        told = capsys.readouterr()
        return code, json.loads(told.out.splitlines()[-1]), told.err

    return run


def test_it_goes_through_the_whole_chain_and_counts_nowhere(broker, tower, drill, tmp_path):
    ran = tmp_path / "ran"
    words = [sys.executable, "-c", PROGRAM, str(ran)]
    with (
        Listener(broker.port, "firetower/#", "firetower-watch/#") as people,
        Watch(broker.port, tmp_path / "inbox", name="hq", words=words) as watch,
    ):
        wait(lambda: b"online" in {one.body for one in people.on("firetower-watch/hq/available")})
        code, report, said = drill()
        key = report["drill"]
        watch.wait_for(f"{key}.1", f"{key}.1.thumbnail", f"{key}.1.crop", f"{key}.2")
        wait(lambda: ran.exists() and ran.read_text().count("\n") == 2)
    assert (code, report["good"], list(report["steps"]), report["watches"]) == (0, True, list(STEPS), ["hq"])
    assert report["why"] == f"{key} of camera scene is begun, for hq"
    ours = [report["steps"][step] for step in STEPS if step != "committed"]
    assert ours == sorted(ours)
    assert 0 <= report["steps"]["committed"] <= report["steps"]["opened"]
    assert [line.split()[2] for line in said.splitlines()[:7]].count("committed") == 1

    texts = [json.loads(one.body)["text"] for one in people.on("firetower/tower-7/event")]
    assert len(texts) == 2
    assert all(text.startswith("DRILL. SIMULATED. Smoke, not confirmed. ") for text in texts)
    assert all(one.attributes["drill"] == "true" for one in people.got if one.key.startswith("drill."))
    assert [line.split("\t")[:2] for line in ran.read_text().splitlines()] == [
        [f"{key}.1", "1"],
        [f"{key}.2", "1"],
    ]
    assert all(line.split("\t")[2].startswith("DRILL. ") for line in ran.read_text().splitlines())
    assert {one["text"].split()[0] for one in watch.told if one["key"].startswith(key)} == {"DRILL."}

    assert {one.body for one in people.on("firetower/tower-7/camera/scene/smoke")} <= {b"OFF", b"unknown"}
    status = tower.daemon.status()
    assert {name: status["events"][name] for name in ("opened", "closed", "alerted", "unstored", "untold")} == {
        "opened": 0, "closed": 0, "alerted": 0, "unstored": 0, "untold": 0,
    }  # fmt: skip
    stored = status["events"]["stored"]
    assert (stored["open_events"], stored["closed_events"], stored["evidence"]) == (0, 0, 0)
    assert tower.announced == []


def test_a_refusal_is_told(tower, drill):
    code, report, said = drill("--camera", "east")
    assert (code, report["good"], report["steps"]["taken"]) == (1, False, None)
    assert "tower-7 does not drill: there is no camera east; there are scene" in said


class JumpingClock(SystemClock):
    """The machine's clock, set ahead at will."""

    ahead_ns = 0

    def mono_ns(self):
        return super().mono_ns() + self.ahead_ns


def test_what_did_not_come_is_told_and_where_to_look(broker, keys):
    clock, said = JumpingClock(), []

    def say(text):
        said.append(text)
        if " taken " in text:
            clock.ahead_ns = round(3600e9)

    sending = Sending("tower-8", "drill", {}, read_operator(keys / "anna.key", "x"), None, 3600.0)
    with Mute(broker.port, keys, "tower-8"):
        report = run(Broker("127.0.0.1", broker.port), sending, clock, say)
    assert not report.good
    assert [step for step, at_s in report.steps.items() if at_s is None] == list(STEPS[2:])
    assert f"did not come: {', '.join(STEPS[2:])}" in said
    assert "no event came" in said[said.index(f"did not come: {', '.join(STEPS[2:])}") + 1]


ORDER = Order(
    tower="tower-7", id="0123456789", command="drill", arguments={}, boot_id="b1", sequence=1,
    sent_at=datetime.now(UTC),
)  # fmt: skip


def seen(*topics_and_bodies, **attributes):
    """A drill that got messages, and what it said."""
    said = []
    drill = Drill(ORDER, "firetower/tower-7/answer/x", said.append)
    drill.step("sent", 0.0, "")
    for topic, body in topics_and_bodies:
        whole = body if isinstance(body, bytes) else json.dumps(body).encode()
        drill.take(Delivered(f"firetower{topic}", whole, False, attributes, None, None, None, (0, 0)), 1.0)
    drill.explain()
    return drill, said


def closing():
    """The closing of that drill, as a tower sends it."""
    now = Now(5 * 10**9, "b1", 0, wall_trusted=True)
    one = begun(
        "drill.0123456789", "north", (240, 320), "m@1#0", Stamp(model_s=1.0, mono_ns=10**9, boot_id="b1")
    )
    facts = TowerFacts("tower-7", "Seven", {}, zone_of("UTC"))
    sending = Sent(key="drill.0123456789.2", now=now)
    return msgspec.json.encode(render_event(ended(one, one.opened), facts, sending))


def test_who_drills_is_told_of_what_is_real():
    real = {"schema": "firetower.event/1", "key": "e.1", "tower": "tower-7", "text": "Smoke, not confirmed."}
    drill, said = seen(("/tower-7/event", real))
    assert "also came: Smoke, not confirmed." in said
    assert list(drill.steps) == ["sent"]


def test_the_heartbeat_says_what_keeps_it():
    beat = {"tower": "tower-7", "boot_id": "b1", "sequence": 2, "next_due_s": 300.0, "reasons": ["a is dark"]}
    beat["sinks"] = {"hq": {"up": True, "why": ""}, "phone": {"up": False, "why": "it does not answer"}}
    _, said = seen(
        ("/tower-7/health", beat), ("-watch/hq/available", b"online"), ("-watch/hq/available", b"offline")
    )
    assert "the newest heartbeat of tower-7 says: a is dark; sink phone: it does not answer" in said
    assert "no `firetower watch` says that it listens here: nobody may get a real one" in said


def test_a_picture_counts_only_if_it_is_of_this_drill_and_what_it_says():
    jpeg = b"\xff\xd8\xff a picture"
    digest = hashlib.sha256(jpeg).hexdigest()
    topic = "/tower-7/camera/north/image"
    for key, came in (
        ("drill.0123456789.1.crop", True),
        ("drill.9876543210.1.crop", False),
        ("e.1.crop", False),
    ):
        drill, _ = seen((topic, jpeg), id=key, sha256=digest)
        assert ("crop" in drill.steps) is came
    with pytest.raises(MessageError, match="digest"):
        seen((topic, jpeg), id="drill.0123456789.1.crop", sha256="0" * 64)
    said = {"id": "drill.0123456789.1.crop", "sha256": digest}
    kept = Delivered(f"firetower{topic}", jpeg, True, said, None, None, None, (0, 0))
    drill, _ = seen()
    drill.take(kept, 1.0)
    assert "crop" not in drill.steps, "the broker kept it: it is from before"


def test_only_the_answer_to_this_command_counts():
    answer = Answer(
        tower="tower-7", id="0123456789", command="drill", word="refused", reason="unfit", why="no", boot_id="b1",
        sequence=1, answered_at=None, clock_trusted=None,
    )  # fmt: skip
    body = msgspec.json.encode(answer)
    for correlation, refused in ((b"0123456789", True), (b"another", False), (None, False)):
        drill, _ = seen()
        drill.take(Delivered(drill.answers, body, False, {}, None, None, correlation, (0, 0)), 1.0)
        assert drill.refused is refused


def test_a_drill_that_something_real_ended_says_so():
    drill, said = seen(("/tower-7/event", closing()))
    assert list(drill.steps) == ["sent", "closed"]
    assert drill.over
    assert "taken: it was closed before that. An event of a live camera goes first and ends a drill" in said


def test_what_is_in_memory_alone_is_not_committed():
    event = json.loads(closing())
    drill, said = seen(("/tower-7/event", event | {"type": "opened", "committed_s": None}))
    assert list(drill.steps) == ["sent", "opened"]
    assert "did not come: taken, committed, thumbnail, crop, closed" in said
    assert not drill.report().good
    drill, _ = seen(("/tower-7/event", event | {"type": "opened", "committed_s": 0.25}))
    assert drill.steps["committed"] == 0.25


@pytest.mark.parametrize(
    ("who", "words", "why"),
    [
        ("anna", ["Tower"], "no tower has the id"),
        ("anna", ["tower-7", "--wait-s", "0"], "--wait-s"),
        ("anna", ["tower-7", "--wait-s", "nan"], "--wait-s"),
        ("anna", ["tower-7", "--camera", "../x"], "camera"),
        ("cy", ["tower-7"], "role operator"),
    ],
)
def test_wrong_words_are_told_before_anything_is_sent(keys, who, words, why):
    with pytest.raises(SettingsError, match=why):
        command([*words, "--as", str(keys / f"{who}.key"), "--broker", "mqtt://192.0.2.1"])


@pytest.mark.parametrize("run", [lambda words: command(words[:1] + words[2:]), order])
def test_a_broker_that_lets_nobody_command_is_told(tmp_path, keys, run):
    (tmp_path / "acl").write_text("topic read #\ntopic write firetower/tower-7/health\n")
    broker = Mosquitto(tmp_path, "persistence false", f"acl_file {tmp_path / 'acl'}", "allow_anonymous true")
    words = [
        "tower-7",
        "drill",
        "--as",
        str(keys / "anna.key"),
        "--broker",
        f"mqtt://127.0.0.1:{broker.port}",
    ]
    with Voice(broker.port) as tower:
        tower.beat(7)
        with pytest.raises(
            BrokerError, match=r"does not let us publish at firetower/tower-7/command: Not auth"
        ):
            run(words)
    broker.kill()


def test_who_drills_must_be_said(capsys):
    assert command(["tower-7", "--broker", "mqtt://192.0.2.1"]) == 2
    assert "--as" in capsys.readouterr().err
