"""The HTTP client against real servers: answers, redirects, time limits, TLS, and what it never says."""

import contextlib
import logging
import socket
import threading

import pytest

from edge.clock import SystemClock
from edge.errors import HttpError, SilenceError
from edge.http.client import Client
from edge.http.login import Login
from edge.http.progress import Progress
from tests.http.server import SILENCE, Server, look_up, reply

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner
LIMIT_S = 0.6


def client(url: str, **keys) -> Client:
    return Client(url, SystemClock(), **{"limit_s": HANG_S, "look_up": look_up} | keys)


def fetch(url: str, **keys) -> bytes:
    answer = client(url, **keys).request()
    try:
        return answer.body(1 << 20)
    finally:
        answer.close()


def test_what_is_asked():
    with Server(lambda request: [reply(b"picture", ETag='"1"')]) as server:
        answer = client(f'{server.url}/a b?q="ü"&x#y').request(headers={"If-None-Match": '"0"'})
        assert (answer.status, answer.headers["etag"], answer.body(100)) == (200, '"1"', b"picture")
        (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/a%20b?q=%22%C3%BC%22&x")
    assert request.fields == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "identity",
        "accept": "*/*",
        "connection": "close",
        "user-agent": "firetower",
        "if-none-match": '"0"',
    }


def test_a_body_is_sent_whole():
    body = bytes(range(256)) * 8000
    with Server(lambda request: [reply(request.body[-3:], "201 Created")]) as server:
        answer = client(server.url).request("POST", {"Content-Type": "application/json"}, body)
        assert (answer.status, answer.body(100)) == (201, body[-3:])
        assert server.requests[0].body == body


def test_chunks_are_joined_and_a_body_is_bounded():
    chunks = [b"5\r\nhello\r\n", b"6;x=y\r\n world\r\n", b"0\r\n\r\n"]
    with Server(
        lambda request: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks]
    ) as server:
        assert fetch(server.url) == b"hello world"
        with pytest.raises(HttpError, match="more than 10 bytes"):
            client(server.url).request().body(10)


