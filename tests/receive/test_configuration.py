"""deploy/broker: the broker's configuration, run by a real mosquitto; the compose file, as far as reading tells."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.http import trust
from receive.broker import Broker
from receive.errors import BrokerError
from receive.session import SESSION_S, Session
from receive.watch import _parser
from tests.http.server import Certificates
from tests.uplink.mosquitto import Mosquitto, free_port, wait

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/broker"
PASSWORD = "correct-horse-battery"
USERS = ("tower-7", "tower-8", "hq")


class Configured(Mosquitto):
    """The configuration as it stands, with the paths and the port of a test."""

    def __init__(self, folder):
        passwd = shutil.which("mosquitto_passwd")
        if passwd is None:
            pytest.fail("needs mosquitto_passwd: apt-get install mosquitto")
        (folder / "data").mkdir()
        shutil.copy(FOLDER / "acl", folder / "acl")
        pem = Certificates(folder).make("server", "IP:127.0.0.1")
        for name in ("server.crt", "server.key"):
            shutil.copy(pem, folder / name)
        (folder / "passwords").touch(mode=0o600)
        for user in USERS:
            subprocess.run([passwd, "-b", folder / "passwords", user, PASSWORD], check=True)
        self.ca_file, self.folder = pem, folder
        said = (FOLDER / "mosquitto.conf").read_text()
        lines = [line for line in said.splitlines() if line and not line.startswith(("#", "listener"))]
        assert len(lines) < len(said.splitlines())
        moved = [
            line.replace("/mosquitto/config", str(folder)).replace("/mosquitto", str(folder))
            for line in lines
        ]
        super().__init__(folder, *moved)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    made = Configured(tmp_path_factory.mktemp("broker"))
    yield made
    made.kill()


def connect(broker, user, client_id=None, session_s=0, password=PASSWORD, tls=True):
    context = trust.context(broker.ca_file) if tls else None
    place = Broker("127.0.0.1", broker.port, context, user, password)
    return Session(place, client_id or f"test-{user}", SystemClock(), session_s)


def publish(session, topic, body=b"{}", retained=False):
    """Return why it was not taken; empty where it was."""
    number = session.publish(topic, body, retained=retained)
    found = []

    def settled():
        session.turn(0.05)
        found.append(session.outcome(number))
        return found[-1] is not None

    wait(settled)
    return found[-1]


def hear(session, topic):
    """Wait for the next message, and return what it says."""
    came = []
    wait(lambda: came.extend(session.turn(0.05)) or came)
    for one in came:
        session.acknowledge(one)
    assert [one.topic for one in came] == [topic]
    return came[0].body


def test_a_tower_is_heard_and_gets_commands(broker):
    tower, hq = connect(broker, "tower-7"), connect(broker, "hq")
    hq.subscribe(["firetower/+/event", "firetower/+/answer/#"])
    tower.subscribe(["firetower/tower-7/command"])
    assert publish(tower, "firetower/tower-7/event", b"smoke") == ""
    assert hear(hq, "firetower/tower-7/event") == b"smoke"
    assert publish(hq, "firetower/tower-7/command", b"confirm") == ""
    assert hear(tower, "firetower/tower-7/command") == b"confirm"
    assert publish(tower, "firetower/tower-7/answer/x", b"done") == ""
    assert hear(hq, "firetower/tower-7/answer/x") == b"done"
    for session in (tower, hq):
        session.close()


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("tower-8", "firetower/tower-7/event"),
        ("tower-8", "firetower/tower-7/health"),
        ("tower-8", "firetower/tower-7/available"),
        ("tower-8", "firetower/tower-7/camera/north/smoke"),
        ("tower-8", "firetower/tower-7/command"),
        ("tower-7", "firetower/tower-7/command"),
        ("tower-7", "firetower/tower-7/elsewhere"),
        ("tower-7", "firetower-watch/hq/health"),
        ("hq", "firetower/tower-7/event"),
        ("hq", "firetower/tower-7/health"),
        ("hq", "elsewhere"),
    ],
)
def test_nobody_speaks_for_another(broker, user, topic):
    session = connect(broker, user)
    assert "authorized" in publish(session, topic).lower()
    session.close()


def test_a_tower_hears_no_other(broker):
    curious, other, hq = connect(broker, "tower-8"), connect(broker, "tower-7"), connect(broker, "hq")
    curious.subscribe(["firetower/#"])
    assert publish(other, "firetower/tower-7/event", b"not for you") == ""
    assert publish(hq, "firetower/tower-7/command", b"nor this") == ""
    assert publish(hq, "firetower/tower-8/command", b"for you") == ""
    assert hear(curious, "firetower/tower-8/command") == b"for you"
    for session in (curious, other, hq):
        session.close()


# paho leaves the socket of a handshake that failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_strangers_stay_outside(broker):
    for user, password in ((None, None), ("tower-7", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(BrokerError, match="lets us not in"):
            connect(broker, user, "stranger", password=password)
    with pytest.raises(BrokerError):
        connect(broker, "tower-7", tls=False)
    place = Broker("127.0.0.1", broker.port, trust.context(None), "tower-7", PASSWORD)
    with pytest.raises(BrokerError, match="not trusted"):
        Session(place, "stranger", SystemClock())


def test_what_waits_outlives_the_broker(broker):
    watch = connect(broker, "hq", "away", SESSION_S)
    watch.subscribe(["firetower/+/event"])
    watch.close()
    tower = connect(broker, "tower-7")
    assert publish(tower, "firetower/tower-7/event", b"smoke") == ""
    assert publish(tower, "firetower/tower-7/health", b"{}", retained=True) == ""
    data = broker.folder / "data/mosquitto.db"
    wait(lambda: data.exists() and b"smoke" in data.read_bytes() and b"/health" in data.read_bytes())
    broker.kill()
    broker.start()
    again = connect(broker, "hq", "away", SESSION_S)
    assert hear(again, "firetower/tower-7/event") == b"smoke"
    again.close()


def test_a_listener_for_towers_can_bind_sessions_to_users(broker, tmp_path):
    """As docs/deliver.md advises for towers that may be stolen."""
    shutil.copy(broker.folder / "passwords", tmp_path / "passwords")
    people = free_port()
    bound = Mosquitto(
        tmp_path, "use_username_as_clientid true", f"listener {people} 127.0.0.1", "allow_anonymous false",
        f"password_file {tmp_path / 'passwords'}", f"acl_file {FOLDER / 'acl'}",
    )  # fmt: skip

    def session(user, client_id, port, session_s=0):
        return Session(Broker("127.0.0.1", port, None, user, PASSWORD), client_id, SystemClock(), session_s)

    watch = session("hq", "watch.hq", people, SESSION_S)
    watch.subscribe(["firetower/+/event"])
    watch.close()
    tower = session("tower-7", "firetower-tower-7", bound.port)
    assert publish(tower, "firetower/tower-7/event", b"smoke") == ""
    for client_id in ("watch.hq", "firetower-tower-7"):
        session("tower-8", client_id, bound.port).close()
    assert publish(tower, "firetower/tower-7/health") == "", "it was not thrown out"
    again, order = session("hq", "watch.hq", people, SESSION_S), session("hq", "command.1", people)
    assert hear(again, "firetower/tower-7/event") == b"smoke"
    for one in (again, order, tower):
        one.close()
    bound.kill()


def test_the_containers_are_confined_and_bounded():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra `train` brings")
    document = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    for service in document["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["restart"] == "always"
        assert service["user"].split(":")[0] not in {"0", "root"}
        assert set(service.get("secrets", ())) <= set(document["secrets"])
        named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith(".")}
        assert named <= set(document["volumes"])
    mounted = {volume.split(":")[1] for volume in document["services"]["broker"]["volumes"]}
    named = [
        line.split()[1]
        for line in (FOLDER / "mosquitto.conf").read_text().splitlines()
        if line.startswith(("certfile", "keyfile", "password_file", "acl_file"))
    ]
    assert set(named) <= mounted
    assert len(named) == 4


def test_the_watch_of_the_compose_file_is_a_command_that_there_is():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which the extra `train` brings")
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["watch"]
    assert service["entrypoint"] == ["firetower", "watch"]
    options = _parser().parse_args(service["command"])
    assert options.name == "hq"
    assert str(options.folder).startswith("/var/lib/firetower/")
