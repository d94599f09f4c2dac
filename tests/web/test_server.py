"""The real server over real HTTP on loopback."""

import contextlib
import http.client
import json
import logging
import signal
import socket
import time

import pytest

from edge.errors import EdgeError, SettingsError
from edge.health import CameraHealth, Health
from edge.web.server import WebServer

TOKEN = "a-token-of-some-length"


class Tower:
    """What the daemon gives to the server."""

    def __init__(self):
        self.state = "ok"
        self.broken = False
        self.lives = True

    def live(self):
        return self.lives

    def status(self):
        if self.broken:
            raise RuntimeError("broken")
        return {"latency": {"invoke": None}}

    def health(self):
        camera = CameraHealth(state=self.state, age_s=2.0, reason="because")
        return Health(healthy=self.state == "ok", reasons=["north: because"], cameras={"north": camera})

    def metrics(self):
        return b"firetower_uptime_seconds 1.0\n"


@contextlib.contextmanager
def serve(tower=None, **options):
    tower = tower or Tower()
    server = WebServer(
        "Mount <Hope>", tower.status, tower.health, tower.metrics, live=tower.live, port=0, **options
    )
    try:
        yield server
    finally:
        server.stop()


def ask(server, path, method="GET", host="127.0.0.1", **headers):
    connection = http.client.HTTPConnection(host, server.port)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer, answer.read().decode()
    finally:
        connection.close()


def token_file(folder):
    file = folder / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return file


def test_every_address_answers():
    with serve() as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        code, answer, body = ask(server, "/")
        assert (code, answer.headers.get_content_type()) == (200, "text/html")
        assert "<title>Mount &lt;Hope&gt; · firetower</title>" in body
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        code, answer, body = ask(server, "/status.json")
        assert (code, answer.headers["Content-Type"]) == (200, "application/json")
        document = json.loads(body)
        assert document.pop("web")["open"] == 1
        assert document == {"latency": {"invoke": None}}
        code, answer, body = ask(server, "/metrics")
        assert (code, body.splitlines()[0]) == (200, "firetower_uptime_seconds 1.0")
        assert "firetower_web_wrong_tokens_total 0.0" in body.splitlines()
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert ask(server, "/elsewhere")[0] == 404
        assert ask(server, "/status.json", "POST")[0] == 405


@pytest.mark.parametrize(("state", "code"), [("ok", 200), ("stale", 503), ("frozen", 503), ("corrupt", 503)])
def test_health_says_503_and_why_while_a_camera_is_not_watched(state, code):
    tower = Tower()
    tower.state = state
    with serve(tower) as server:
        got, _, body = ask(server, "/health")
        assert got == code
        assert json.loads(body)["reasons"] == ["north: because"]
        assert json.loads(body)["cameras"]["north"]["state"] == state


def test_whether_it_lives_anybody_may_ask_and_nothing_else_is_told(tmp_path):
    tower = Tower()
    tower.state = "stale"
    with serve(tower, host="0.0.0.0", token_file=token_file(tmp_path)) as server:
        code, answer, body = ask(server, "/live", Host="tower.example")
        assert (code, body, answer.headers["Cache-Control"]) == (200, "live\n", "no-store")
        assert ask(server, "/live", "HEAD")[::2] == (200, "")
        tower.lives = False
        assert ask(server, "/live")[::2] == (503, "not live\n")
        assert ask(server, "/live", "HEAD")[::2] == (503, "")
        assert ask(server, "/live", "POST")[0] == 405
        for path in ("/live/", "//live", "/live/../health", "/health?/live", "/Live"):
            assert ask(server, path)[0] == 401, path
    with serve(tower) as server:
        assert ask(server, "/live", Host="evil.example")[0] == 503
        assert ask(server, "/health", Host="evil.example")[0] == 421


def test_a_status_that_fails_is_a_500_and_the_server_goes_on(caplog):
    tower = Tower()
    tower.broken = True
    with caplog.at_level(logging.WARNING), serve(tower) as server:
        code, _, body = ask(server, "/status.json")
        assert code == 500
        assert "broken" not in body
        tower.broken = False
        assert ask(server, "/status.json")[0] == 200
    assert "RuntimeError: broken" in caplog.text


