"""The image's health check against the daemon's own web server, on loopback."""

import os
import socket

import pytest

from deploy import health
from edge.health import Health
from edge.web.server import WebServer

TOKEN = "0123456789abcdef"


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "web.token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(*, healthy, token_file=None, host="127.0.0.1"):
        judged = Health(healthy=healthy, reasons=["north: the reason"], cameras={})
        server = WebServer(
            "tower", dict, lambda: judged, bytes, live=lambda: True, host=host, port=0, token_file=token_file
        )
        servers.append(server)
        return server.port

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def configured(tmp_path):
    def write(*lines):
        file = tmp_path / "tower.toml"
        file.write_text("\n".join(["[web]", *lines]))
        return [str(file)]

    return write


def test_a_healthy_daemon_is_healthy(serve, configured):
    assert health.main(configured(f"port = {serve(healthy=True)}")) == 0


def test_503_is_unhealthy_and_says_why(serve, configured, capsys):
    assert health.main(configured(f"port = {serve(healthy=False)}")) == 1
    assert "north: the reason" in capsys.readouterr().out


def test_the_token_is_shown_and_never_told(serve, configured, token_file, capsys):
    port = serve(healthy=True, token_file=token_file)
    assert health.main(configured(f"port = {port}")) == 1
    assert "the token is missing" in capsys.readouterr().out
    assert health.main(configured(f"port = {port}", 'token_file = "web.token"')) == 0
    assert TOKEN not in capsys.readouterr().out


def test_a_daemon_that_listens_everywhere_is_asked_on_loopback(serve, configured, token_file):
    port = serve(healthy=True, token_file=token_file, host="0.0.0.0")
    assert health.main(configured('host = "0.0.0.0"', f"port = {port}", 'token_file = "web.token"')) == 0


def test_a_proxy_is_not_asked(serve, configured, monkeypatch):
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:1")
    assert health.main(configured(f"port = {serve(healthy=True)}")) == 0


def test_what_cannot_be_asked_is_not_healthy(configured, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for arguments in (
        configured(f"port = {port}"),
        [str(tmp_path / "no.toml")],
    ):
        assert health.main(arguments) == 1
    assert health.main(configured("enabled = false")) == 1
    assert "--no-healthcheck" in capsys.readouterr().out
    assert health.main(configured("= broken")) == 1
    assert health.main(configured('token_file = "none"')) == 1
