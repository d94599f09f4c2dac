"""What emulation needs of this machine: asked before anything is done, so that nothing fails half-way."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

_LIST, _FULL_LIST = "debian-packages-arm64.txt", "debian-packages-arm64-full.txt"
_DEBIAN = 12
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def packages(*, full: bool) -> tuple[str, ...]:
    """Return the Debian packages that the checks need, `full` for the long ones; from the project's own lists."""
    names = [_LIST, _FULL_LIST] if full else [_LIST]
    lines = (line for name in names for line in (Path(__file__).parents[1] / name).read_text().splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def missing_packages(wanted: tuple[str, ...]) -> list[str]:
    """Return those Debian packages that are not installed."""
    command = ["dpkg-query", "-W", "-f", "${binary:Package} ${db:Status-Status}\n", *wanted]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    installed = {
        line.split()[0].partition(":")[0] for line in said.splitlines() if line.endswith(" installed")
    }
    return [name for name in wanted if name not in installed]


def problems(wanted: tuple[str, ...]) -> list[str]:
    """Return what stands in the way, each with what to do; empty if nothing does."""
    found = []
    if platform.machine() != "x86_64":
        found.append(
            f"this machine is {platform.machine()}; emulation is for x86-64, a board runs `make test` itself"
        )
    if os.geteuid() != 0:
        found.append("not root: mounts and chroot need it; run it with sudo")
    if not Path("/etc/debian_version").exists():
        found.append("not a Debian system: mmdebstrap and binfmt-support are Debian's")
    elif not Path("/etc/debian_version").read_text().startswith(f"{_DEBIAN}."):
        found.append(f"not Debian {_DEBIAN}: another QEMU takes other plugins and counts other instructions")
    elif missing := missing_packages(wanted):
        found.append(f"missing packages: apt-get install -y --no-install-recommends {' '.join(missing)}")
    return found


def prepare(*, full: bool) -> list[str]:
    """Make this machine ready, for the long checks too if `full`; return what stands in the way."""
    if found := problems(packages(full=full)):
        return found
    try:
        enable_binfmt()  # every check makes an arm64 Debian, if it is not there yet
    except (RuntimeError, subprocess.SubprocessError) as error:
        return [str(error)]
    return []


def enable_binfmt() -> None:
    """Let the kernel start arm64 programs through qemu-user-static, in a chroot too.

    Raises:
        RuntimeError: the kernel has no binfmt_misc, or it cannot be enabled.
    """
    if not (_BINFMT / "register").exists():
        subprocess.run(
            ["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT], capture_output=True, check=False
        )
    if not (_BINFMT / "register").exists():
        raise RuntimeError("binfmt_misc cannot be mounted; this kernel cannot start arm64 programs")
    entry = _BINFMT / "qemu-aarch64"
    if not entry.exists():
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], check=True)
    flags = next((line for line in entry.read_text().splitlines() if line.startswith("flags:")), "")
    if "F" not in flags:
        raise RuntimeError("qemu-aarch64 is registered without flag F; reinstall qemu-user-static")
