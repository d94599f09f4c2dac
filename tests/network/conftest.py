"""Commands of this project in a network where somebody could hear them (watch.py)."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.network.watch import Request, Seen

ROOT = Path(__file__).parents[2]
WATCH = Path(__file__).with_name("watch.py")
# The places of a user that nobody has configured: all in one folder, which is empty before and after.
PLACES = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
SEMAPHORE = re.compile(r"/dev/shm/sem\.[\w-]+ \(deleted\)")
Watch = Callable[..., "Outcome"]


class Outcome:
    """What a command did, and what it left where nobody had told it to write."""

    def __init__(self, seen: Seen, folder: Path) -> None:
        self.seen = seen
        self._temporary = folder / "TMPDIR"
        self.left = [str(path.relative_to(folder)) for path in sorted(folder.glob("*/**/*"))]

    def outside(self, *configured: Path) -> list[str]:
        """Return the files written elsewhere than below the places given and the place for temporary ones.

        Semaphores that are gone again are none.
        """
        written = [file for file in self.seen.written if not SEMAPHORE.fullmatch(file)]
        places = (self._temporary, *configured)
        return [file for file in written if not any(map(Path(file).is_relative_to, places))]

    def check(self, *configured: Path) -> None:
        """Check that a command did its work, and that nobody could hear it."""
        assert self.seen.code == 0, self.seen.told
        assert self.seen.names == []
        assert self.seen.calls == []
        assert self.outside(*configured) == []
        assert self.left == []


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """Return the one place where a command is told to write."""
    folder = tmp_path / "configured"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Return what runs a command, alone and with nothing of this process' environment."""
    return functools.partial(listen, tmp_path)


def listen(
    place: Path,
    *command: str | Path,
    lives_s: float = 500,
    answers: bool = True,
    talks: bool = False,
    hosts: str = "",
    **environment: str,
) -> Outcome:
    """Run a command in a network where it is heard; return what it did.

    Args:
        place: a folder of this one command, outside of which it has no place of its own.
        command: the program and its arguments.
        lives_s, answers, talks, hosts: as `Request` says.
        environment: of the command, beside what every command has.
    """
    folder, apart = place / "unasked", place / "watch"
    for name in (*PLACES, "cwd"):
        (folder / name).mkdir(parents=True)
    apart.mkdir()
    variables = {
        **{name: str(folder / name) for name in PLACES},
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT),
        **environment,
    }
    request = Request(
        list(map(str, command)),
        variables,
        str(folder / "cwd"),
        os.getuid(),
        os.getgid(),
        lives_s,
        answers,
        talks,
        hosts,
    )
    done = subprocess.run(
        [*as_root(), "unshare", "--net", "--mount", sys.executable, WATCH, json.dumps(asdict(request))],
        cwd=apart,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Outcome(Seen(**json.loads(done.stdout.splitlines()[-1])), folder)


def as_root() -> list[str]:
    """Return what makes a command root's: networks are made by root alone."""
    if shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.fail("needs ip: apt-get install iproute2")
    if os.getuid() == 0:
        return []
    sudo = ["sudo", "--non-interactive"]
    if (
        shutil.which("sudo")
        and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    ):
        return sudo
    why = "makes a network to listen in: run as root, or with passwordless sudo"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
