"""The order of things on a board that is not there: what is run, what is copied, and what happens when it fails."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from deploy.board import Board
from deploy.configuration import gather
from deploy.errors import RefusedError, StartError, TargetError
from deploy.installation import Installation
from deploy.layout import SERVICE, Layout
from deploy.release import JOURNALD, Release
from deploy.script import Step
from deploy.target import Done
from deploy.unit import journal_limits, render_unit
from deploy.wheel import read_wheel

GOOD = ["prepare", "copy", "install", "check", "switch", "health", "limit_log", "prune"]
CHECKED = Done(0, json.dumps({"ok": True, "checks": {"model": {"ok": True, "error": None}}}))


def healthy(
    status: int = 200, reasons: tuple[str, ...] = (), *, active: str = "active", same: str = "yes"
) -> Done:
    answer = json.dumps(
        {"status": status, "body": json.dumps({"healthy": status == 200, "reasons": reasons})}
    )
    return Done(0, f"answer={answer}\nactive={active}\nsame_process={same}\n")


class FakeBoard:
    """Answers each step as it was told, else well; keeps what was asked of it."""

    def __init__(self, **answers: Done | Exception | list[Done | Exception]) -> None:
        self.answers = {"check": CHECKED, "health": healthy(), **answers}
        self.steps: list[Step] = []
        self.names: list[str] = []
        self.copied: dict[str, Path] = {}

    def run(self, step: Step) -> Done:
        self.steps.append(step)
        self.names.append(step.name)
        answer = self.answers.get(step.name, Done(0))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def copy(self, files: Mapping[str, Path], folder: PurePosixPath) -> None:
        assert folder == PurePosixPath("/opt/firetower/incoming")
        self.names.append("copy")
        self.copied.update(files)


@pytest.fixture
def release(tmp_path: Path, stub) -> Release:
    (tmp_path / "secret").write_text("hunter2-hunter2-hunter2\n")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "tower.toml").write_text(
        '[cameras.north]\nuri = "rtsp://x/"\npassword_file = "secret"\n[web]\ntoken_file = "secret"\n'
    )
    for name in ("made", "scratch"):
        (tmp_path / name).mkdir()
    layout = Layout(PurePosixPath("/"), "pi", "pi")
    (tmp_path / "made" / SERVICE).write_text(render_unit(layout, video=True))
    (tmp_path / "made" / JOURNALD).write_text(journal_limits())
    configuration = gather(tmp_path / "tower.toml", layout.var, tmp_path / "scratch")
    wheels = tuple(read_wheel(stub("wheels", name)) for name in ("firetower", "numpy", "pip"))
    return Release(layout, "/usr/bin/python3", "3.11", wheels, configuration, tmp_path / "made")


@pytest.fixture
def said() -> list[str]:
    return []


def bring(target: FakeBoard, board: Board, release: Release, said: list[str]):
    installation = Installation(target, board, release, said.append)
    state = installation.compare()
    target.names.clear()
    return installation.install(state)


def test_a_first_deployment(pi4: Board, release: Release, said: list[str]) -> None:
    everything = "".join(f"missing {name}\n" for name in release.files())
    target = FakeBoard(compare=Done(0, everything + "differs release\n"))
    outcome = bring(target, pi4, release, said)
    assert target.names == GOOD
    assert set(target.copied) == {
        "firetower-1.0-py3-none-any.whl", "numpy-1.0-py3-none-any.whl", "pip-1.0-py3-none-any.whl", "tower.toml",
        "cameras.north.password_file", "web.token_file", "firetower.service", "journald.conf",
    }  # fmt: skip
    assert outcome.changed
    assert outcome.health.status == 200
    assert all(step.root for step in target.steps)  # pi, through sudo
    install = next(step for step in target.steps if step.name == "install")
    assert "0600 firetower:firetower cameras.north.password_file" in install.variables["files"]
    assert "0640 root:firetower tower.toml" in install.variables["files"]


def test_only_what_is_missing_is_copied(pi4: Board, release: Release, said: list[str]) -> None:
    target = FakeBoard(compare=Done(0, "missing tower.toml\n"))
    bring(target, replace(pi4, rights="self", login="root"), release, said)
    assert set(target.copied) == {"tower.toml"}
    assert not any(step.root for step in target.steps)  # root itself needs no sudo


def test_nothing_missing_and_nothing_different_is_the_same(
    pi4: Board, release: Release, said: list[str]
) -> None:
    assert Installation(FakeBoard(), pi4, release, said.append).compare().same
    assert (
        not Installation(FakeBoard(compare=Done(0, "differs unit\n")), pi4, release, said.append)
        .compare()
        .same
    )


def test_a_camera_or_a_sink_that_fails_is_reported_and_stops_nothing(
    pi4: Board, release: Release, said: list[str]
) -> None:
    checks = {
        "model": {"ok": True, "error": None},
        "cameras.north": {"ok": False, "error": "refused"},
        "sinks.hq": {"ok": False, "error": "it does not answer"},
    }
    target = FakeBoard(
        check=Done(1, json.dumps({"ok": False, "checks": checks})), health=healthy(503, ("north: stale",))
    )
    outcome = bring(target, pi4, release, said)
    assert outcome.cameras == ("cameras.north: refused", "sinks.hq: it does not answer")
    assert outcome.health.status == 503
    assert outcome.health.reasons == ("north: stale",)
    assert "prune" in target.names


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (Done(2, "", "firetower: tower.toml: cameras.a: unknown key"), "unknown key"),
        (Done(1, json.dumps({"checks": {"model": {"ok": False, "error": "digest"}}})), "model: digest"),
        (Done(1, json.dumps({"checks": {"store": {"ok": False, "error": "no folder"}}})), "store: no folder"),
        (Done(132, "", "Illegal instruction"), "ended with 132: Illegal instruction"),
        (Done(0, ""), "it said nothing"),
    ],
)
def test_a_bad_configuration_or_model_stops_before_anything_is_switched(
    pi4: Board, release: Release, said: list[str], check: Done, message: str
) -> None:
    target = FakeBoard(check=check)
    with pytest.raises(RefusedError, match=message):
        bring(target, replace(pi4, current="0123456789abcdef", active=True), release, said)
    assert "switch" not in target.names


@pytest.mark.parametrize("name", ["prepare", "install"])
def test_a_step_that_fails_before_the_switch_changes_nothing_that_runs(
    pi4: Board, release: Release, said: list[str], name: str
) -> None:
    target = FakeBoard(**{name: Done(1, "", "No space left on device")})
    with pytest.raises(TargetError, match=rf"{name}\.sh failed with 1: No space left on device"):
        bring(target, pi4, release, said)
    assert "switch" not in target.names


BROKEN = {
    "not ready": {"switch": [Done(1, "", "Job for firetower.service failed"), Done(0)]},
    "silent": {"health": healthy(0)},
    "refused": {"health": healthy(401)},
    "gone": {"health": healthy(active="activating")},
    "anew": {"health": healthy(same="no")},
    "cut off": {"health": TargetError("the connection was lost")},
    "Ctrl-C": {"health": KeyboardInterrupt()},
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_ran_before_runs_again(pi4: Board, release: Release, said: list[str], how: str) -> None:
    target = FakeBoard(log=Done(0, "the daemon's last words\n"), **BROKEN[how])
    with pytest.raises(StartError, match="rolled back to 0123456789abcdef, which runs again"):
        bring(target, replace(pi4, current="0123456789abcdef", active=True), release, said)
    back = target.steps[-1]
    assert back.name == "switch"
    assert (back.variables["release"], back.variables["start"], back.variables["remember"]) == (
        "0123456789abcdef", "yes", "no",
    )  # fmt: skip
    assert "prune" not in target.names
    assert any("the daemon's last words" in text for text in said)


@pytest.mark.parametrize("error", [TargetError("the connection was lost"), KeyboardInterrupt()])
def test_a_log_that_cannot_be_read_keeps_nobody_from_going_back(
    pi4: Board, release: Release, said: list[str], error: BaseException
) -> None:
    target = FakeBoard(switch=[Done(1), Done(0)], log=error)
    with pytest.raises(StartError, match="rolled back to 0123456789abcdef, which runs again"):
        bring(target, replace(pi4, current="0123456789abcdef", active=True), release, said)
    assert target.steps[-1].name == "switch"


def test_a_release_that_was_cut_off_before_goes_back_to_the_one_that_last_answered(
    pi4: Board, release: Release, said: list[str]
) -> None:
    board = replace(pi4, current=release.digest, good="0123456789abcdef", active=True)
    target = FakeBoard(switch=[Done(1), Done(0)])
    with pytest.raises(StartError, match="rolled back to 0123456789abcdef, which runs again"):
        bring(target, board, release, said)
    with pytest.raises(StartError, match="nothing to go back to"):
        bring(FakeBoard(switch=Done(1)), replace(board, good=release.digest), release, said)


def test_what_was_stopped_before_is_stopped_again(pi4: Board, release: Release, said: list[str]) -> None:
    target = FakeBoard(switch=[Done(1), Done(0)])
    with pytest.raises(StartError, match="is stopped, as it was"):
        bring(target, replace(pi4, current="0123456789abcdef", active=False), release, said)
    assert target.steps[-1].variables["start"] == "no"


def test_a_first_release_that_fails_is_taken_away(pi4: Board, release: Release, said: list[str]) -> None:
    target = FakeBoard(switch=Done(1))
    with pytest.raises(StartError, match="nothing ran before"):
        bring(target, pi4, release, said)
    assert target.names[-1] == "remove"


def test_the_same_release_that_fails_has_nothing_to_go_back_to(
    pi4: Board, release: Release, said: list[str]
) -> None:
    target = FakeBoard(switch=Done(1))
    with pytest.raises(StartError, match="nothing to go back to"):
        bring(target, replace(pi4, current=release.digest, active=True), release, said)
    assert target.names[-1] == "log"


@pytest.mark.parametrize("second", [Done(1, "", "failed too"), TargetError("the connection was lost")])
def test_a_rollback_that_fails_says_so(
    pi4: Board, release: Release, said: list[str], second: Done | Exception
) -> None:
    target = FakeBoard(switch=[Done(1, "", "failed"), second])
    with pytest.raises(StartError, match=r"does not start either: failed too|could NOT be rolled back"):
        bring(target, replace(pi4, current="0123456789abcdef", active=True), release, said)


def test_a_dry_run_shows_every_step_and_file_and_no_digest_of_a_secret(
    pi4: Board, release: Release, said: list[str]
) -> None:
    target = FakeBoard(compare=Done(0, "missing tower.toml\nmissing web.token_file\n"))
    installation = Installation(target, pi4, release, said.append)
    installation.show(installation.compare())
    shown = "\n".join(said)
    assert target.names == ["compare"]
    for word in (
        "useradd --system",
        "-m venv --without-pip",
        'firetower" check',
        "systemctl restart",
        "/health",
    ):
        assert word in shown
    assert "web.token_file" in shown
    for file in release.configuration.files:
        assert file.sha256 not in shown
    assert "hunter2" not in shown


def test_the_name_of_a_release_follows_its_content(release: Release, stub) -> None:
    other = replace(release, wheels=(*release.wheels[:2], read_wheel(stub("newer", "pip", "2.0"))))
    assert (other.venv != release.venv, other.config == release.config) == (True, True)
    assert other.digest != release.digest
    assert replace(release).digest == release.digest
