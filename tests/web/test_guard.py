import asyncio
import base64
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SettingsError
from edge.web.guard import Guard, _host_name, _shows, is_loopback, read_token, settle

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_these_are_the_machine_itself(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "192.168.1.5", "::ffff:192.168.1.5", "tower.local", "localhost.evil.example"],
)
def test_these_are_not(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("LocalHost:8080", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("", ""),
        ("[", "[]"),
    ],
)
def test_a_host_header_is_read_without_its_port(header, name):
    assert _host_name(header) == name


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_other_header_shows_the_token(header):
    assert not _shows(header, TOKEN)


def test_the_token_is_shown_as_bearer_or_as_a_password():
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    assert _shows(f"Bearer {TOKEN}", TOKEN)
    assert _shows(f"bearer  {TOKEN}", TOKEN)
    assert _shows(f"Basic {basic}", TOKEN)
    assert not _shows(f"Bearer {TOKEN}0", TOKEN)
    assert not _shows(f"Basic {TOKEN}", TOKEN)
    assert not _shows(TOKEN, TOKEN)


def test_a_token_file_must_be_ours_alone(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    assert read_token(file) == TOKEN
    file.chmod(0o400)
    assert read_token(file) == TOKEN
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(SettingsError, match=r"^web\.token_file: .*others may use it; chmod 600"):
            read_token(file)


@pytest.mark.parametrize("content", [b"", b"short", "тайна-которую-никто".encode()])
def test_an_unfit_token_is_an_error(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match=r"^web\.token_file: "):
        read_token(file)


def test_a_missing_token_file_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match=r"^web\.token_file: cannot read .*No such file"):
        read_token(tmp_path / "token")


def test_loopback_needs_no_token_and_others_do(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    assert settle("localhost", None) is None
    assert settle("127.0.0.1", file) == settle("0.0.0.0", file) == TOKEN
    with pytest.raises(SettingsError, match=r"^web\.host: '0\.0\.0\.0' is open to others; set token_file"):
        settle("0.0.0.0", None)


class Wrong:
    """Delays for as long as a test takes."""

    def __init__(self, delay_s):
        self.seen = []
        self._delay_s = delay_s

    def delay_s(self, address):
        self.seen.append(address)
        return self._delay_s


class Connection:
    trusted = False

    def trust(self):
        self.trusted = True


async def ask(wrong, authorization, messages=()):
    """Send one request through a guard; return what was answered and whether the connection is trusted."""
    connection, sent, arriving = Connection(), [], asyncio.Queue()
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    for message in ({"type": "http.request", "body": b"", "more_body": False}, *messages):
        arriving.put_nowait(message)

    async def app(_scope, _receive, send):
        await send({"status": 200})

    async def send(message):
        sent.append(message.get("status"))

    scope = {
        "type": "http",
        "path": "/",
        "headers": headers,
        "client": ("192.0.2.1", 4711),
        "state": {"connection": connection},
    }
    await Guard(app, TOKEN, wrong)(scope, arriving.get, send)
    return sent[0], connection.trusted


def test_the_right_token_is_trusted_and_never_slowed():
    wrong = Wrong(delay_s=1e9)
    assert asyncio.run(ask(wrong, f"Bearer {TOKEN}")) == (200, True)
    assert wrong.seen == []


def test_who_shows_no_token_is_refused_at_once_and_not_counted():
    wrong = Wrong(delay_s=1e9)
    assert asyncio.run(ask(wrong, None)) == (401, False)
    assert wrong.seen == []


def test_a_wrong_token_is_counted_told_and_refused_late(caplog):
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(ask(wrong := Wrong(delay_s=0.01), f"Bearer {TOKEN}0")) == (401, False)
    assert wrong.seen == ["192.0.2.1"]
    assert caplog.messages == ["192.0.2.1 showed the web server a wrong token"]


def test_the_right_token_is_answered_while_wrong_ones_wait():
    async def both():
        wrong = Wrong(delay_s=1e9)
        waiting = [asyncio.create_task(ask(wrong, "Bearer no")) for _ in range(100)]
        await asyncio.sleep(0)
        answer = await ask(wrong, f"Bearer {TOKEN}")
        left = [task.done() for task in waiting]
        for task in waiting:
            task.cancel()
        return answer, any(left), len(wrong.seen)

    assert asyncio.run(both()) == ((200, True), False, 100)


def test_a_delay_ends_with_its_connection():
    gone = [{"type": "http.disconnect"}]
    assert asyncio.run(ask(Wrong(delay_s=1e9), "Bearer no", gone)) == (401, False)
