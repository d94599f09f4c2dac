"""A simulated board's files, where the daemon looks: below a root folder as `edge.device` takes one, and vcgencmd.

The daemon's own readers read them; nothing in `edge` knows that they are simulated but for the device tree's model.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from edge.errors import DeviceError
from firmware_sim.physics.plant import Moment
from firmware_sim.physics.profile import Profile

_THERMAL = "sys/class/thermal/thermal_zone0"
_MONITOR = "sys/class/hwmon/hwmon0"
_BATTERY = "sys/class/power_supply/BAT0"
_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_ANSWERS = "opt/vcgencmd"
PROGRAM = "bin/vcgencmd"
_SCRIPT = """#!/bin/sh
# A simulated Raspberry Pi's; it knows get_throttled, measure_temp and, on a Pi 5, pmic_read_adc.
exec cat "$(dirname "$0")/../{answers}/$1"
"""
_RAIL_V = 5.1
_SILENCED = {"soc": f"{_THERMAL}/temp", "gauge": f"{_BATTERY}/capacity"}


class Body:
    """One board's files.

    Args:
        root: an empty folder, which stands for `/`; `bin/` below it, in PATH, brings `vcgencmd`.
        profile: of the board.
        gauge: whether the kernel tells the battery's charge; a charge controller alone does not.
        monitor: whether an INA226 measures the board's power.
        memory_bytes: of the board.
        shared: whether others read while it writes; else files are changed in place, which is faster.
    """

    def __init__(
        self,
        root: Path,
        profile: Profile,
        *,
        gauge: bool = True,
        monitor: bool = True,
        memory_bytes: int = 1 << 30,
        shared: bool = True,
    ) -> None:
        self.root, self._profile, self._shared = root, profile, shared
        self._gauge, self._monitor = gauge, monitor
        board = profile.board
        kilobytes = memory_bytes // 1024
        self._write("proc/device-tree/model", f"{board.model} (simulated)\0")
        self._write("proc/meminfo", f"MemTotal: {kilobytes} kB\nMemAvailable: {kilobytes // 2} kB\n")
        if board.thermal_zone:
            self._write(f"{_THERMAL}/type", "cpu-thermal\n")
        if monitor:
            self._write(f"{_MONITOR}/name", "ina226\n")
        if gauge:
            for name, text in (("type", "Battery"), ("scope", "System"), ("present", "1")):
                self._write(f"{_BATTERY}/{name}", f"{text}\n")
        self._write(PROGRAM, _SCRIPT.format(answers=_ANSWERS))
        (root / PROGRAM).chmod(0o755)

    def show(self, moment: Moment, silent: Collection[str] = ()) -> None:
        """Write how the board is. Where it is shared, each file changes at once: no reader meets half a number.

        Args:
            moment: how it is.
            silent: of `soc` and `gauge`, what says nothing: its files are gone.
        """
        board = self._profile.board
        for path in (_SILENCED[name] for name in silent):
            (self.root / path).unlink(missing_ok=True)
        if board.thermal_zone and "soc" not in silent:
            self._write(f"{_THERMAL}/temp", f"{round(moment.soc_c * 1000)}\n")
        if board.throttle_flags:
            self._write(_FIRMWARE, f"{moment.throttled:x}\n")
            self._write(f"{_ANSWERS}/get_throttled", f"throttled=0x{moment.throttled:x}\n")
        self._write(f"{_ANSWERS}/measure_temp", f"temp={moment.soc_c:.1f}'C\n")
        if board.power_sensor:
            self._write(f"{_ANSWERS}/pmic_read_adc", _rails(moment.board_w))
        if self._monitor:
            self._write(f"{_MONITOR}/in1_input", f"{round(moment.supply_v * 1e3)}\n")
            self._write(f"{_MONITOR}/curr1_input", f"{round(moment.board_w / moment.supply_v * 1e3)}\n")
            self._write(f"{_MONITOR}/power1_input", f"{round(moment.board_w * 1e6)}\n")
        if self._gauge and "gauge" not in silent:
            status = (
                "Full" if moment.stage == "float" else "Charging" if moment.battery_a > 0 else "Discharging"
            )
            self._write(f"{_BATTERY}/status", f"{status}\n")
            self._write(f"{_BATTERY}/capacity", f"{round(moment.charge * 100)}\n")
            self._write(f"{_BATTERY}/voltage_now", f"{round(moment.battery_v * 1e6)}\n")
            self._write(f"{_BATTERY}/current_now", f"{round(moment.battery_a * 1e6)}\n")

    def run(self, arguments: Sequence[str]) -> str:
        """Answer as `vcgencmd` does, without a process: an `edge.device.command.RunCommand`.

        Raises:
            DeviceError: it is another program, or has no such answer.
        """
        try:
            if arguments[0] == "vcgencmd" and arguments[1].isidentifier():
                return (self.root / _ANSWERS / arguments[1]).read_text(encoding="utf-8")
        except (IndexError, OSError):
            pass
        raise DeviceError(f"{' '.join(arguments)}: a simulated board has no answer")

    def _write(self, path: str, text: str) -> None:
        file = self.root / path
        if not self._shared and file.exists():
            with file.open("r+b") as opened:
                opened.write(text.encode())
                opened.truncate()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(file)


def _rails(board_w: float) -> str:
    """Return what a Pi 5's power chip says of one rail that carries all of it."""
    return (
        f"   EXT5V_SIM_A current(0)={board_w / _RAIL_V:.8f}A\n   EXT5V_SIM_V volt(8)={_RAIL_V:.8f}V\n"
        f"     BATT_V volt(25)=0.00000000V\n"
    )
