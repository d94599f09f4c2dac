"""What the daemon takes: memory, CPU time, threads and descriptors, from procfs below a root folder."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The process's memory; None where the kernel does not say.

    Attributes:
        rss_bytes: resident now (VmRSS).
        pss_bytes: resident now, with shared pages divided among those who share them (smaps_rollup).
        peak_rss_bytes: the largest resident size so far (VmHWM).
    """

    rss_bytes: int | None = None
    pss_bytes: int | None = None
    peak_rss_bytes: int | None = None


def read_memory(root: Path = Path("/")) -> Memory:
    """Return the memory now; never raises. Source: proc(5)."""
    status = root / "proc/self/status"
    return Memory(
        rss_bytes=_field_bytes(status, "VmRSS"),
        pss_bytes=_field_bytes(root / "proc/self/smaps_rollup", "Pss"),
        peak_rss_bytes=_field_bytes(status, "VmHWM"),
    )


def read_cpu_s(root: Path = Path("/")) -> float | None:
    """Return the CPU time of all threads so far, user and system, in steps of 10 ms; None when unknown."""
    fields = _stat_fields(root)
    try:
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (IndexError, ValueError):
        return None


def read_threads(root: Path = Path("/")) -> int | None:
    """Return how many threads run; None when unknown."""
    fields = _stat_fields(root)
    try:
        return int(fields[17])
    except (IndexError, ValueError):
        return None


def read_descriptors(root: Path = Path("/")) -> int | None:
    """Return how many file descriptors are open; None when unknown."""
    try:
        return len(os.listdir(root / "proc/self/fd")) - (root == Path("/"))  # noqa: PTH208 (names are enough)
    except OSError:
        return None


def _stat_fields(root: Path) -> list[str]:
    """Return the fields of stat from the third on; the second is a name that may hold blanks and brackets."""
    try:
        content = (root / "proc/self/stat").read_text(errors="replace")
    except OSError:
        return []
    return content.rpartition(")")[2].split()


def _field_bytes(file: Path, name: str) -> int | None:
    """Return a field that the kernel gives in KiB."""
    try:
        content = file.read_text(errors="replace")
    except OSError:
        return None
    for line in content.splitlines():
        field, _, value = line.partition(":")
        words = value.split()
        if field == name and words and words[0].isdecimal():
            return int(words[0]) * 1024
    return None
