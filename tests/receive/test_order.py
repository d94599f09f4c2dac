"""`firetower command` against a tower's own transport and gate, through a real mosquitto."""

import json
import threading

import pytest

from edge.clock import SystemClock
from edge.errors import SettingsError
from edge.uplink.command import KINDS, new_operator, read_operator
from edge.uplink.gate import Gate, Moment
from edge.uplink.mqtt import MQTT, MqttOptions
from edge.uplink.sink import Tower as Sender
from receive import order
from receive.errors import BrokerError
from receive.order import command
from tests.uplink.road import HANG_S, Road, parcel


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name, role in (("anna", "operator"), ("bo", "admin"), ("cy", "observer")):
        assert command(["--make-key", str(folder / f"{name}.key"), name, role]) == 0
    return folder


class Tower:
    """A tower as far as commands go, in a thread."""

    def __init__(self, port, keys, name="tower-7"):
        self.done = []
        people = {one.name: one for one in (read_operator(file, "x") for file in keys.iterdir())}
        self._gate = Gate(name, "boot", 17, people, dict.fromkeys(KINDS, self._do))
        transport = MQTT.open(MqttOptions(url=f"mqtt://127.0.0.1:{port}"), Sender(name, 300.0), SystemClock())
        self._road = Road(transport)
        self._road.connect()
        health = {"tower": name, "boot_id": "boot", "sequence": 17, "next_due_s": 300.0}
        body = json.dumps(health).encode()
        assert self._road.carry(parcel(f"{name}.health", body, channel="health", camera=None, expires_s=900))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(HANG_S)
        self._road.transport.close()

    def _do(self, given):
        self.done.append(given)
        return "as asked"

    def _work(self):
        while not self._stop.is_set():
            self._road.step()
            for one in self._road.commands:
                answer = self._gate.take(one, Moment(self._road.now_ns, 0, None, 17))
                if answer is not None:
                    assert self._road.transport.send(answer, self._road.now_ns)
            self._road.commands.clear()


@pytest.fixture(scope="module")
def tower(broker, keys):
    with Tower(broker.port, keys) as made:
        yield made


@pytest.fixture
def give(broker, keys, capsys):
    def run(who, *words, tower="tower-7"):
        code = command(
            [tower, *words, "--as", str(keys / f"{who}.key"), "--broker", f"mqtt://127.0.0.1:{broker.port}",
             "--wait-s", str(HANG_S)]
        )  # fmt: skip
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


@pytest.mark.parametrize(
    ("who", "words", "name", "arguments"),
    [
        ("anna", ("acknowledge", "9f2c", "I look"), "acknowledge", {"event": "9f2c", "note": "I look"}),
        ("anna", ("confirm", "9f2c"), "confirm", {"event": "9f2c"}),
        ("anna", ("dismiss", "9f2c", "dust"), "dismiss", {"event": "9f2c", "note": "dust"}),
        ("cy", ("picture", "north"), "picture", {"camera": "north"}),
        ("cy", ("frame", "9f2c"), "frame", {"event": "9f2c"}),
        ("anna", ("drill",), "drill", {}),
        ("anna", ("drill", "north"), "drill", {"camera": "north"}),
        ("bo", ("fire-risk", "high"), "fire_risk", {"level": "high"}),
        ("bo", ("snooze", "north", "1.5", "a permit"), "snooze",
         {"camera": "north", "duration_s": 90.0, "reason": "a permit"}),
    ],
)  # fmt: skip
def test_a_command_is_signed_done_and_answered(tower, give, who, words, name, arguments):
    code, answer = give(who, *words)
    assert (code, answer["word"], answer["why"]) == (0, "done", "as asked")
    given = tower.done[-1]
    assert (given.by.name, given.order.command, given.order.arguments) == (who, name, arguments)
    assert answer["id"] == given.order.id
    assert (given.order.boot_id, given.order.sequence) == ("boot", 17)


def test_a_refusal_is_told_and_is_exit_code_1(tower, keys, broker, give):
    stranger = new_operator("anna", "operator")
    other = keys.parent / "stranger"
    other.mkdir()
    (other / "anna.key").touch(mode=0o600)
    (other / "anna.key").write_text(stranger.line())
    words = ["tower-7", "confirm", "9f2c", "--as", str(other / "anna.key")]
    before = len(tower.done)
    assert command([*words, "--broker", f"mqtt://127.0.0.1:{broker.port}", "--wait-s", str(HANG_S)]) == 1
    assert len(tower.done) == before


def test_a_tower_that_is_not_heard_gets_nothing(broker, give, monkeypatch):
    monkeypatch.setattr(order, "_HEALTH_S", 0.5)
    with pytest.raises(BrokerError, match="nothing was sent"):
        give("anna", "confirm", "9f2c", tower="tower-9")


def test_a_tower_that_does_not_answer(broker, keys):
    silent = Tower(broker.port, keys, "tower-8")  # its thread does not run
    words = ["tower-8", "confirm", "9f2c", "--as", str(keys / "anna.key")]
    with pytest.raises(BrokerError, match="may still be done"):
        command([*words, "--broker", f"mqtt://127.0.0.1:{broker.port}", "--wait-s", "0.5"])
    silent._road.transport.close()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "which tower"),
        (["tower-7"], "which tower"),
        (["Tower", "confirm", "9f2c"], "no tower has the id"),
        (["tower-7", "confirm"], "EVENT"),
        (["tower-7", "confirm", "a", "b", "c"], "EVENT"),
        (["tower-7", "confirm", "../x"], "event"),
        (["tower-7", "snooze", "north", "soon", "x"], "minutes"),
        (["tower-7", "snooze", "north", "241", "x"], "240"),
        (["tower-7", "snooze", "north", "nan", "x"], "240"),
        (["tower-7", "fire-risk", "extreme"], "level"),
        (["tower-7", "fire-risk", "low"], "role admin"),
        (["tower-7", "confirm", "9f2c", "--valid-s", "1e9"], "valid"),
    ],
)
def test_wrong_words_are_told_before_anything_is_sent(keys, words, why):
    with pytest.raises(SettingsError, match=why):
        command([*words, "--as", str(keys / "anna.key"), "--broker", "mqtt://192.0.2.1"])


def test_who_gives_it_must_be_said():
    with pytest.raises(SettingsError, match="--make-key"):
        command(["tower-7", "confirm", "9f2c", "--broker", "mqtt://192.0.2.1"])


def test_a_key_is_never_written_over(keys):
    before = (keys / "anna.key").read_text()
    assert (keys / "anna.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SettingsError, match="exists"):
        command(["--make-key", str(keys / "anna.key"), "anna", "operator"])
    with pytest.raises(SettingsError, match="role"):
        command(["--make-key", str(keys / "x.key"), "x", "chief"])
    assert (keys / "anna.key").read_text() == before
    assert not (keys / "x.key").exists()
