"""Running a program in the arm64 userland, as a board's CPU sees it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arm64.board import Board, write_views
from arm64.userland import Userland

PROJECT = "/firetower"
SITE = "/site"
OUT = "/out"
_CLEAN = ("env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")


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
        """Run a command in a mount namespace of its own; what it mounts ends with it.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        script = "\n".join(["set -e", *self._mounts(), f"exec {self._inside(command)}"])
        return subprocess.run(
            ["unshare", "-m", "bash", "-c", script],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def _mounts(self) -> list[str]:
        write_views(self.board, self.views)
        root = self.userland.root
        for name in ("proc", "sys", "dev", "tmp", PROJECT[1:], SITE[1:], OUT[1:]):
            (root / name).mkdir(exist_ok=True)
        binds = [
            (self.views / "cpuinfo", root / "proc/cpuinfo"),
            (self.views / "cpu", root / "sys/devices/system/cpu"),
            (self.userland.site, root / SITE[1:]),
            (self.out, root / OUT[1:]),
        ]
        return [
            "mount --make-rprivate /",
            f"mount -t proc proc {_q(root / 'proc')}",
            f"mount --rbind /sys {_q(root / 'sys')}",
            f"mount --rbind /dev {_q(root / 'dev')}",
            f"mount -t tmpfs tmpfs {_q(root / 'tmp')}",
            f"mount --bind -o ro {_q(self.project)} {_q(root / PROJECT[1:])}",
            *(f"mount --bind {_q(source)} {_q(target)}" for source, target in binds),
        ]

    def _inside(self, command: Sequence[str]) -> str:
        variables = [
            f"QEMU_CPU={self.board.cpu}",  # the default, `max`, computes INT8 wrongly in QEMU 7.2
            f"PYTHONPATH={PROJECT}:{SITE}",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONHASHSEED=0",
        ]
        return shlex.join([*_CLEAN, *variables, "chroot", str(self.userland.root), *command])


def _q(path: Path) -> str:
    return shlex.quote(str(path))
