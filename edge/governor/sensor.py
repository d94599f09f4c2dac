"""Where readings come from: the board's own sensors, a charge controller, a file or a command of the operator's."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from edge.clock import Clock
from edge.device import battery
from edge.device.command import run_bounded
from edge.device.device import Device
from edge.device.ve_direct import OpenPort, SerialPort, VeDirect, number
from edge.document import read_text
from edge.errors import DeviceError
from edge.governor.reading import Sample

STATED_BYTES = 4096
_FIELDS = ("charge", "voltage_v", "temperature_c", "throttling", "load_w", "panel_w")


class Sensor(Protocol):
    """Something that says one or several of the quantities."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def read(self) -> Sample:
        """Return what it says now; it waits for two seconds at most.

        Raises:
            DeviceError: nothing now; the next time may succeed.
        """
        ...


class BoardSensor:
    """The board itself: heat and flags, and a battery that the kernel knows.

    A battery's voltage counts only where it tells no charge.

    Args:
        device: the board.
        root: where sys/ is.
    """

    name = "board"

    def __init__(self, device: Device, root: Path = Path("/")) -> None:
        self._device, self._root = device, root

    def read(self) -> Sample:
        """Return what it says; never raises."""
        now = self._device.read()
        voltage_v = battery.voltage_v(self._root) if now.charge is None else None
        return Sample(now.charge, voltage_v, now.temperature_c, now.throttling)


class VeDirectSensor:
    """A charge controller or a battery monitor."""

    name = "ve_direct"

    def __init__(self, device: VeDirect) -> None:
        self._device = device

    def read(self) -> Sample:
        """Return its newest block. Raises DeviceError: there is none.

        Source: VE.Direct Protocol: V in mV, IL in mA, PPV in W, SOC in thousandths.
        """
        block = self._device.read()
        millivolts, milliamperes = number(block, "V"), number(block, "IL")
        thousandths, panel = number(block, "SOC"), number(block, "PPV")
        load_w = None if millivolts is None or milliamperes is None else millivolts * milliamperes / 1e6
        return Sample(
            charge=None if thousandths is None else thousandths / 1000,
            voltage_v=None if millivolts is None else millivolts / 1000,
            load_w=load_w,
            panel_w=None if panel is None else float(panel),
        )


class _Stated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file or a command may state; see `Sample`."""

    charge: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    load_w: float | None = None
    panel_w: float | None = None


class StatedSensor:
    """A file or a command of the operator's, with lines such as `voltage_v = 12.4`.

    Args:
        name: for people.
        text: returns what it says; raises DeviceError where it says nothing.
    """

    def __init__(self, name: str, text: Callable[[], str]) -> None:
        self.name, self._text = name, text

    def read(self) -> Sample:
        """Return what it states. Raises DeviceError: nothing, or something else."""
        try:
            stated = msgspec.convert(tomllib.loads(self._text()), _Stated)
        except (ValueError, RecursionError) as error:  # tomllib's and msgspec's own
            raise DeviceError(f"{self.name}: expected lines such as 'voltage_v = 12.4': {error}") from error
        values = msgspec.structs.asdict(stated)
        if not all(value is None or math.isfinite(value) for value in values.values()):
            raise DeviceError(f"{self.name}: expected finite numbers")
        return Sample(**values)


def file_sensor(path: Path) -> StatedSensor:
    """Return a sensor that reads a file anew each time."""

    def text() -> str:
        try:
            return read_text(path, STATED_BYTES)
        except OSError as error:
            raise DeviceError(f"{path}: {error.strerror}") from error

    return StatedSensor("file", text)


def command_sensor(arguments: Sequence[str]) -> StatedSensor:
    """Return a sensor that runs a program each time, for two seconds and 4096 bytes at most."""
    return StatedSensor("command", lambda: run_bounded(arguments, STATED_BYTES))


def sensors_of(
    *,
    ve_direct: str | None,
    file: str | None,
    command: Sequence[str],
    device: Device,
    clock: Clock,
    root: Path = Path("/"),
    open_port: OpenPort = SerialPort,
) -> tuple[Sensor, ...]:
    """Return the sensors that are configured, and the board behind them: who comes first is believed."""
    found: list[Sensor] = []
    if ve_direct is not None:
        found.append(VeDirectSensor(VeDirect(Path(ve_direct), clock, open_port)))
    if file is not None:
        found.append(file_sensor(Path(file)))
    if command:
        found.append(command_sensor(command))
    return (*found, BoardSensor(device, root))


def read_all(sensors: Sequence[Sensor]) -> tuple[Sample, Mapping[str, str]]:
    """Return what sensors say together, and why those that say nothing do not, by their names.

    Each quantity is of the first sensor that says it; throttling and heat are the board's, unless another says them.
    """
    whole, faults = Sample(), {}
    for sensor in sensors:
        try:
            said = sensor.read()
        except DeviceError as error:
            faults[sensor.name] = str(error)
            continue
        missing = {field: getattr(said, field) for field in _FIELDS if getattr(whole, field) is None}
        whole = replace(whole, **missing)
    return whole, faults
