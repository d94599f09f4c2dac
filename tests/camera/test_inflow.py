"""What comes in before there is a picture: only the connections of one opening are shut."""

import socket

import pytest

from edge.camera.inflow import Inflow

LIMIT_BYTES = 100_000


@pytest.fixture
def connect():
    """Make connections to two hosts, and return both ends of each."""
    opened = []

    def make(host: str) -> tuple[socket.socket, socket.socket]:
        with socket.create_server((host, 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        opened.extend((near, far))
        near.settimeout(60)
        return near, far

    yield make
    for one in opened:
        one.close()


def fill(near: socket.socket, far: socket.socket) -> None:
    """Send more than the limit over a connection, and take it in."""
    for _ in range(12):
        far.sendall(bytes(10_000))
        left = 10_000
        while left:
            left -= len(near.recv(left))


def is_open(near: socket.socket, far: socket.socket) -> bool:
    try:
        far.sendall(b"x")
        return near.recv(1) == b"x"
    except OSError:
        return False


def test_only_new_connections_to_the_host_with_too_much_are_shut(connect):
    old, elsewhere = connect("127.0.0.1"), connect("127.0.0.2")
    inflow = Inflow({"127.0.0.1"})
    full, quiet, other = connect("127.0.0.1"), connect("127.0.0.1"), connect("127.0.0.2")
    for ends in (old, elsewhere, other):
        fill(*ends)
    assert not inflow.cut(LIMIT_BYTES)
    fill(*full)
    assert inflow.cut(LIMIT_BYTES)
    assert not is_open(*full)
    for ends in (old, elsewhere, quiet, other):
        assert is_open(*ends)
