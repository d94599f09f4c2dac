"""The steps as programs: quoted, whole, and told everything that they mention."""

import getpass
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.script import Step
from tests.alert.event import event
from tests.alert.owing import Owing

STEPS = sorted(
    entry.name.removesuffix(".sh")
    for entry in (resources.files("deploy") / "step").iterdir()
    if entry.name.endswith(".sh")
)
TOLD = {
    "opt", "etc", "var", "unit", "journald", "incoming", "login", "login_group",
    "user", "group", "owner", "service", "trial", "python", "python_minor", "release",
    "base", "venv", "config", "store", "wheels", "files", "unit_sum", "journald_sum", "url",
    "token_file", "wait_s", "settle_s", "start", "remember",
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_each_is_posix_shell(name: str) -> None:
    text = Step(name, dict.fromkeys(TOLD, "x"), root=False).text()
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--shell=sh", "-"], input=text, text=True, check=True)


@pytest.mark.parametrize("name", STEPS)
def test_each_mentions_only_what_it_is_told_or_sets_itself(name: str) -> None:
    body = Step(name, {}, root=False).body()
    mentioned = set(re.findall(r"\$\{?([a-z_]+)", body))
    own = set(re.findall(r"\b([a-z_]+)=", body)) | {
        word for row in re.findall(r"read -r ([a-z_ ]+)", body) for word in row.split()
    }
    own |= set(re.findall(r"\bfor ([a-z_]+) in", body))
    assert mentioned <= TOLD | own


@settings(max_examples=30)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_value_is_ever_a_command(value: str) -> None:
    text = Step("log", {"service": value}, root=False).text()
    quoted = text[text.index("service=") : text.index("main() {")]
    done = subprocess.run(["sh", "-c", f'{quoted}\nprintf "%s" "$service"'], capture_output=True, check=True)
    assert done.stdout == value.encode()


def test_what_is_shown_holds_no_private_value() -> None:
    step = Step(
        "compare",
        dict.fromkeys(TOLD, "x") | {"files": "abc 0600 a:b tower.toml"},
        root=False,
        private=("abc",),
    )
    assert "abc 0600" in step.text()
    assert "… 0600 a:b tower.toml" in step.shown()
    assert "abc" not in step.shown()


def run(name: str, **variables: object) -> subprocess.CompletedProcess[str]:
    text = Step(name, {key: str(value) for key, value in variables.items()}, root=False).text()
    return subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=False)


