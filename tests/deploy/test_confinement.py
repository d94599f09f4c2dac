"""What the unit forbids: as systemd judges it, and as the real daemon lives with it."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

import pytest

from benchmarks.tower import Tower, stored
from deploy.layout import Layout
from deploy.unit import render_unit

CONFINE = Path(__file__).with_name("confine.py")
UNIT = render_unit(Layout(PurePosixPath("/"), "pi", "pi"), video=True)
BELOW_2 = 19  # tenths


def exposure(folder: Path, unit: str, most: int) -> subprocess.CompletedProcess[str]:
    file = folder / "firetower.service"
    file.write_text(unit)
    return subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={most}", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_systemd_gives_the_unit_less_than_2(tmp_path):
    done = exposure(tmp_path, UNIT, BELOW_2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert exposure(tmp_path, UNIT.replace("PrivateUsers=yes\n", ""), 18).returncode == 1


def allowed() -> list[str]:
    """The system calls that the unit's filters leave, by the sets of the systemd that is here."""
    found: set[str] = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", UNIT, re.MULTILINE):
        names = set().union(*(expand(word) for word in words.removeprefix("~").split()))
        found = found - names if words.startswith("~") else found | names
    return sorted(found)


def expand(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", word], capture_output=True, text=True, check=True
    ).stdout
    members = [line.strip() for line in said.splitlines()[1:]]
    return set().union(*(expand(member) for member in members if member and not member.startswith("#")))


@pytest.mark.parametrize("backend", ["litert", "onnx"])
def test_the_daemon_lives_with_the_filter_of_system_calls(tmp_path, backend):
    names = allowed()
    assert "read" in names
    assert not {"sched_setaffinity", "mount", "clock_settime"} & set(names)
    (tmp_path / "tower.toml").write_text(
        f'[model]\nbackend = "{backend}"\nthreads = 2\n[store]\npath = "e.sqlite"\n[web]\nport = 0\n'
        '[cameras.scene]\nuri = "scene:?frames=40"\npace = "fast"\nloop = true\n'
        '[cameras.away]\nuri = "rtsp://localhost:9/x"\ntimeout_s = 2\n'
    )
    prefix = [sys.executable, str(CONFINE), "filter", ",".join(names), "--"]
    with Tower(tmp_path / "tower.toml", prefix=prefix) as tower:
        tower.begin()
        seccomp = Path(f"/proc/{tower.process.pid}/status").read_text()
        assert re.search(r"^Seccomp:\s*2$", seccomp, re.MULTILINE)
        status = tower.wait(lambda status: status["events"]["closed"])
        assert status["memory"]["rss_bytes"]
        assert status["memory"]["pss_bytes"]
        tower.until(lambda: "refused" in tower.fetch("health")["cameras"]["away"]["reason"])
        assert tower.end() == 0
    assert "not permitted" not in tower.log
    assert stored(tmp_path / "e.sqlite")


@pytest.mark.skipif(os.geteuid() != 0, reason="users are made by root")
def test_what_a_group_may_open_stays_open_in_the_units_own_users():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own lets no other user in
        Path(folder).chmod(0o711)
        check_groups(Path(folder) / "video0")


def check_groups(device: Path) -> None:
    device.write_text("a picture")
    os.chown(device, 0, 44_044)
    device.chmod(0o660)

    def read(group: int) -> subprocess.CompletedProcess[str]:
        words = [
            sys.executable,
            str(CONFINE),
            "users",
            "61234",
            "61234",
            str(group),
            "--",
            "/bin/cat",
            str(device),
        ]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    assert read(44_044).stdout == "a picture"
    assert "Permission denied" in read(44_045).stderr