def test_neither_cookies_nor_proxies_nor_netrc(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login lookout password hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Server(lambda request: [reply(b"x", Set_Cookie="a=b")]) as server:
        one = client(server.url)
        for _ in range(2):
            one.request().close()
        assert not any({"cookie", "authorization"} & set(request.fields) for request in server.requests)
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_on_the_same_host_is_followed(status):
    def answer(request):
        return [reply(b"there") if request.target == "/b?c" else reply(b"", status, Location="/b?c")]

    with Server(answer) as server:
        one = client(f"{server.url}/a")
        first = one.request()
        assert (first.url, first.body(9)) == (f"{server.url}/b?c", b"there")
        one.request().close()
        for_ever = status.startswith(("301", "308"))
        assert [request.target for request in server.requests] == ["/a", "/b?c"] + ["/a"] * (not for_ever) + [
            "/b?c"
        ]


def test_a_redirect_to_tls_of_the_same_host_is_followed(certificates):
    path = certificates.make("redirected", "IP:127.0.0.1")
    with (
        Server(lambda request: [reply(b"safe")], certificates.serve(path)) as safe,
        Server(lambda request: [reply(status="301 Moved", Location=f"{safe.url}/x")]) as server,
    ):
        assert fetch(server.url, ca_file=path) == b"safe"


@pytest.mark.parametrize(
    "elsewhere", ["http://127.0.0.1:{}/", "http://localhost:{}/", "//tower.example/", "ftp://x/"]
)
def test_a_redirect_elsewhere_is_not(elsewhere):
    with Server(lambda request: [reply(b"no")]) as other:
        place = elsewhere.format(other.port)
        away = lambda request: [reply(status="302 Found", Location=f"{place}secret")]  # noqa: E731
        with Server(away) as server, pytest.raises(HttpError, match="redirects to") as caught:
            fetch(server.url)
        assert other.requests == []
    assert "secret" not in str(caught.value)


def test_a_redirect_from_tls_back_is_not(certificates):
    path = certificates.make("back", "IP:127.0.0.1")
    with Server(lambda request: [reply(b"no")]) as plain:
        away = lambda request: [reply(status="302 Found", Location=plain.url)]  # noqa: E731
        with (
            Server(away, certificates.serve(path)) as server,
            pytest.raises(HttpError, match="from https to http"),
        ):
            fetch(server.url, ca_file=path)
        assert plain.requests == []


def test_a_redirect_without_end():
    with Server(lambda request: [reply(status="302 Found", Location="/")]) as server:
        with pytest.raises(HttpError, match="without an end"):
            fetch(server.url)
        assert len(server.requests) == 6


def test_a_redirect_of_what_is_sent_is_the_answer():
    with Server(lambda request: [reply(status="302 Found", Location="/")]) as server:
        answer = client(server.url).request("POST", body=b"x")
        assert (answer.status, answer.body(9)) == (302, b"")


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def drip():
    while True:
        yield b"x"
        threading.Event().wait(0.02)


@pytest.mark.parametrize(
    "answer",
    {
        "mute": lambda request: [SILENCE],
        "dripping header": lambda request: drip(),
        "silent body": lambda request: [HEAD, b"begun", SILENCE],
        "dripping body": lambda request: (piece for part in ([HEAD], drip()) for piece in part),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_server_that_makes_no_progress_is_left(answer):
    with Server(answer[1]) as server, pytest.raises(SilenceError, match=r"came for 0\.6 s"):
        fetch(server.url, limit_s=LIMIT_S)


def test_interim_answers_are_no_progress():
    """A head has the limit as a whole, however much comes of it."""
    clock, now_ns = SystemClock(), [0]

    def passing() -> int:
        now_ns[0] += 100_000_000
        return now_ns[0]

    clock.mono_ns = passing
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 1000
    with (
        Server(lambda request: [*[interim] * 200, reply(b"at last")]) as server,
        pytest.raises(SilenceError, match="no whole answer came for 10 s"),
    ):
        Client(server.url, clock, limit_s=10, look_up=look_up).request()


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_an_interim_answer_is_passed_by(interim):
    before = f"HTTP/1.1 {interim}\r\nLink: </x>\r\n\r\n".encode()
    with Server(lambda request: [before * 2, reply(b"picture")]) as server:
        assert fetch(server.url) == b"picture"


def test_one_that_is_slow_is_not():
    """A kilobyte within each limit is progress, and so is what made sense to whoever reads."""
    clock = SystemClock()
    now_ns = [0]
    clock.mono_ns = lambda: now_ns[0]
    progress = Progress(clock, lambda: None, 10.0)

    def come(count: int) -> int:
        now_ns[0] += 6 * 10**9
        return progress.wait(lambda: count)

    assert [come(1024) for _ in range(20)] == [1024] * 20
    for _ in range(20):
        progress.restart()
        assert come(100) == 100
    with pytest.raises(SilenceError, match="nothing came for 10 s"):
        come(100)


def test_time_in_which_nobody_reads_does_not_count():
    clock, ahead, gone = SystemClock(), [0], threading.Event()

    def answer(request):
        yield HEAD
        gone.wait()
        yield b"picture"

    with Server(answer) as server:
        clock.mono_ns = lambda: ahead[0] + SystemClock.mono_ns(clock)
        answered = Client(server.url, clock, limit_s=HANG_S, look_up=look_up).request()
        ahead[0] += 3600 * 10**9
        gone.set()
        assert answered.body(100) == b"picture"


class StopError(Exception):
    pass


@pytest.mark.parametrize("where", ["header", "body", "handshake"])
def test_a_stop_ends_every_wait(where):
    stopping = threading.Event()

    def beat():
        if stopping.is_set():
            raise StopError

    pieces = [HEAD, b"x"] if where == "body" else []
    with Server(lambda request: [*pieces, SILENCE]) as server, socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/" if where == "handshake" else server.url
        threading.Timer(0.3, stopping.set).start()
        with pytest.raises(StopError):
            client(url, beat=beat).request().body(100)


def test_what_a_beat_raises_goes_through_whatever_it_is():
    def beat():
        raise OSError("the tower fell")

    with Server(lambda request: [SILENCE]) as server, pytest.raises(OSError, match="the tower fell"):
        client(server.url, beat=beat).request()


BROKEN = {
    "nothing": (b"", "hung up without an answer"),
    "noise": (b"\x01\x02\x03 no http\r\n\r\n", "is not HTTP"),
    "many fields": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "100 headers"),
    "a long field": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "too long"),
    "a broken chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
        "broke in the middle",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_an_error_in_words(kind):
    data, words = BROKEN[kind]
    with Server(lambda request: [data] if data else []) as server, pytest.raises(HttpError, match=words):
        fetch(server.url)


def test_nobody_there_and_a_second_address():
    with pytest.raises(HttpError, match="no connection: Connection refused"):
        fetch("http://127.0.0.1:1/")
    with Server(lambda request: [reply(b"here")]) as server:
        found = socket.getaddrinfo("127.0.0.1", None, type=socket.SOCK_STREAM)
        dead = [(*found[0][:4], ("127.0.0.2", 0))]
        assert fetch(f"http://camera.example:{server.port}/", look_up=lambda host: [*dead, *found]) == b"here"
        assert server.requests[0].fields["host"] == f"camera.example:{server.port}"


def test_every_address_is_tried_and_every_fault_told():
    lacking = (99, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))  # a family that no kernel has
    refused = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0))
    with Server(lambda request: [reply(b"here")]) as server:
        assert fetch(server.url, look_up=lambda host: [lacking, *look_up(host)]) == b"here"
        with pytest.raises(HttpError, match=r"protocol, Connection refused$"):
            fetch(server.url, look_up=lambda host: [lacking, refused, refused])


