"""What visitors may take of the real server, by a clock that is moved."""

import contextlib
import re
import socket
import time

import pytest

from edge.clock import SystemClock
from edge.health import Health
from edge.web.server import WebServer

TOKEN = "a-token-of-some-length"
ASK = f"GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


class Clock(SystemClock):
    """Stands still until it is moved."""

    now_ns = 0

    def mono_ns(self):
        return self.now_ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(clock, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    server = WebServer(
        "t",
        lambda: {"much": "#" * 50_000},
        lambda: Health(healthy=True, reasons=[], cameras={}),
        lambda: b"#" * 10_000_000 + b"\n",
        live=lambda: True,
        port=0,
        token_file=file,
        clock=clock,
    )
    server._server.config.timeout_keep_alive = 3600  # uvicorn's own, by a clock that no test moves
    yield server
    server.stop()


@pytest.fixture
def visit(server):
    with contextlib.ExitStack() as open_ones:

        def connect(sent=b"", receive_buffer=None):
            client = open_ones.enter_context(socket.socket())
            if receive_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.connect(("127.0.0.1", server.port))
            client.sendall(sent)
            return client

        yield connect


def until(condition):
    """Wait; a test that waits for ever is ended by its time limit."""
    while not condition():
        time.sleep(0.01)


def ticks(server, count=3):
    """Let the server look at its clock so many times."""
    tend, seen = server._places.tend, []
    server._places.tend = lambda: (tend(), seen.append(1))
    until(lambda: len(seen) >= count)
    server._places.tend = tend


def ended(client):
    """Return whether the server has ended a connection, once all that it sent is read."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


def status_of(client):
    """Return the status of the next answer, which is read whole unless it is a long one."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while 0 < length < 1_000_000:
        length -= len(client.recv(length))
    return int(head.split()[1])


@pytest.mark.parametrize("sent", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: localhost\r\n"])
def test_headers_have_five_seconds(server, clock, visit, sent):
    client = visit(sent)
    until(lambda: server.visits().open == 1)
    clock.now_ns = 5_000_000_000
    ticks(server)
    assert not ended(client)
    clock.now_ns += 1
    until(lambda: ended(client))
    assert (server.visits().open, server.visits().late) == (0, 1)


def test_headers_that_drip_in_win_no_time(server, clock, visit):
    client = visit(b"GET / HTTP/1.1\r\n")
    until(lambda: server.visits().open == 1)
    for second in range(1, 6):
        clock.now_ns = second * 1_000_000_000
        client.sendall(b"X-Header: and so on\r\n")
        ticks(server)
        assert server.visits().open == 1
    clock.now_ns += 1_000_000_000
    until(lambda: ended(client))


def test_a_body_that_drips_in_wins_no_time(server, clock, visit):
    client = visit(ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 1000000\r\n\r\n"))
    assert status_of(client) == 200
    ticks(server)
    for second in range(1, 6):
        clock.now_ns = second * 1_000_000_000
        client.sendall(b"a")
        ticks(server)
        assert server.visits().open == 1
    clock.now_ns += 1_000_000_000
    until(lambda: ended(client))


def test_an_answer_that_nobody_takes_has_ten_seconds(server, clock, visit):
    client = visit(ASK.replace(b"/health", b"/metrics"), receive_buffer=4096)
    assert status_of(client) == 200
    clock.now_ns = 10_000_000_000
    ticks(server)
    assert server.visits().open == 1
    clock.now_ns += 1
    until(lambda: server.visits().open == 0)
    assert server.visits().late == 1


def test_an_answer_of_which_little_is_not_taken_has_ten_seconds_too(server, clock, visit):
    server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # the accepted ones inherit it
    client = visit(ASK.replace(b"/health", b"/"), receive_buffer=4096)
    until(lambda: server.visits().open == 1)
    ticks(server)
    clock.now_ns = 10_000_000_000
    ticks(server)
    assert server.visits().open == 1
    clock.now_ns += 1
    until(lambda: server.visits().open == 0)
    assert client.recv(5) == b"HTTP/"


def test_time_counts_anew_once_a_long_answer_is_taken(server, clock, visit):
    client = visit(ASK.replace(b"/health", b"/metrics"), receive_buffer=4096)
    assert status_of(client) == 200
    clock.now_ns = 9_000_000_000
    taken = b""
    while not taken.endswith(b"wrong_tokens_total 0.0\n"):
        taken = taken[-100:] + client.recv(1 << 20)
    ticks(server)
    clock.now_ns = 13_000_000_000
    ticks(server)
    assert server.visits().late == 0


def test_each_request_of_one_connection_has_its_own_time(server, clock, visit):
    client = visit()
    for second in range(0, 40, 4):
        clock.now_ns = second * 1_000_000_000
        client.sendall(ASK)
        assert status_of(client) == 200
        ticks(server, 1)
    assert server.visits().late == 0
    client.sendall(ASK * 2)
    assert [status_of(client), status_of(client)] == [200, 200]


def test_the_newest_has_a_place_and_the_longest_idle_makes_way(server, clock, visit):
    visitors = []
    for number in range(64):
        clock.now_ns = number
        visitors.append(visit())
        until(lambda: server.visits().open == len(visitors))
    visitors[0].sendall(ASK)
    assert status_of(visitors[0]) == 200
    clock.now_ns = 64
    newest = visit(ASK)
    assert status_of(newest) == 200
    assert ended(visitors[1])
    assert [ended(visitor) for visitor in visitors[2:]] == [False] * 62
    assert server.visits().made_way == 1


def test_wrong_tokens_are_counted_where_others_look(server, visit):
    client = visit(ASK.replace(b"Bearer a", b"Bearer b"))
    assert status_of(client) == 401
    client = visit(ASK.replace(b"/health", b"/status.json"))
    answer = b""
    while b"wrong_tokens" not in answer:
        answer += client.recv(65536)
    assert b'"wrong_tokens":1' in answer
