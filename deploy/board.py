"""What a board is found to be, and whether firetower can live there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.errors import TargetError
from edge.device.raspberry_pi import parse_throttled
from edge.errors import DeviceError

PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
_RELEASES = ("bookworm", "trixie")
GLIBC_LEAST = 28  # what the wheels are built for: manylinux_2_28
_SYSTEMD_LEAST = 247  # ProtectProc=
_PAGE_BYTES_MOST = 65_536  # what the wheels' segments are aligned to
_MEMORY_LEAST = 220 << 20
_MEMORY_GOOD = 380 << 20  # a board of 512 MB shows so much when the GPU has taken its share
_RUNNING = {"active", "activating", "deactivating", "reloading"}  # a restart passes through all of them
_DISK_SPARE = 200 << 20
_CLOCK_OFF_S = 120


@dataclass(frozen=True, slots=True)
class Board:
    """One board as `survey.sh` found it; None is unknown.

    Attributes:
        login, login_group: who logged in.
        rights: how root's rights are had: root itself, sudo without a password, or not.
        architecture: Debian's name of the userland's.
        kernel_machine: the kernel's, which may be 64-bit under a 32-bit userland.
        os_id, os_codename, os_name: of os-release.
        model: the device tree's.
        glibc: its minor version, 2.x.
        page_bytes: the kernel's memory pages.
        systemd: its version.
        memory_bytes: all of it.
        memory_cgroup: whether the kernel can limit a service's memory.
        clock_synchronised: whether by the network.
        epoch_s: its wall clock, Unix time.
        throttled: the flags as the firmware gives them.
        video_group: whether the group of cameras exists.
        rsync: whether it has it.
        free_bytes: where firetower goes.
        read_only: folders that cannot be written.
        python, python_version: the interpreter to use.
        venv: whether it can make virtual environments.
        overlay_root: whether what is written to the root is gone after a reboot.
        foreign_unit: the unit's path, where one is there that no deployment made.
        current: digest of the release that is current.
        good: digest of the one that last answered for its health, and is still there.
        active: whether the service runs, or tries to.
    """

    login: str
    login_group: str
    rights: Literal["self", "sudo", "no"]
    architecture: str
    kernel_machine: str
    os_id: str
    os_codename: str
    os_name: str
    model: str | None
    glibc: int | None
    page_bytes: int | None
    systemd: int | None
    memory_bytes: int | None
    memory_cgroup: bool
    clock_synchronised: bool | None
    epoch_s: int | None
    throttled: str | None
    video_group: bool
    rsync: bool
    free_bytes: int | None
    read_only: tuple[str, ...]
    python: str
    python_version: str
    venv: bool
    overlay_root: bool
    foreign_unit: str | None
    current: str | None
    good: str | None
    active: bool

    @property
    def python_minor(self) -> str:
        """Its Python, such as 3.11."""
        return ".".join(self.python_version.split(".")[:2])

    def summary(self) -> str:
        """Describe it in one line."""
        memory = "memory unknown" if self.memory_bytes is None else f"{self.memory_bytes / 1e6:.0f} MB"
        what = self.model or f"a machine without a device tree ({self.architecture})"
        return f"{what}, {self.os_name}, Python {self.python_version or 'none'}, {memory}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying: a reason to refuse, or to doubt."""

    level: Literal["refuse", "warn"]
    text: str


def parse(output: str) -> Board:
    """Read what `survey.sh` wrote.

    Raises:
        TargetError: it is something else, such as the greeting of a shell.
    """
    facts = dict(line.partition("=")[::2] for line in output.splitlines() if "=" in line)
    try:
        rights, active = facts["rights"], facts["active"]
        memory_kib, free_kib = _number(facts["memory_kib"]), _number(facts["free_kib"])
        return Board(
            login=facts["login"],
            login_group=facts["login_group"],
            rights="self" if rights == "self" else "sudo" if rights == "sudo" else "no",
            architecture=facts["architecture"],
            kernel_machine=facts["kernel_machine"],
            os_id=facts["os_id"],
            os_codename=facts["os_codename"],
            os_name=facts["os_name"] or "an unknown system",
            model=facts["model"] or None,
            glibc=_number(facts["glibc"].removeprefix("glibc 2.").partition(".")[0]),
            page_bytes=_number(facts["page_bytes"]),
            systemd=_number(facts["systemd"]),
            memory_bytes=None if memory_kib is None else memory_kib * 1024,
            memory_cgroup=facts["memory_cgroup"] == "yes",
            clock_synchronised={"yes": True, "no": False}.get(facts["clock_synchronised"]),
            epoch_s=_number(facts["epoch_s"]),
            throttled=facts["throttled"] or None,
            video_group=facts["video_group"] == "yes",
            rsync=facts["rsync"] == "yes",
            free_bytes=None if free_kib is None else free_kib * 1024,
            read_only=tuple(facts["read_only"].split()),
            python=facts["python"],
            python_version=facts["python_version"],
            venv=facts["venv"] == "yes",
            overlay_root=facts["overlay_root"] == "yes",
            foreign_unit=facts["foreign_unit"] or None,
            current=facts["current"] or None,
            good=facts["good"] or None,
            active=active in _RUNNING,
        )
    except KeyError as error:
        raise TargetError(
            f"the board's survey is incomplete: {error} is missing in {output[-300:]!r}"
        ) from error