def test_tls_is_verified_and_its_failures_name_the_key(certificates, tmp_path):
    good, other = certificates.make("good", "IP:127.0.0.1"), certificates.make("other", "DNS:tower.example")
    with Server(lambda request: [reply(b"safe")], certificates.serve(good)) as server:
        assert fetch(server.url, ca_file=good) == b"safe"
        for ca_file in (None, other):
            with pytest.raises(HttpError, match=r"not trusted.*set `ca_file`"):
                fetch(server.url, ca_file=ca_file)
        with pytest.raises(HttpError, match="set `ca_file`"):
            fetch(server.url, ca_file=tmp_path / "none.pem")
        (tmp_path / "empty.pem").write_text("nothing")
        with pytest.raises(HttpError, match=r"`ca_file` .* holds no certificate"):
            fetch(server.url, ca_file=tmp_path / "empty.pem")
        assert len(server.requests) == 1
    with Server(lambda request: [reply(b"safe")], certificates.serve(other)) as server:
        with pytest.raises(HttpError, match=r"not for this host.*`ca_file`"):
            fetch(server.url, ca_file=other)
        assert server.requests == []


def test_a_server_without_tls(certificates):
    with Server(lambda request: [reply(b"x")]) as server, pytest.raises(HttpError, match="no TLS with it"):
        fetch(server.url.replace("http:", "https:"))


def test_no_address_and_no_password_is_said(caplog):
    caplog.set_level(logging.DEBUG)
    login = Login("lookout", "hunter2")
    odd = b"HTTP/1.1 401 No\r\nno colon here\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"
    with Server(lambda request: [odd]) as server, pytest.raises(HttpError) as caught:
        fetch(f"{server.url}/s3cret?pwd=hunter2", login=login)
    said = caplog.text + str(caught.value) + repr(login)
    assert not [word for word in ("hunter2", "lookout", "s3cret") if word in said]


def test_an_answer_to_what_is_sent_once_is_told_whatever_it_is(certificates):
    """No login is asked of anybody, and no redirect followed."""
    statuses = iter(["302 Found", "401 Unauthorized", "204 No Content"])
    path = certificates.make("once", "IP:127.0.0.1")

    def answer(request):
        return [reply(status=next(statuses), Location="/", WWW_Authenticate="Basic")]

    with Server(answer, certificates.serve(path)) as server:
        one = client(server.url, ca_file=path, login=Login("lookout", "hunter2"))
        for expected in (302, 401, 204):
            answered = one.send("POST", {}, b"x")
            answered.close()
            assert answered.status == expected
        assert len(server.requests) == 3
        assert not any("authorization" in request.fields for request in server.requests)


def test_what_goes_over_the_link_is_counted_with_its_handshakes(certificates):
    path = certificates.make("counted", "IP:127.0.0.1")
    body = b"x" * 10_000
    with Server(lambda request: [reply(body)], certificates.serve(path)) as server:
        one = client(server.url, ca_file=path)
        costs = []
        for _ in range(2):
            before = one.traffic.sent_bytes, one.traffic.received_bytes
            assert one.request("POST", body=body).body(20_000) == body
            costs.append((one.traffic.sent_bytes - before[0], one.traffic.received_bytes - before[1]))
    for sent, received in costs:
        assert 10_500 < sent < 13_500
        assert 10_100 < received < 13_500
    assert costs[1][1] < costs[0][1] - 300, "its certificate came again"


def test_a_slow_link_is_progress_while_a_body_goes(certificates):
    """Little of it is held by the kernel and by TLS, so what is on its way is not taken for silence."""
    path = certificates.make("slow", "IP:127.0.0.1")
    clock, ahead = SystemClock(), [0]
    clock.mono_ns = lambda: ahead[0]

    def carry(source, sink, second_ns):
        with contextlib.suppress(OSError):
            while piece := source.recv(1024):
                threading.Event().wait(second_ns / 30e9)
                ahead[0] += second_ns
                sink.sendall(piece)

    with (
        Server(lambda request: [reply(b"slow")], certificates.serve(path)) as server,
        socket.socket() as listener,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def link():
            near, _ = listener.accept()
            with near, socket.create_connection(("127.0.0.1", server.port)) as far:
                threading.Thread(target=carry, args=(far, near, 0), daemon=True).start()
                carry(near, far, 10**9)  # a kilobyte a second

        threading.Thread(target=link, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        one = Client(url, clock, limit_s=12, look_up=look_up, ca_file=path)
        assert one.send("POST", {}, b"x" * 40_000).body(9) == b"slow"
        assert server.requests[0].body == b"x" * 40_000
