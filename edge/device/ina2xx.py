"""A power monitor of the INA2xx family between the supply and the board, through the kernel's hwmon files."""

from __future__ import annotations

from pathlib import Path

from edge.device import sysfs
from edge.device.power import Reading
from edge.errors import DeviceError

_CHIPS = tuple(f"ina{number}" for number in (209, 219, 220, 226, 228, 230, 231, 237, 238, 260, 3221))


class Ina2xx:
    """The power of channel 1 of one chip.

    Args:
        folder: its hwmon folder.
        chip: its name, such as ina226.
    """

    idle_w = None

    def __init__(self, folder: Path, chip: str) -> None:
        self._folder = folder
        self.source = f"measured:{chip}"

    def read(self) -> Reading:
        """Return the power now: the chip's own figure, else bus voltage times current.

        Raises:
            DeviceError: the files cannot be read, or the power is negative.

        Source: kernel documentation, hwmon/ina2xx and hwmon/ina3221 (power in µW, in1 in mV, curr1 in mA).
        """
        microwatts = sysfs.number(self._folder / "power1_input")
        if microwatts is None:
            millivolts = sysfs.number(self._folder / "in1_input")
            milliamperes = sysfs.number(self._folder / "curr1_input")
            if millivolts is None or milliamperes is None:
                raise DeviceError(f"{self._folder}: neither power1_input nor in1_input and curr1_input")
            microwatts = millivolts * milliamperes
        if microwatts < 0:
            raise DeviceError(f"{self._folder}: {microwatts} µW is negative; turn the shunt's ends around")
        return Reading(watts=microwatts / 1e6)


def find_ina2xx(root: Path = Path("/")) -> Ina2xx | None:
    """Return the first chip of the family that can be read; None when there is none."""
    for folder in sysfs.folders(root / "sys/class/hwmon", "hwmon*"):
        chip = sysfs.text(folder / "name")
        if chip in _CHIPS:
            monitor = Ina2xx(folder, chip)
            try:
                monitor.read()
            except DeviceError:
                continue
            return monitor
    return None
