"""RAPL: the energy counters of x86 processors, through the kernel's powercap files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.device import sysfs
from edge.device.power import Reading
from edge.errors import DeviceError


@dataclass
class _Package:
    """One processor package, with where its counter stood last."""

    folder: Path
    range_uj: int
    last_uj: int


class Rapl:
    """The processor packages' energy (not the whole machine's).

    Args:
        folders: the packages' powercap folders.

    Raises:
        DeviceError: one cannot be read; since Linux 5.10 only root may.
    """

    source = "measured:rapl"
    idle_w = None

    def __init__(self, folders: list[Path]) -> None:
        self._total_uj = 0
        self._packages = []
        for folder in folders:
            range_uj = sysfs.number(folder / "max_energy_range_uj")
            if range_uj is None or range_uj <= 0:
                raise DeviceError(f"{folder}: cannot read max_energy_range_uj")
            self._packages.append(_Package(folder, range_uj, _energy_uj(folder)))

    def read(self) -> Reading:
        """Return the energy since the start; a counter may wrap around once between two calls.

        Raises:
            DeviceError: a counter cannot be read.

        Source: kernel documentation, power/powercap (energy_uj goes up to max_energy_range_uj, then from 0).
        """
        readings = [_energy_uj(package.folder) for package in self._packages]
        for package, now_uj in zip(self._packages, readings, strict=True):
            step_uj = now_uj - package.last_uj
            self._total_uj += step_uj if step_uj >= 0 else step_uj + package.range_uj
            package.last_uj = now_uj
        return Reading(joules=self._total_uj / 1e6)


def _energy_uj(folder: Path) -> int:
    """Return a package's counter."""
    energy_uj = sysfs.number(folder / "energy_uj")
    if energy_uj is None or energy_uj < 0:
        raise DeviceError(f"{folder}: cannot read energy_uj; reading it takes root or a udev rule")
    return energy_uj


def find_rapl(root: Path = Path("/")) -> Rapl | None:
    """Return the packages' counters; None when there are none or they may not be read."""
    folders = [
        folder
        for folder in sysfs.folders(root / "sys/class/powercap", "intel-rapl:*")
        if (sysfs.text(folder / "name") or "").startswith("package-")
    ]
    try:
        return Rapl(folders) if folders else None
    except DeviceError:
        return None
