"""Connections are made in a thread: whatever hangs there, nobody waits for it."""

import select
import socket
import ssl
import threading
import time

import pytest

from edge.errors import LinkError
from edge.uplink.broker import Broker
from edge.uplink.dial import Dial, Place, Wire, connect, told
from edge.uplink.mqtt import MqttOptions
from edge.uplink.sink import Tower
from tests.uplink.road import HANG_S, Road, parcel

NOWHERE = Place("broker.invalid", 1, None)


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        return near, far


def finished(dial: Dial) -> bool:
    return bool(select.select([dial.fileno()], [], [], HANG_S)[0])


def test_a_look_up_that_hangs_holds_nothing_up_and_is_made_once():
    asked, go = [], threading.Event()

    def hang(place: Place) -> socket.socket:
        asked.append(place)
        go.wait(HANG_S)
        raise OSError("no such name")

    broker = Broker(MqttOptions(url="mqtt://broker.invalid"), Tower(id="t", heartbeat_s=300), connect=hang)
    road = Road(broker)
    for _ in range(30):
        road.step(0.001)
        road.pass_time(1000)
        assert not broker.send(parcel(), road.now_ns)
    assert len(asked) == 1
    assert not broker.link().up
    go.set()
    road.until(lambda: broker.link().why == "no such name")
    broker.close()


def test_what_comes_after_nobody_wants_it_is_closed():
    near, far = pair()
    go = threading.Event()

    def late(_place: Place) -> socket.socket:
        go.wait(HANG_S)
        return near

    dial = Dial(NOWHERE, late, "late")
    assert dial.take() is None
    dial.leave()
    dial.leave()
    go.set()
    with far:
        assert far.recv(1) == b""


def test_what_has_come_and_is_not_taken_is_closed():
    near, far = pair()
    dial = Dial(NOWHERE, lambda _place: near, "early")
    assert finished(dial)
    dial.leave()
    with far:
        assert far.recv(1) == b""


def test_it_tells_when_it_is_over_and_why():
    near, far = pair()
    dial = Dial(NOWHERE, lambda _place: near, "good")
    assert finished(dial)
    assert dial.take() is near
    dial.leave()
    for one in (near, far):
        one.close()

    def fail(_place: Place) -> socket.socket:
        raise ConnectionRefusedError(111, "no")

    dial = Dial(NOWHERE, fail, "bad")
    assert finished(dial)
    with pytest.raises(LinkError, match="Connection refused"):
        dial.take()
    assert not dial.reached
    dial.leave()


@pytest.mark.parametrize("host", ["a" * 300, "a..b", "\ud800", "xn--\x7f"])
def test_a_host_that_no_resolver_takes(host):
    dial = Dial(Place(host, 1, None), connect, "odd")
    assert finished(dial)
    with pytest.raises(LinkError):
        dial.take()
    dial.leave()


def test_a_port_where_nobody_is():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect(Place("127.0.0.1", port, None))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError("timed out"), "it does not answer"),
        (
            socket.gaierror(-2, "Name or service not known"),
            "its name is not known: Name or service not known",
        ),
        (OSError(113, "x"), "No route to host"),
        (
            ssl.SSLEOFError(8, "x"),
            "it broke TLS off; does it want a certificate of ours (`certificate_file`)?",
        ),
        (OSError("as it is"), "as it is"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_people_are_told(error, said):
    assert told(error) == said


def test_a_wire_counts_what_goes_over_the_link_with_the_heads_of_packets():
    near, far = pair()
    wire = Wire(near, 1000)
    before = wire.traffic()
    assert wire.send(bytes(500)) == 500
    with far:
        left = 500
        while left:
            left -= len(far.recv(left))
        far.sendall(bytes(300))
        got = b""
        while len(got) < 300:
            got += wire.recv(1000)
        end_s = time.monotonic() + HANG_S
        while wire.traffic().arrived_bytes - before.arrived_bytes < 500:
            assert time.monotonic() < end_s
        traffic = wire.traffic()
        assert 500 + 52 <= traffic.sent_bytes - before.sent_bytes <= 500 + 10 * 52
        assert 300 + 52 <= traffic.received_bytes - before.received_bytes <= 300 + 10 * 52
        wire.close()
        assert wire.traffic().sent_bytes >= traffic.sent_bytes
        assert not wire.is_readable()


def test_a_wire_takes_no_packet_larger_than_it_was_told_and_says_why_it_broke():
    near, far = pair()
    wire = Wire(near, 1000)
    with pytest.raises(ConnectionAbortedError):
        wire.recv(1001)
    assert "1001 bytes" in wire.fault
    wire.fault = None
    far.close()
    assert wire.recv(10) == b""
    assert wire.fault == "it hung up"
    wire.close()
