"""What may be a destination, how ssh is called, and what its errors say."""

from pathlib import Path

import pytest

from deploy import target
from deploy.errors import TargetError
from deploy.script import Step
from deploy.target import Done, SshTarget
from edge.errors import SettingsError


@pytest.mark.parametrize(
    "text", ["-oProxyCommand=x", "a b@c", "pi@", "pi@-x", "pi@host;reboot", "", "pi@host:22"]
)
def test_what_is_no_destination_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="expected user@host"):
        SshTarget(text)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def call(command, _text=""):
        made.append(list(command))
        return Done(0, "out")

    monkeypatch.setattr(target, "_call", call)
    return made


def test_ssh_asks_nothing_forwards_nothing_and_always_checks_the_host_key(calls: list[list[str]]) -> None:
    with SshTarget("pi@[fe80::1]", identity=Path("/k"), port=2200) as board:
        assert board.run(Step("log", {"service": "s"}, root=True)) == Done(0, "out")
        board.run(Step("log", {"service": "s"}, root=False))
    first, second, last = calls
    assert first[-3:] == ["--", "pi@fe80::1", "sudo -n sh -s"]
    assert second[-1] == "sh -s"
    for option in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "Port=2200",
        "IdentityFile=/k",
    ):
        assert option in first
    assert last[-4:] == ["-O", "exit", "--", "pi@fe80::1"]


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Host key verification failed.", "ssh pi@tower-7"),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "find out why",
        ),
        ("pi@tower-7: Permission denied (publickey).", "ssh-copy-id pi@tower-7"),
        ("ssh: connect to host tower-7 port 22: No route to host", "No route to host"),
        ("", "the connection was lost"),
    ],
)
def test_a_board_that_is_not_reached_says_what_to_do(monkeypatch, said: str, advice: str) -> None:
    monkeypatch.setattr(target, "_call", lambda *_: Done(255, "", said))
    with SshTarget("pi@tower-7") as board, pytest.raises(TargetError, match=advice):
        board.run(Step("log", {"service": "s"}, root=False))
