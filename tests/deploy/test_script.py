"""The steps as programs: quoted, whole, and told everything that they mention."""

import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.script import Step

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