def judge(board: Board, now_s: float, *, trial: bool = False) -> list[Finding]:
    """Say what speaks against a board.

    Args:
        board: as found.
        now_s: the host's wall clock, Unix time.
        trial: whether the installation goes below a folder of the login user.
    """
    refusals = [*_system(board), *_python(board), *([] if trial else _rights(board)), *_folders(board)]
    doubts = [*_doubts(board), *_clock(board, now_s), *_power(board)]
    return [Finding("refuse", text) for text in refusals] + [Finding("warn", text) for text in doubts]


def judge_space(board: Board, needed_bytes: int) -> list[Finding]:
    """Say whether the wheels fit on its disk.

    Args:
        board: as found.
        needed_bytes: what will be written.
    """
    if board.free_bytes is None or board.free_bytes >= needed_bytes + _DISK_SPARE:
        return []
    return [
        Finding(
            "refuse",
            f"disk: {board.free_bytes / 1e6:.0f} MB are free, {(needed_bytes + _DISK_SPARE) / 1e6:.0f} MB are "
            "needed; make room (sudo apt clean, old logs), or take a larger card",
        )
    ]


def _system(board: Board) -> Iterator[str]:
    if board.architecture == "armhf" and board.kernel_machine == "aarch64":
        yield "a 32-bit system under a 64-bit kernel; install the 64-bit Raspberry Pi OS (bookworm or trixie)"
    elif board.architecture not in MACHINES:
        yield f"architecture {board.architecture}; expected arm64 (a Pi 3, Zero 2 W, 4 or 5 with a 64-bit system)"
    if board.glibc is None or board.glibc < GLIBC_LEAST:
        yield f"its C library is not glibc 2.{GLIBC_LEAST} or newer, which the wheels need; install Debian 12 or 13"
    if board.systemd is None or board.systemd < _SYSTEMD_LEAST:
        yield f"systemd {board.systemd or 'is missing'}; expected {_SYSTEMD_LEAST} or newer, as Debian 12 has"
    if board.memory_bytes is not None and board.memory_bytes < _MEMORY_LEAST:
        yield f"{board.memory_bytes / 1e6:.0f} MB of memory; expected a board of 512 MB or more"
    if board.page_bytes is not None and board.page_bytes > _PAGE_BYTES_MOST:
        yield f"memory pages of {board.page_bytes} bytes; the wheels load with {_PAGE_BYTES_MOST} or less"


def _python(board: Board) -> Iterator[str]:
    if board.python_minor not in PYTHONS:
        found = board.python_version or "none"
        yield f"Python {found}; expected one of {', '.join(PYTHONS)}: sudo apt install python3, on Debian 12 or 13"
    elif not board.venv:
        yield "its Python cannot make virtual environments; sudo apt install python3-venv"


def _rights(board: Board) -> Iterator[str]:
    if board.rights == "no":
        yield (
            f"{board.login} is not root and sudo asks for a password; on the board, type once: "
            f"echo '{board.login} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/010-{board.login}, "
            "or deploy as root"
        )


def _folders(board: Board) -> Iterator[str]:
    if board.read_only and board.rights != "no":
        yield (
            f"{', '.join(board.read_only)} cannot be written; with a read-only root, type on the board first: "
            "sudo mount -o remount,rw / (and ro again afterwards)"
        )
    if board.overlay_root:
        yield (
            "its root is an overlay: what is written would be gone after a reboot; turn it off first "
            "(sudo raspi-config, Performance Options, Overlay File System), reboot, and on again afterwards"
        )
    if board.foreign_unit is not None:
        yield (
            f"{board.foreign_unit} was not made by a deployment; if it may go: sudo systemctl disable --now firetower; "
            f"sudo rm {board.foreign_unit}"
        )


def _doubts(board: Board) -> Iterator[str]:
    if board.architecture == "amd64":
        yield "an x86-64 machine, good for a trial; its figures say nothing of a Pi"
    if board.os_codename not in _RELEASES:
        yield f"{board.os_name} is neither Debian 12 (bookworm) nor 13 (trixie), which firetower is made for"
    if board.memory_bytes is not None and _MEMORY_LEAST <= board.memory_bytes < _MEMORY_GOOD:
        yield f"{board.memory_bytes / 1e6:.0f} MB of memory is little; watch the daemon's RSS on its page"


def _clock(board: Board, now_s: float) -> Iterator[str]:
    if board.clock_synchronised is False:
        yield "its clock is not synchronised: events are marked so until it is; see timedatectl there"
    off_s = 0.0 if board.epoch_s is None else board.epoch_s - now_s
    if abs(off_s) > _CLOCK_OFF_S:
        yield f"its clock is {abs(off_s):.0f} s {'behind' if off_s < 0 else 'ahead of'} this one"


def _power(board: Board) -> Iterator[str]:
    if board.throttled is None:
        return
    try:
        flags = parse_throttled(board.throttled)
    except DeviceError:
        return
    if flags.now:
        yield f"held back now: {', '.join(flags.now)}; see to its power supply and its cooling"
    if past := [flag for flag in flags.since_boot if flag not in flags.now]:
        yield f"held back since it booted: {', '.join(past)}"


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None
