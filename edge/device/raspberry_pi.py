"""What only a Raspberry Pi tells: its throttling flags, and a Pi 5's power from its power management chip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edge.device import sysfs
from edge.device.command import RunCommand
from edge.device.device import Throttle
from edge.device.power import Reading
from edge.errors import DeviceError

# Bits 0 to 3 are now, bits 16 to 19 since boot. Source: Raspberry Pi documentation, vcgencmd get_throttled.
_FLAGS: tuple[Throttle, ...] = ("under-voltage", "frequency-capped", "throttled", "soft-temperature-limit")
_RAIL = re.compile(r"^\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)[AV]\s*$", re.ASCII)
_PMIC_BOARDS = ("Raspberry Pi 5", "Raspberry Pi Compute Module 5", "Raspberry Pi 500")


@dataclass(frozen=True, slots=True)
class Throttling:
    """What holds the processor back now, and what has since boot."""

    now: tuple[Throttle, ...]
    since_boot: tuple[Throttle, ...]


def parse_throttled(output: str) -> Throttling:
    """Read the flags from the kernel's hexadecimal file or from `vcgencmd get_throttled`.

    Args:
        output: "50005" or "throttled=0x50005".

    Raises:
        DeviceError: it is neither.
    """
    match = re.fullmatch(r"\s*(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})\s*", output)
    if match is None:
        raise DeviceError(f"get_throttled: got {output[:80]!r}, expected throttled=0x…")
    bits = int(match[1], 16)
    now = tuple(flag for index, flag in enumerate(_FLAGS) if bits >> index & 1)
    since_boot = tuple(flag for index, flag in enumerate(_FLAGS) if bits >> (16 + index) & 1)
    return Throttling(now, since_boot)


def throttling(root: Path, run: RunCommand) -> Throttling | None:
    """Return the flags; the kernel's file first, for it starts no process. None when neither answers."""
    try:
        for file in sysfs.folders(root / "sys/devices/platform", "soc*/*firmware/get_throttled"):
            content = sysfs.text(file)
            if content is not None:
                return parse_throttled(content)
        return parse_throttled(run(["vcgencmd", "get_throttled"]))
    except DeviceError:
        return None


def parse_pmic(output: str) -> float:
    """Return the watts in `vcgencmd pmic_read_adc`: current times voltage, summed over the rails.

    Raises:
        DeviceError: no rail has a current, or one has no voltage (the output is cut off).
    """
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for line in output.splitlines():
        if match := _RAIL.match(line):
            (amperes if match[2] == "A" else volts)[match[1]] = float(match[3])
    if not amperes:
        raise DeviceError("vcgencmd pmic_read_adc: no rail has a current; is this a Raspberry Pi 5?")
    if missing := sorted(amperes.keys() - volts.keys()):
        raise DeviceError(
            f"vcgencmd pmic_read_adc: no voltage of {', '.join(missing)}; the output is cut off"
        )
    return sum(current * volts[rail] for rail, current in amperes.items())


class Pmic:
    """The power management chip of a Pi 5: the rails behind it, without its own losses and USB devices."""

    source = "measured:pi5-pmic"
    idle_w = None

    def __init__(self, run: RunCommand) -> None:
        self._run = run

    def read(self) -> Reading:
        """Return the power now.

        Raises:
            DeviceError: vcgencmd fails or answers something else.
        """
        return Reading(watts=parse_pmic(self._run(["vcgencmd", "pmic_read_adc"])))


def find_pmic(model: str | None, run: RunCommand) -> Pmic | None:
    """Return the chip of a Pi 5; None on another board or when it does not answer."""
    if model is None or not model.startswith(_PMIC_BOARDS):
        return None
    pmic = Pmic(run)
    try:
        pmic.read()
    except DeviceError:
        return None
    return pmic
