"""The battery, through the kernel's power_supply files: its charge, its voltage, and what the board draws from it."""

from __future__ import annotations

from pathlib import Path

from edge.device import sysfs
from edge.device.power import Reading
from edge.errors import DeviceError


class Battery:
    """The power drawn from one battery; unknown while it is charged, for then something else feeds the board.

    Args:
        folder: its power_supply folder.
    """

    source = "measured:battery"
    idle_w = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Reading:
        """Return the power now. Drivers disagree about the sign of a discharge, so `status` decides.

        Raises:
            DeviceError: it is not discharging, or the files cannot be read.

        Source: kernel documentation, ABI/testing/sysfs-class-power (µW, µV, µA).
        """
        status = sysfs.text(self._folder / "status")
        if status != "Discharging":
            raise DeviceError(f"{self._folder}: {status}; the board's power is known while it is Discharging")
        watts = _watts(self._folder)
        if watts is None:
            raise DeviceError(f"{self._folder}: no power_now, and not both of voltage_now and current_now")
        return Reading(watts=watts)


def _watts(folder: Path) -> float | None:
    """Return the size of the power through the battery, whichever way it flows."""
    microwatts = sysfs.number(folder / "power_now")
    if microwatts is not None:
        return abs(microwatts) / 1e6
    microvolts, microamperes = sysfs.number(folder / "voltage_now"), sysfs.number(folder / "current_now")
    return None if microvolts is None or microamperes is None else abs(microvolts * microamperes) / 1e12


def _batteries(root: Path) -> list[Path]:
    """Return the folders of batteries that feed the board, not those of a mouse or a headset."""
    return [
        folder
        for folder in sysfs.folders(root / "sys/class/power_supply", "*")
        if sysfs.text(folder / "type") == "Battery" and sysfs.text(folder / "scope") != "Device"
    ]


def find_battery(root: Path = Path("/")) -> Battery | None:
    """Return the first battery that tells its power, charging or not; None when there is none."""
    for folder in _batteries(root):
        if _watts(folder) is not None:
            return Battery(folder)
    return None


def charge(root: Path = Path("/")) -> float | None:
    """Return the state of charge of the first battery that tells it, 0 to 1; None when none does."""
    for folder in _batteries(root):
        percent = sysfs.number(folder / "capacity")
        if percent is not None and 0 <= percent <= 100:
            return percent / 100
    return None


def voltage_v(root: Path = Path("/")) -> float | None:
    """Return the voltage of the first battery that tells it; None when none does."""
    for folder in _batteries(root):
        microvolts = sysfs.number(folder / "voltage_now")
        if microvolts is not None:
            return microvolts / 1e6
    return None
