"""What every transport must do, whatever its kind. A kind without a case here fails."""

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from edge.clock import SystemClock
from edge.uplink.mqtt import MQTT
from edge.uplink.registry import KINDS
from edge.uplink.sink import Kind, Tower
from edge.uplink.transport import Channel, Transport
from edge.uplink.webhook import WEBHOOK
from tests.uplink.mosquitto import Listener, Mosquitto, Proxy
from tests.uplink.receiver import HttpsReceiver
from tests.uplink.road import Road, parcel

TOWER = Tower(id="tower-7", heartbeat_s=300)
LARGEST_BYTES = 50_000  # of what a receiver takes, about
SECRET = "correct-horse-battery"
DAY_NS = 86_400_000_000_000


class Receiver(Protocol):
    """A real one on loopback.

    Attributes:
        url: its address.
        keys: further keys of the sink's options; none holds a secret.
    """

    url: str
    keys: dict

    def arrived(self) -> list[tuple[str, bytes, str]]:
        """Key, body and content type of what arrived, in order, without what the transport says of itself."""

    def kill(self) -> None:
        """End it at once."""

    def start(self) -> None:
        """Start it again, at its address, and wait until it takes parcels."""

    def mute(self) -> None:
        """From now on it takes what comes and answers nothing."""

    def unmute(self) -> None:
        """It answers again; connections from before may be gone."""

    def close(self) -> None:
        """End it for good."""


class MqttReceiver:
    """A mosquitto, somebody who listens at it, and a proxy before it."""

    def __init__(self, folder: Path) -> None:
        self._broker = Mosquitto(folder, f"max_packet_size {LARGEST_BYTES}")
        self._listener = Listener(self._broker.port, f"firetower/{TOWER.id}/#")
        self._proxy = Proxy(self._broker.port)
        self.url = f"mqtt://127.0.0.1:{self._proxy.port}"
        self.keys = {}

    def arrived(self):
        return [(one.key, one.body, one.content_type) for one in self._listener.got if one.key]

    def kill(self):
        self._broker.kill()

    def start(self):
        self._broker.start()
        self._listener.wait_until_it_listens()

    def mute(self):
        self._proxy.muted.set()

    def unmute(self):
        self._proxy.cut()
        self._proxy.muted.clear()

    def close(self):
        self._listener.__exit__()
        self._proxy.close()
        self._broker.kill()


@dataclass(frozen=True)
class Case:
    """A kind of sink to try.

    Attributes:
        kind: it.
        receiver: starts a receiver; given a folder for its files.
        connects: whether there is a link between parcels; else each is taken, and its outcome tells of the receiver.
    """

    kind: Kind
    receiver: Callable[[Path], Receiver]
    connects: bool = True


CASES = {"mqtt": Case(MQTT, MqttReceiver), "webhook": Case(WEBHOOK, HttpsReceiver, connects=False)}


def test_every_kind_has_a_case():
    assert {case.kind.options for case in CASES.values()} == {kind.options for kind in KINDS}


@pytest.fixture(scope="module")
def receivers(tmp_path_factory):
    """Receivers that have been started, by the names of their cases."""
    started: dict[str, Receiver] = {}
    yield (
        lambda name: (
            started.setdefault(name, CASES[name].receiver(tmp_path_factory.mktemp(name)))
            if name not in started
            else started[name]
        )
    )
    for one in started.values():
        one.close()


@pytest.fixture
def receiver(receivers, case) -> Receiver:
    return receivers(case)


def open_transport(case: str, url: str, **keys: object) -> Transport:
    options = CASES[case].kind.options(url=url, **keys)
    options.check()
    return CASES[case].kind.open(options, TOWER, SystemClock())


@pytest.fixture
def road(case, receiver):
    made = Road(open_transport(case, receiver.url, **receiver.keys))
    made.connect()
    yield made
    made.transport.close()


each = pytest.mark.parametrize("case", CASES)


@each
def test_a_parcel_arrives_whole_and_once(case, receiver, road):
    body = bytes(range(256)) * 40
    before = road.transport.link()
    outcome = road.carry(parcel("whole.1", body, content_type="image/jpeg", channel="image"))
    assert (outcome.key, outcome.word, outcome.why) == ("whole.1", "delivered", "")
    assert outcome.bytes > len(body)
    road.until(lambda: any(key == "whole.1" for key, _, _ in receiver.arrived()))
    assert [one for one in receiver.arrived() if one[0] == "whole.1"] == [("whole.1", body, "image/jpeg")]
    after = road.transport.link()
    assert after.sent_bytes - before.sent_bytes > len(body)
    assert after.received_bytes > before.received_bytes


@each
def test_it_carries_each_channel_that_it_says(case, receiver, road):
    channels: set[Channel] = set(CASES[case].kind.channels) - {"answer", "discovery"}
    assert "event" in channels
    for channel in sorted(channels):
        key = f"channel-{channel}.1"
        assert road.carry(parcel(key, channel=channel)).word == "delivered"
        road.until(lambda key=key: any(one[0] == key for one in receiver.arrived()))


@each
def test_one_parcel_is_carried_at_a_time(case, receiver, road):
    assert road.transport.send(parcel("first.1"), road.now_ns)
    assert not road.transport.send(parcel("second.1"), road.now_ns)
    assert road.take("first.1").word == "delivered"
    assert road.carry(parcel("second.1")).word == "delivered"
    keys = [key for key, _, _ in receiver.arrived()]
    road.until(lambda: "second.1" in [key for key, _, _ in receiver.arrived()])
    assert keys.count("first.1") <= 1
    assert [key for key, _, _ in receiver.arrived()].count("second.1") == 1


