"""A session with a broker that sends what it likes."""

import socket
import threading
from typing import Any

import pytest

from edge.clock import SystemClock
from receive.broker import Broker
from receive.session import Session
from tests.uplink.mosquitto import wait
from tests.uplink.road import HANG_S

CONNACK = b"\x20\x03\x00\x00\x00"


@pytest.fixture
def told():
    """Return a session to a broker that sends the given bytes, and what that got from us."""
    ends: list[Any] = []

    def session(said):
        server = socket.create_server(("127.0.0.1", 0))
        ends.append(server)
        got = []

        def serve():
            link, _ = server.accept()
            with link:
                link.recv(4096)
                link.sendall(CONNACK + said)
                while came := link.recv(4096):
                    got.append(came)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        made = Session(Broker("127.0.0.1", server.getsockname()[1]), "c", SystemClock(), 100)
        ends.extend((made, thread))
        return made, got

    yield session
    server, made, thread = ends
    made.close()
    thread.join(HANG_S)
    server.close()


@pytest.mark.parametrize(
    "packet",
    [b"\x32\x09\x00\x03\xff\xfe\xfd\x00\x07\x00{", b"\x32\x0a\x00\x01a\x00\x07\x02\xee\x01{}",
     b"\x32\x10\x00\x01a\x00\x07\x08\x26\x00\x01k\x00\x09vvvv"],
    ids=["topic", "property", "length"],
)  # fmt: skip
def test_a_message_that_cannot_be_read_is_handed_over_as_that(told, packet):
    session, got = told(packet)
    came = []
    wait(lambda: came.extend(session.turn(0.05)) or came)
    (one,) = came
    assert one.fault
    assert one.body == packet[2:]
    session.acknowledge(one)
    wait(lambda: session.turn(0.05) or any(b"\x40\x02\x00\x07" in part for part in got))