def test_a_name_that_points_here_is_not_answered():
    with serve() as server:
        for host in ("evil.example", f"evil.example:{server.port}", "localhost.evil.example", "192.168.1.5"):
            assert ask(server, "/status.json", Host=host)[0] == 421
        for host in ("localhost", f"LOCALHOST:{server.port}", f"[::1]:{server.port}", "127.0.0.1"):
            assert ask(server, "/status.json", Host=host)[0] == 200


def test_another_address_demands_a_token():
    with pytest.raises(SettingsError, match=r"^web\.host: '0\.0\.0\.0' is open to others; set token_file"):
        WebServer("t", dict, Tower().health, bytes, live=bool, host="0.0.0.0", port=0)


def test_the_token_opens_every_address_and_nothing_else_does(tmp_path):
    with serve(host="0.0.0.0", token_file=token_file(tmp_path)) as server:
        for path in ("/", "/health", "/metrics", "/status.json", "/elsewhere"):
            code, answer, _ = ask(server, path)
            assert code == 401
            assert answer.headers.get_all("WWW-Authenticate") == [
                'Bearer realm="firetower"',
                'Basic realm="firetower"',
            ]
            assert ask(server, path, Authorization=f"Bearer {TOKEN[:-1]}")[0] == 401
        assert ask(server, "/health", Authorization=f"Bearer {TOKEN}", Host="tower.example")[0] == 200


def test_a_taken_port_says_what_to_do():
    with serve() as server, pytest.raises(EdgeError, match=r"^web\.port: cannot listen on .*another port"):
        WebServer("t", dict, Tower().health, bytes, live=bool, port=server.port)


def test_an_address_of_another_machine_says_so(tmp_path):
    with pytest.raises(SettingsError, match=r"^web\.(host|port): "):
        WebServer(
            "t",
            dict,
            Tower().health,
            bytes,
            live=bool,
            host="192.0.2.1",
            port=0,
            token_file=token_file(tmp_path),
        )
    with pytest.raises(SettingsError, match=r"^web\.host: 'no\.such\.invalid'"):
        WebServer(
            "t",
            dict,
            Tower().health,
            bytes,
            live=bool,
            host="no.such.invalid",
            port=0,
            token_file=token_file(tmp_path),
        )


def test_it_listens_on_ipv6_too():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with serve(host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}/"
        assert ask(server, "/health", host="::1")[0] == 200


def test_it_stops_though_clients_hold_on_and_frees_its_port():
    with serve() as server, contextlib.ExitStack() as held:
        for request in (b"", b"GET /health HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            client = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall(request)
        server.stop()
        server._thread.join()
    socket.create_server(("127.0.0.1", server.port)).close()


def test_it_ends_those_that_never_said_anything_when_it_stops():
    with serve() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        while not server.visits().open:
            time.sleep(0.01)
        server.stop()
        assert client.recv(1) == b""


def test_it_stops_though_a_client_does_not_read_its_answer():
    tower = Tower()
    tower.metrics = lambda: b"#" * 64_000_000
    with serve(tower) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        server.stop()
        server._thread.join()


def test_signals_and_logging_stay_the_daemons():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    names = ("", "uvicorn", "uvicorn.error")
    attached = [list(logging.getLogger(name).handlers) for name in names]
    with serve() as server:
        ask(server, "/health")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
        assert [logging.getLogger(name).handlers for name in names] == attached


def test_nothing_is_logged_for_each_request(caplog):
    with caplog.at_level(logging.INFO), serve() as server:
        ask(server, "/health")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "/health" not in caplog.text


def test_a_page_that_is_spared_says_why_and_the_rest_answers():
    with serve(page_off=lambda: "save: battery at 12.2 V") as server:
        code, _, body = ask(server, "/")
        assert code == 503
        assert "the page is off to save energy: save: battery at 12.2 V" in body
        assert ask(server, "/health")[0] == 200
        assert ask(server, "/metrics")[0] == 200
        assert ask(server, "/status.json")[0] == 200