@each
def test_what_is_too_large_is_refused_and_the_next_one_goes(case, receiver, road):
    outcome = road.carry(parcel("large.1", bytes(LARGEST_BYTES + 1)))
    assert outcome.word == "refused"
    assert outcome.why
    road.connect()
    assert road.carry(parcel("small.1")).word == "delivered"
    assert "large.1" not in [key for key, _, _ in receiver.arrived()]


@each
def test_a_receiver_that_is_killed_and_comes_back(case, receiver, road):
    receiver.kill()
    try:
        if CASES[case].connects:
            road.until(lambda: not road.transport.link().up)
        else:
            assert road.carry(parcel("lost.1")).word == "failed"
        for _ in range(5):
            road.step()
            road.pass_time(301)
        link = road.transport.link()
        if CASES[case].connects:
            assert not link.up
            assert link.why
            assert not road.transport.send(parcel("lost.1"), road.now_ns)
        else:  # nobody knows before the next one
            assert link.up
            assert link.notice
    finally:
        receiver.start()
    road.connect()
    assert road.carry(parcel("back.1")).word == "delivered"
    assert not road.transport.link().notice


@each
def test_what_is_in_hand_when_it_is_killed_fails_and_is_not_sent_again_by_itself(case, receiver, road):
    receiver.mute()
    assert road.transport.send(parcel("hand.1"), road.now_ns)
    road.until(lambda: "hand.1" in [key for key, _, _ in receiver.arrived()])
    receiver.kill()
    receiver.unmute()
    outcome = road.take("hand.1")
    receiver.start()
    assert outcome.word == "failed"
    assert outcome.why
    road.connect()
    assert road.carry(parcel("after.1")).word == "delivered"
    road.until(lambda: "after.1" in [key for key, _, _ in receiver.arrived()])
    assert [key for key, _, _ in receiver.arrived()].count("hand.1") <= 1
    assert len([one for one in road.outcomes if one.key == "hand.1"]) == 1
    assert road.carry(parcel("hand.1")).word == "delivered"


@each
def test_silence_ends_by_the_clock_that_is_given(case, receiver, road):
    receiver.mute()
    try:
        assert road.transport.send(parcel("silence.1"), road.now_ns)
        road.until(lambda: "silence.1" in [key for key, _, _ in receiver.arrived()])
        for _ in range(10):
            road.step()
        assert road.outcomes == []
        for _ in range(4):
            road.pass_time(100)
            road.step()
        road.until(lambda: road.outcomes)
    finally:
        receiver.unmute()
    assert [(one.key, one.word) for one in road.outcomes] == [("silence.1", "failed")]
    road.connect()
    assert road.carry(parcel("silence.1")).word == "delivered"
    road.until(lambda: [key for key, _, _ in receiver.arrived()].count("silence.1") == 2)


@each
def test_nothing_blocks_while_a_machine_takes_a_connection_and_says_nothing(case, receiver):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{CASES[case].kind.schemes[0]}://127.0.0.1:{silent.getsockname()[1]}"
        road = Road(open_transport(case, url, **receiver.keys))
        road.transport.send(parcel(), road.now_ns)
        road.step()
        with silent.accept()[0] as accepted:
            while not select.select([accepted], [], [], 0)[0]:
                road.step()
            for _ in range(20):
                road.step(0.001)
                road.transport.send(parcel(), road.now_ns)
            road.transport.close()  # a step that waits for an answer would not come here
        assert not [one for one in road.outcomes if one.word == "delivered"]


@each
def test_an_idle_link_wants_to_be_woken_later_and_a_waiting_one_in_time(case, receiver, road):
    for _ in range(5):
        road.step()
    now_ns = road.now_ns
    assert now_ns < road.transport.wake_ns(now_ns) <= now_ns + DAY_NS
    assert road.transport.send(parcel("wake.1"), now_ns)
    assert now_ns <= road.transport.wake_ns(now_ns) <= now_ns + 60_000_000_000
    road.take("wake.1")


@each
@pytest.mark.parametrize("start_ns", [0, 10**18])
def test_any_clock_will_do(case, receiver, start_ns):
    road = Road(open_transport(case, receiver.url, **receiver.keys), start_ns)
    road.connect()
    assert road.carry(parcel("clock.1")).word == "delivered"
    road.transport.close()


@each
def test_a_closed_one_does_nothing_more(case, receiver, road):
    receiver.mute()
    assert road.transport.send(parcel("closed.1"), road.now_ns)
    road.transport.close()
    road.transport.close()
    receiver.unmute()
    assert road.transport.fileno() is None
    for _ in range(3):
        road.step(0.001)
    assert road.outcomes == []
    assert not road.transport.send(parcel("closed.2"), road.now_ns)
    assert not road.transport.link().up


@pytest.mark.parametrize("case", [name for name, one in CASES.items() if one.connects])
def test_the_last_word_goes_out(case, receiver, road):
    channel = "health" if "health" in CASES[case].kind.channels else "event"
    road.transport.close(parcel("farewell.1", channel=channel))
    road.until(lambda: "farewell.1" in [key for key, _, _ in receiver.arrived()])
