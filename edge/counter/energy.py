"""Energy: readings of a meter, integrated over monotonic time, with how they are known.

A meter that cannot be read leaves a gap: the seconds beside a failed reading count as unmeasured, and the
frames in them are not divided by. Unknown is None, never 0.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import msgspec

from edge.device.power import EnergyMeter, Reading
from edge.errors import DeviceError


class EnergyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Energy since the start; None is unknown.

    Attributes:
        source: how it is known.
        idle_watts: the idle power, stated or the board's.
        watts: the power at the last reading.
        joules: over the measured seconds.
        joules_above_idle: the same without the idle power.
        frames: scored in the measured seconds.
        j_per_frame, j_per_frame_above_idle: joules over frames.
        measured_s, unmeasured_s: seconds with and without good readings at both ends.
        failed_readings: how often the meter could not be read.
    """

    source: str
    idle_watts: float | None
    watts: float | None
    joules: float | None
    joules_above_idle: float | None
    frames: int
    j_per_frame: float | None
    j_per_frame_above_idle: float | None
    measured_s: float
    unmeasured_s: float
    failed_readings: int


@dataclass(frozen=True, slots=True)
class _Sample:
    """A reading and when it was taken; the reading is None when it failed."""

    at_ns: int
    frames: int
    reading: Reading | None


class Energy:
    """Integrates one meter. Thread-safe.

    Args:
        meter: what is read.
        idle_w: the idle power that the user states; the meter's own if None.
    """

    def __init__(self, meter: EnergyMeter, idle_w: float | None = None) -> None:
        self._meter = meter
        self._idle_w = meter.idle_w if idle_w is None else idle_w
        self._lock = threading.Lock()
        self._last: _Sample | None = None
        self._above_idle = False
        self._watts: float | None = None
        self._joules = 0.0
        self._frames = 0
        self._measured_ns = 0
        self._unmeasured_ns = 0
        self._failed = 0

    def sample(self, now_ns: int, frames: int) -> None:
        """Read the meter, about once a second; never raises.

        Args:
            now_ns: monotonic time.
            frames: how many frames were scored so far.
        """
        try:
            reading = self._meter.read()
        except DeviceError:
            reading = None
        with self._lock:
            self._failed += reading is None
            sample = _Sample(now_ns, frames, reading)
            self._watts = None if reading is None else reading.watts
            if self._last is not None:
                self._integrate(self._last, sample)
            self._last = sample

    def _integrate(self, before: _Sample, after: _Sample) -> None:
        """Add the interval between two samples to what is measured, or to what is not."""
        elapsed_ns = after.at_ns - before.at_ns
        joules = _step_j(before.reading, after.reading, elapsed_ns / 1e9)
        if joules is None or after.reading is None or elapsed_ns <= 0:
            self._unmeasured_ns += max(0, elapsed_ns)
            return
        self._joules += joules
        self._frames += after.frames - before.frames
        self._measured_ns += elapsed_ns
        if after.reading.joules is not None:
            self._watts = joules / (elapsed_ns / 1e9)
        elif after.reading.joules_above_idle is not None:
            self._above_idle = True
            self._watts = None if self._idle_w is None else joules / (elapsed_ns / 1e9) + self._idle_w

    def report(self) -> EnergyReport:
        """Return the energy so far."""
        with self._lock:
            gross, above = self._totals_j()
            return EnergyReport(
                source=self._meter.source,
                idle_watts=self._idle_w,
                watts=self._watts,
                joules=gross,
                joules_above_idle=above,
                frames=self._frames,
                j_per_frame=_ratio(gross, self._frames),
                j_per_frame_above_idle=_ratio(above, self._frames),
                measured_s=self._measured_ns / 1e9,
                unmeasured_s=self._unmeasured_ns / 1e9,
                failed_readings=self._failed,
            )

    def _totals_j(self) -> tuple[float | None, float | None]:
        """Return the joules, gross and above idle."""
        if self._measured_ns == 0:
            return None, None
        idle_j = None if self._idle_w is None else self._idle_w * self._measured_ns / 1e9
        if self._above_idle:
            return (None if idle_j is None else self._joules + idle_j), self._joules
        return self._joules, (None if idle_j is None else self._joules - idle_j)


def _step_j(before: Reading | None, after: Reading | None, elapsed_s: float) -> float | None:
    """Return the energy between two readings; None when one is missing or a counter went back."""
    if before is None or after is None:
        return None
    if before.watts is not None and after.watts is not None:
        return (before.watts + after.watts) / 2 * elapsed_s
    for start, end in ((before.joules, after.joules), (before.joules_above_idle, after.joules_above_idle)):
        if start is not None and end is not None and end >= start:
            return end - start
    return None


def _ratio(joules: float | None, frames: int) -> float | None:
    """Return joules a frame; None without either."""
    return None if joules is None or frames == 0 else joules / frames
