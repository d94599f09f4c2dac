"""A model of energy from the daemon's CPU time and watts a busy core, for boards without a power sensor."""

from __future__ import annotations

from pathlib import Path

from edge.device.power import Reading
from edge.device.process import read_cpu_s
from edge.errors import DeviceError


class CpuTime:
    """CPU seconds of this process times watts a busy core, on top of the board's idle power.

    What other processes of the board do is not seen, nor what a camera or a radio draws.

    Args:
        source: "modelled:…".
        watts_per_busy_core: what one busy core adds.
        idle_w: the board's idle power; None when unknown, and then only energy above idle is known.
        root: where proc/ is.
    """

    def __init__(
        self, source: str, watts_per_busy_core: float, idle_w: float | None, root: Path = Path("/")
    ) -> None:
        self.source = source
        self.idle_w = idle_w
        self._watts_per_busy_core = watts_per_busy_core
        self._root = root

    def read(self) -> Reading:
        """Return the energy above idle since the process began.

        Raises:
            DeviceError: the CPU time cannot be read.
        """
        cpu_s = read_cpu_s(self._root)
        if cpu_s is None:
            raise DeviceError(f"{self._root / 'proc/self/stat'}: cannot read the CPU time")
        return Reading(joules_above_idle=cpu_s * self._watts_per_busy_core)
