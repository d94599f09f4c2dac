"""Choosing how energy is known: the first sensor that answers, else a model, else nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from edge.device.battery import find_battery
from edge.device.board import find_board
from edge.device.command import RunCommand, run_command
from edge.device.cpu_time import CpuTime
from edge.device.ina2xx import find_ina2xx
from edge.device.linux import board_model
from edge.device.power import EnergyMeter, Unavailable
from edge.device.rapl import find_rapl
from edge.device.raspberry_pi import find_pmic
from edge.errors import DeviceError

EnergySource = Literal["auto", "pi5-pmic", "ina2xx", "battery", "rapl", "cpu-time", "off"]


def choose_meter(
    root: Path = Path("/"),
    source: EnergySource = "auto",
    watts_per_busy_core: float | None = None,
    run: RunCommand = run_command,
) -> EnergyMeter:
    """Return the meter that the configuration asks for.

    Args:
        root: where proc/ and sys/ are.
        source: one of the meters. auto takes the first that answers: an INA2xx, for it sees the whole board,
            the Pi 5's own, a battery, RAPL, CPU time.
        watts_per_busy_core: stated by the user; comes before the published figure of the board.
        run: runs vcgencmd.

    Raises:
        DeviceError: a named meter is not there.
    """
    model = board_model(root)
    finders: dict[str, Callable[[], EnergyMeter | None]] = {
        "ina2xx": lambda: find_ina2xx(root),
        "pi5-pmic": lambda: find_pmic(model, run),
        "battery": lambda: find_battery(root),
        "rapl": lambda: find_rapl(root),
        "cpu-time": lambda: _find_cpu_time(root, model, watts_per_busy_core),
    }
    if source == "off":
        return Unavailable()
    if source == "auto":
        return next((meter for find in finders.values() if (meter := find()) is not None), Unavailable())
    meter = finders[source]()
    if meter is None:
        raise DeviceError(
            f"energy.source: {source!r} is not to be had on {model or 'this machine'}; {_HINTS[source]}"
        )
    return meter


_HINTS = {
    "ina2xx": "load the chip's driver so that it shows under sys/class/hwmon, or choose 'auto'",
    "pi5-pmic": "it takes a Raspberry Pi 5 and vcgencmd, and membership of the group video; or choose 'auto'",
    "battery": "no battery under sys/class/power_supply tells its power; or choose 'auto'",
    "rapl": "sys/class/powercap must have intel-rapl and be readable, which takes root or a udev rule",
    "cpu-time": "no power figures are known for it: state watts_per_busy_core in [energy]",
}


def _find_cpu_time(root: Path, model: str | None, watts_per_busy_core: float | None) -> CpuTime | None:
    """Return the model with the stated watts, else with the board's; None without either."""
    board = find_board(model)
    if watts_per_busy_core is not None:
        return CpuTime("modelled:stated-watts", watts_per_busy_core, None, root)
    if board is None or board.watts_per_busy_core is None:
        return None
    return CpuTime(f"modelled:{board.name}-cpu-time", board.watts_per_busy_core, board.idle_w, root)
