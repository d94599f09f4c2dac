"""Running a program of the arm64 userland, as a board's CPU sees it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arm64.board import Board, write_views
from arm64.userland import PYTHON, Userland

PROJECT = "/firetower"
SITE = f"/usr/local/lib/python{PYTHON}/dist-packages"  # as if they were installed, whatever PYTHONPATH says
OUT = "/out"
DATA = "/shared"  # real data beside the checkout, where a developer has them (tests/conftest.py)
_CLEAN = ("env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
_ONE_THREAD = ("OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")


@dataclass(frozen=True, slots=True)
class Guest:
    """A board's CPU in front of a userland.

    Attributes:
        userland: root folder and wheels.
        board: whose CPU and cpuinfo.
        project: the checkout, seen read-only at /firetower.
        out: a folder of the host's, seen at /out.
        views: where the board's cpuinfo is written.
    """

    userland: Userland
    board: Board
    project: Path
    out: Path
    views: Path

    def run(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a command in the userland, in a mount namespace of its own; what it mounts ends with it.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        # The default CPU, `max`, computes INT8 wrongly in QEMU 7.2.
        variables = [f"QEMU_CPU={self.board.cpu}", *_python(PROJECT)]
        inside = [*_CLEAN, *variables, "chroot", str(self.userland.root), *command]
        return _run_apart(self._mounts(), inside, timeout_s)

    def run_plugged(
        self, plugin: str, command: Sequence[str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the userland under a plugin, on one thread and always at the same addresses.

        Only the dynamic QEMU takes plugins, and it lies outside of the userland: the program sees the host's
        folders under their own names.

        Args:
            plugin: a shared object and its arguments, as in `file.so,name=value`.
            command: its program is a path in the userland.
            timeout_s: for all of it.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        write_views(self.board, self.views)
        root, (program, *arguments) = self.userland.root, command
        variables = [*_python(f"{self.project}:{self.userland.site}"), *_ONE_THREAD]
        qemu = ["qemu-aarch64", "-cpu", self.board.cpu, "-L", str(root), "-plugin", plugin]
        started = [*_CLEAN, *variables, "setarch", "-R", *qemu, f"{root}{program}", *arguments]
        return _run_apart(self._shown(Path("/")), started, timeout_s)

    def _mounts(self) -> list[str]:
        write_views(self.board, self.views)
        root, data = self.userland.root, self.project.parent / DATA[1:]
        read_only = {PROJECT: self.project, **({DATA: data} if data.is_dir() else {})}
        for name in ("/proc", "/sys", "/dev", "/tmp", SITE, OUT, *read_only):  # noqa: S108 — the userland's own
            (root / name[1:]).mkdir(parents=True, exist_ok=True)
        return [
            f"mount -t proc proc {_q(root / 'proc')}",
            f"mount --rbind /sys {_q(root / 'sys')}",
            f"mount --rbind /dev {_q(root / 'dev')}",
            f"mount -t tmpfs tmpfs {_q(root / 'tmp')}",
            *(f"mount --bind -o ro {_q(folder)} {_q(root / name[1:])}" for name, folder in read_only.items()),
            f"mount --bind {_q(self.userland.site)} {_q(root / SITE[1:])}",
            f"mount --bind {_q(self.out)} {_q(root / OUT[1:])}",
            *self._shown(root),
        ]

    def _shown(self, root: Path) -> list[str]:
        """Bind the board's views over those of the machine, seen from `root`."""
        shown = {"cpuinfo": root / "proc/cpuinfo", "cpu": root / "sys/devices/system/cpu"}
        return [f"mount --bind {_q(self.views / name)} {_q(target)}" for name, target in shown.items()]


def _run_apart(
    mounts: Sequence[str], command: Sequence[str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    script = "\n".join(["set -e", "mount --make-rprivate /", *mounts, f"exec {shlex.join(command)}"])
    return subprocess.run(
        ["unshare", "-m", "bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def _python(path: str) -> list[str]:
    return [f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0"]


def _q(path: Path) -> str:
    return shlex.quote(str(path))
