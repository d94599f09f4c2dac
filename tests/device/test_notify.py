import socket

import pytest

from edge.device.notify import notifier, status_message


@pytest.fixture
def listener():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        yield channel


def test_a_message_arrives_at_a_path(listener, tmp_path):
    address = str(tmp_path / "notify")
    listener.bind(address)
    assert notifier(address)("READY=1")
    assert listener.recv(100) == b"READY=1"


def test_a_message_arrives_at_an_abstract_name(listener, tmp_path):
    name = f"firetower-test-{tmp_path.name}-{id(listener)}"
    listener.bind("\0" + name)
    assert notifier("@" + name)("STOPPING=1")
    assert listener.recv(100) == b"STOPPING=1"


def test_nobody_listening_is_no_error(tmp_path):
    assert not notifier(None)("READY=1")
    assert not notifier("")("READY=1")
    assert not notifier(str(tmp_path / "nobody"))("READY=1")
    assert not notifier("vsock:2:1234")("READY=1")
    assert not notifier(str(tmp_path / ("long" * 100)))("READY=1")


def test_a_full_socket_does_not_block(listener, tmp_path):
    address = str(tmp_path / "notify")
    listener.bind(address)
    send = notifier(address)
    assert not all(send("WATCHDOG=1") for _ in range(100_000))


def test_a_status_has_one_line():
    assert status_message("2 cameras\nREADY=1") == "STATUS=2 cameras READY=1"