def test_only_a_release_of_ours_is_pruned(tmp_path: Path) -> None:
    opt, etc = tmp_path / "opt", tmp_path / "etc"
    old, kept = "0" * 16, "1" * 16
    foreign = ("4abcde", "400000", "6", "64", "0" * 15, "0" * 17, "g" * 16)
    for name in (old, kept, *foreign):
        (etc / name).mkdir(parents=True)
        (opt / "releases" / name).mkdir(parents=True)
    (opt / "current").symlink_to(f"releases/{kept}")
    for link, to in (("config", etc / kept), ("venv", opt / "venvs" / kept)):
        (opt / "releases" / kept / link).symlink_to(to)
    assert run("prune", opt=opt, etc=etc, incoming=tmp_path / "incoming", release=kept).returncode == 0
    assert (opt / "good").read_text() == kept
    assert {path.name for path in etc.iterdir()} == {kept, *foreign}
    assert {path.name for path in (opt / "releases").iterdir()} == {kept, *foreign}


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board whose releases say what schema they know, and note what they and systemctl are told."""
    calls = tmp_path / "calls"

    def program(path: Path, body: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    for name, schema in (("old", "1"), ("new", "2"), ("ancient", "")):
        release = tmp_path / "opt/releases" / name
        answer = f"echo {schema}" if schema else "exit 1"
        program(release / "venv/bin/python", f'[ "$2" = -c ] && {{ {answer}; exit; }}\nshift; echo "{name} $*" '
                f'>>{calls}; exit $(cat {tmp_path}/fails 2>/dev/null || echo 0)')  # fmt: skip
        (release / "firetower.service").write_text(name)
    program(tmp_path / "bin/systemctl", f'echo "systemctl $*" >>{calls}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (tmp_path / "events.sqlite").write_text("")
    return tmp_path


def switch(board: Path, release: str, at: str | None) -> tuple[int, list[str]]:
    if at is not None:
        (board / "opt/current").symlink_to(f"releases/{at}")
    done = run(
        "switch", opt=board / "opt", release=release, remember="yes", start="yes", service="firetower.service",
        unit=board / "unit", store=board / "events.sqlite", user=getpass.getuser(),
    )  # fmt: skip
    calls = (board / "calls").read_text().splitlines()
    return done.returncode, [call for call in calls if "daemon-reload" not in call and "enable" not in call]


RESTARTED = "systemctl restart firetower.service"


def test_a_store_is_taken_back_before_an_older_release_starts(board: Path) -> None:
    code, calls = switch(board, "old", at="new")
    taken = f"new -m edge.alert.rollback {board}/events.sqlite 1"
    assert (code, calls) == (0, ["systemctl stop firetower.service", taken, RESTARTED])
    assert (board / "opt/current").readlink() == Path("releases/old")


@pytest.mark.parametrize(
    ("release", "at"), [("new", "old"), ("new", None), ("ancient", "new"), ("old", "ancient")]
)
def test_a_store_is_left_alone_where_nothing_older_starts(board: Path, release: str, at: str | None) -> None:
    assert switch(board, release, at) == (0, [RESTARTED])


def test_nothing_is_switched_where_a_store_cannot_be_taken_back(board: Path) -> None:
    (board / "fails").write_text("1")
    code, calls = switch(board, "old", at="new")
    assert code == 1
    assert calls[-1] == "systemctl start firetower.service"
    assert (board / "opt/current").readlink() == Path("releases/new")


def real(release: Path, packages: Path) -> None:
    """Give a release the code in a folder of packages, run by this Python."""
    python = release / "venv/bin/python"
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={packages} exec {sys.executable} -s -P "$@"\n')


def ask_events(release: Path, store: Path) -> str:
    """Return what a release says of a store: the ids of its events, or why it does not take it."""
    code = (
        "import sys; from pathlib import Path; from edge.alert.place import rehearse;"
        "from edge.alert.database import Database; from edge.alert.store import Store; path = Path(sys.argv[1]);"
        "rehearse(path); print([one.id for one in Store(Database(path)).events()])"
    )
    done = subprocess.run(
        [release / "venv/bin/python", "-I", "-c", code, store], check=False, capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_real_releases_take_a_real_store_back_or_switch_nothing(board: Path) -> None:
    root, releases, store = Path(__file__).parents[2], board / "opt/releases", board / "events.sqlite"
    real(releases / "new", root)
    shutil.copytree(root / "edge", board / "older/edge", ignore=shutil.ignore_patterns("__pycache__"))
    with (board / "older/edge/alert/schema.py").open("a") as file:
        file.write("\nMIGRATIONS = MIGRATIONS[:1]\n")
    real(releases / "old", board / "older")
    store.unlink()
    owing = Owing(path=store)
    owing.commit(event("e"), "crop")
    assert switch(board, "old", at="new")[0] == 1  # it is in use
    owing.database.close()
    assert "schema 3 was written by a newer firetower" in ask_events(releases / "old", store)
    assert (board / "opt/current").readlink() == Path("releases/new")
    assert switch(board, "old", at=None)[0] == 0
    assert (board / "opt/current").readlink() == Path("releases/old")
    assert ask_events(releases / "old", store) == "['e']"
    assert switch(board, "new", at=None)[0] == 0
    assert ask_events(releases / "new", store) == "['e']"
    assert not list(board.glob("*corrupt*"))


def test_half_a_file_of_log_limits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journald.conf").write_text("[Jour")
    done = run(
        "limit_log", incoming=tmp_path, journald=tmp_path / "there/firetower.conf", journald_sum="0" * 64
    )
    assert done.returncode != 0
    assert "did not arrive whole" in done.stderr
    assert not (tmp_path / "there/firetower.conf").exists()


def test_a_step_that_changes_the_board_waits_for_another_that_still_runs(tmp_path: Path) -> None:
    text = Step("limit_log", {}, root=False).text().replace("-w 600", "-w 0")
    with subprocess.Popen(
        ["flock", "/", "sh", "-c", "echo held; read end"], stdin=PIPE, stdout=PIPE
    ) as other:
        other.stdout.readline()
        done = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=False)
        other.stdin.close()
    assert (done.returncode, done.stderr) == (75, "another deployment is at work on this board\n")
    assert "flock" not in Step("survey", {}, root=False).text()
