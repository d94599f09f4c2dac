"""A board that runs Linux: its facts from procfs, sysfs and the device tree, below a root folder."""

from __future__ import annotations

import math
from pathlib import Path

from edge.device import battery, raspberry_pi, sysfs
from edge.device.command import RunCommand, run_command
from edge.device.device import Condition

_SOC_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp")


class LinuxDevice:
    """The board below `root`; only the kernel's files and, on a Raspberry Pi, vcgencmd are asked.

    Args:
        root: where proc/ and sys/ are; a folder of files stands in for a board.
        run: runs a program; vcgencmd is asked only where the kernel does not show the throttling flags.
    """

    def __init__(self, root: Path = Path("/"), run: RunCommand = run_command) -> None:
        self._root = root
        self._run = run
        self.model = board_model(root)
        self.memory_total_bytes = _meminfo_bytes(root, "MemTotal")
        self._zone = _soc_zone(root)

    def read(self) -> Condition:
        """Return how the board does now; never raises."""
        flags = None
        if self.model is not None and self.model.startswith("Raspberry Pi"):
            flags = raspberry_pi.throttling(self._root, self._run)
        return Condition(
            temperature_c=_temperature_c(self._zone),
            throttling=None if flags is None else flags.now,
            throttled_since_boot=None if flags is None else flags.since_boot,
            charge=battery.charge(self._root),
            load_1min=_load_1min(self._root),
            memory_available_bytes=_meminfo_bytes(self._root, "MemAvailable"),
        )


def board_model(root: Path = Path("/")) -> str | None:
    """Return the device tree's model; None on a machine without one."""
    return sysfs.text(root / "proc/device-tree/model")


def _soc_zone(root: Path) -> Path | None:
    """Return the thermal zone of the SoC, else the first one; None when there is none."""
    zones = sysfs.folders(root / "sys/class/thermal", "thermal_zone*")
    for zone in zones:
        if sysfs.text(zone / "type") in _SOC_ZONES:
            return zone
    return zones[0] if zones else None


def _temperature_c(zone: Path | None) -> float | None:
    """Return the zone's temperature; the kernel gives millidegrees. Source: thermal sysfs API."""
    millidegrees = None if zone is None else sysfs.number(zone / "temp")
    return None if millidegrees is None else millidegrees / 1000


def _load_1min(root: Path) -> float | None:
    """Return the first figure of loadavg."""
    content = sysfs.text(root / "proc/loadavg")
    try:
        load = float((content or "").split()[0])
    except (IndexError, ValueError):
        return None
    return load if math.isfinite(load) else None


def _meminfo_bytes(root: Path, field: str) -> int | None:
    """Return one field of meminfo, which the kernel gives in KiB."""
    for line in (sysfs.text(root / "proc/meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            words = value.split()
            return int(words[0]) * 1024 if words and words[0].isdecimal() else None
    return None
