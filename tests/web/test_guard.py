import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import SettingsError
from edge.web.guard import _host_name, _shows, is_loopback, read_token, settle

TOKEN = "0123456789abcdef"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]"])
def test_these_are_the_machine_itself(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.168.1.5", "tower.local", "localhost.evil.example"]
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
