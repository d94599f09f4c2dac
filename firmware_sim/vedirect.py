"""What a solar charger of Victron's says on its VE.Direct port, and a serial line on which it says so.

Source: VE.Direct protocol, text mode: 19200 baud, a block a second, all bytes of a block add up to 0 modulo 256.
"""

from __future__ import annotations

import os
import tty
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from firmware_sim.physics.panel import Panel
from firmware_sim.physics.plant import Moment, Stage

_STATES: dict[Stage, int] = {"off": 0, "bulk": 3, "absorption": 4, "float": 5}
_OFF, _LIMITED, _TRACKING = 0, 1, 2
_PERIOD_S = 1.0


def block(fields: Mapping[str, str]) -> bytes:
    """Return one block: its fields in their order, and the checksum."""
    text = "".join(f"\r\n{name}\t{value}" for name, value in fields.items())
    body = text.encode("ascii") + b"\r\nChecksum\t"
    return body + bytes((-sum(body) % 256,))


class Charger:
    """A solar charger (SmartSolar MPPT 75/15) with a load output, and its counters.

    Args:
        panel: that hangs on it.
        shunt: whether it also tells the state of charge, as a battery monitor does and a charger alone does not.
    """

    def __init__(self, panel: Panel, *, shunt: bool = False) -> None:
        self._panel, self._shunt = panel, shunt
        self._time_s: float | None = None
        self._day: tuple[int, int] | None = None
        self._number = 0
        self._total_j = self._today_j = self._yesterday_j = 0.0
        self._best_w = self._yesterday_best_w = 0.0

    def fields(self, moment: Moment) -> dict[str, str]:
        """Return what it says at a moment; called with each moment, its counters stay right."""
        self._count(moment)
        lit = moment.stage != "off"
        tracking = _OFF if not lit else _TRACKING if moment.stage == "bulk" else _LIMITED
        return {
            "PID": "0xA053",
            "FW": "159",
            "SER#": "SIMULATED",
            "V": _milli(moment.battery_v),
            "I": _milli(moment.battery_a + moment.load_a),  # out of the charger, before its load output
            "VPV": _milli(self._panel.peak_v if lit else 0.0),
            "PPV": f"{moment.panel_w:.0f}",
            "CS": str(_STATES[moment.stage]),
            "MPPT": str(tracking),
            "OR": "0x00000000" if lit else "0x00000001",
            "ERR": "0",
            "LOAD": "ON" if moment.on else "OFF",
            "IL": _milli(moment.load_a),
            **({"SOC": f"{moment.charge * 1000:.0f}"} if self._shunt else {}),
            "H19": _hundredths(self._total_j),
            "H20": _hundredths(self._today_j),
            "H21": f"{self._best_w:.0f}",
            "H22": _hundredths(self._yesterday_j),
            "H23": f"{self._yesterday_best_w:.0f}",
            "HSDS": str(self._number),
        }

    def _count(self, moment: Moment) -> None:
        date = datetime.fromtimestamp(moment.time_s, UTC)
        day = (date.year, date.timetuple().tm_yday)
        if self._day not in {None, day}:
            self._yesterday_j, self._yesterday_best_w = self._today_j, self._best_w
            self._today_j = self._best_w = 0.0
            self._number = (self._number + 1) % 365
        joules = 0.0 if self._time_s is None else moment.panel_w * (moment.time_s - self._time_s)
        self._total_j += joules
        self._today_j += joules
        self._best_w = max(self._best_w, moment.panel_w)
        self._time_s, self._day = moment.time_s, day


class SerialLine:
    """A pseudo-terminal on which a charger speaks once a second of simulated time.

    Nobody need listen: what the line cannot hold is lost, as on a real one.

    Args:
        charger: who speaks.

    Raises:
        OSError: there is no pseudo-terminal left.
    """

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self._last_s: float | None = None

    def show(self, moment: Moment) -> None:
        """Say how it is, once for each whole second or longer step since the last block."""
        fields = self._charger.fields(moment)
        if self._last_s is not None and moment.time_s - self._last_s < _PERIOD_S:
            return
        self._last_s = moment.time_s
        with suppress(BlockingIOError):
            os.write(self._ours, block(fields))

    def close(self) -> None:
        """Pull the plug: who listens reads an end or an error."""
        os.close(self._ours)
        os.close(self._theirs)


class Cable:
    """The same bytes without a pseudo-terminal, in which the kernel takes its own time.

    It is an `edge.device.ve_direct.Port`.

    Args:
        charger: who speaks.
        moment: returns how the tower is now; None: the charger is silent.
    """

    def __init__(self, charger: Charger, moment: Callable[[], Moment | None]) -> None:
        self._charger, self._moment = charger, moment

    def read(self) -> bytes:
        """Return the block of now."""
        moment = self._moment()
        return b"" if moment is None else block(self._charger.fields(moment))

    def close(self) -> None:
        """Pull nothing: the charger speaks on."""


def _milli(value: float) -> str:
    return str(round(value * 1000))


def _hundredths(joules: float) -> str:
    """Return hundredths of a kWh."""
    return str(round(joules / 36_000))
