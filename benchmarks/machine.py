"""The machine that a figure was measured on: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from edge.model.registry import BACKENDS

PACKAGES = (
    "firetower",
    *(backend.distribution for backend in BACKENDS.values()),
    "numpy",
    "opencv-python-headless",
)
_DOT_PRODUCTS = (
    "asimddp",
    "i8mm",
    "sve",
    "avx2",
    "avx512_vnni",
    "avx_vnni",
    "amx_int8",
)  # what INT8 speed hangs on


def describe(root: Path = Path("/")) -> dict[str, Any]:
    """Return the processor, the kernel, the packages and how busy it was; None for what is unknown.

    Args:
        root: where procfs and sysfs are looked for.
    """
    cpuinfo = _fields(root / "proc/cpuinfo")
    flags = set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())
    cores = os.cpu_count()
    return {
        "cpu": _cpu(cpuinfo),
        "board": (_text(root / "proc/device-tree/model") or "").strip("\0") or None,
        "architecture": platform.machine(),
        "cores": cores,
        "int8_instructions": sorted(flags & set(_DOT_PRODUCTS)),
        "governor": _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "frequency_max_khz": _number(root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
        "memory_bytes": _memory_bytes(root),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "temperature_mc": _number(root / "sys/class/thermal/thermal_zone0/temp"),
        "load_before": (_text(root / "proc/loadavg") or "").split()[:3] or None,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit(folder: Path = Path(__file__).parent) -> str | None:
    """Return the git commit of the code, with '-dirty' if it was changed; None outside of its own checkout."""
    if not (folder.parent / ".git").exists():
        return None
    status = ["git", "--no-optional-locks", "-C", str(folder), "status", "--porcelain=v2", "--branch", "-uno"]
    try:
        said = subprocess.run(status, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    first, *rest = said.stdout.splitlines()
    changed = any(not line.startswith("# ") for line in rest)
    return first.removeprefix("# branch.oid ") + ("-dirty" if changed else "")


def warnings(machine: dict[str, Any]) -> list[str]:
    """Return what makes figures of this machine doubtful."""
    found = []
    load = machine.get("load_before")
    if load and load[0] and machine["cores"] and float(load[0]) > 0.3 * machine["cores"]:
        found.append(f"the machine was busy before: load {load[0]} on {machine['cores']} cores")
    if machine["governor"] not in {None, "performance"}:
        found.append(f"the governor is '{machine['governor']}': the clock follows the load")
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip() or None
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None


def _fields(path: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in (_text(path) or "").splitlines())
    return {key.strip(): value.strip() for key, _, value in reversed(list(lines))}


def _cpu(cpuinfo: dict[str, str]) -> str | None:
    """Return what the processor calls itself; on Arm that may be only its part number, such as 0xd0b (Cortex-A76)."""
    for key in ("model name", "Model", "Hardware"):
        if cpuinfo.get(key):
            return cpuinfo[key]
    part = cpuinfo.get("CPU part")
    return None if part is None else f"implementer {cpuinfo.get('CPU implementer', '?')}, part {part}"


def _memory_bytes(root: Path) -> int | None:
    words = _fields(root / "proc/meminfo").get("MemTotal", "").split()
    return int(words[0]) * 1024 if words and words[0].isdigit() else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
