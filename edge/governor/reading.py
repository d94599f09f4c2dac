"""Readings that are believed: plausible, in most of the last samples, and not stuck. Any other is unknown.

A sensor that says 0.0 V has shut boards down; so what is unknown lowers nothing.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from edge.device.device import Throttle

NEEDED, SAMPLES = 3, 5  # so many of the last samples must be plausible
_HOUR_NS = 3_600_000_000_000
_UNIT = {"charge": "", "voltage_v": " V", "temperature_c": " °C"}

Quantity: TypeAlias = Literal["charge", "voltage_v", "temperature_c"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


@dataclass(frozen=True, slots=True)
class Sample:
    """What sensors say at one moment; None is what none of them says.

    Attributes:
        charge: state of charge of the battery, 0 to 1.
        voltage_v: of the battery.
        temperature_c: of the SoC.
        throttling: what holds the processor back now.
        load_w: what the tower draws.
        panel_w: what the panel gives.
    """

    charge: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    throttling: tuple[Throttle, ...] | None = None
    load_w: float | None = None
    panel_w: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """What is believed; None is unknown.

    Attributes:
        charge, voltage_v, temperature_c, throttling: as in `Sample`, over the last samples.
        load_w, panel_w: of the newest sample, for people; nothing is decided by them.
        doubts: why a reading that there was is unknown now, or a configured sensor says nothing, by its name.
    """

    charge: float | None = None
    voltage_v: float | None = None
    temperature_c: float | None = None
    throttling: tuple[Throttle, ...] | None = None
    load_w: float | None = None
    panel_w: float | None = None
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is plausible of one quantity.

    Attributes:
        least, most: a board that runs reads more than the one, and the other at most.
        stuck_hours: after so long to the last digit the same, it is stuck.
        free: a value that may last for ever, such as that of a full battery.
    """

    least: float
    most: float
    stuck_hours: float
    free: float | None = None


def bounds_of(battery_v: float) -> dict[Quantity, Bounds]:
    """Return what is plausible, by the nominal voltage of the battery. Source: ours."""
    return {
        "charge": Bounds(0.0, 1.0, 24.0, free=1.0),
        "voltage_v": Bounds(0.75 * battery_v, 1.4 * battery_v, 3.0),
        "temperature_c": Bounds(-40.0, 125.0, 3.0),
    }


class Trust:
    """Follows one quantity.

    Args:
        quantity: which.
        bounds: of it.
    """

    def __init__(self, quantity: Quantity, bounds: Bounds) -> None:
        self._quantity, self._bounds = quantity, bounds
        self._window: deque[float | None] = deque(maxlen=SAMPLES)
        self._wrong: float | None = None  # the newest implausible one
        self._last: float | None = None
        self._since_ns = 0
        self._now_ns = 0
        self._was = False  # whether a sensor ever said anything

    def see(self, value: float | None, now_ns: int) -> None:
        """Take a sample; None is that no sensor said anything."""
        self._now_ns = now_ns
        plausible = value is not None and self._bounds.least < value <= self._bounds.most
        self._was = self._was or value is not None
        self._wrong = None if value is None or plausible else value
        self._window.append(value if plausible else None)
        if value is not None and value != self._last:
            self._last, self._since_ns = value, now_ns

    @property
    def value(self) -> float | None:
        """The median of the last plausible samples; None where it is unknown."""
        return None if self._stuck else self._median()

    @property
    def doubt(self) -> str | None:
        """Why it is unknown though there is a sensor; None where it is known, or there never was one."""
        if not self._was or len(self._window) < NEEDED:
            return None
        if self._stuck:
            hours = (self._now_ns - self._since_ns) / _HOUR_NS
            return f"{self._last:g}{_UNIT[self._quantity]} to the last digit for {hours:.0f} h: it is stuck"
        if self._median() is not None:
            return None
        if self._wrong is not None:
            return f"{self._wrong:g}{_UNIT[self._quantity]} is implausible"
        return "it says nothing any more"

    def _median(self) -> float | None:
        found = [value for value in self._window if value is not None]
        return statistics.median(found) if len(found) >= NEEDED else None

    @property
    def _stuck(self) -> bool:
        if self._last is None or self._last == self._bounds.free:
            return False
        return self._now_ns - self._since_ns >= self._bounds.stuck_hours * _HOUR_NS


class Flags:
    """Follows the throttling flags: one counts that is there in most of the last samples."""

    def __init__(self) -> None:
        self._window: deque[tuple[Throttle, ...] | None] = deque(maxlen=SAMPLES)

    def see(self, flags: tuple[Throttle, ...] | None) -> None:
        """Take a sample; None is that nobody said anything."""
        self._window.append(flags)

    @property
    def value(self) -> tuple[Throttle, ...] | None:
        """The flags; None where they are unknown."""
        known = [flags for flags in self._window if flags is not None]
        if len(known) < NEEDED:
            return None
        return tuple(flag for flag in get_args(Throttle) if sum(flag in flags for flags in known) >= NEEDED)


class Belief:
    """Follows all that is read.

    Args:
        battery_v: nominal voltage of the battery.
    """

    def __init__(self, battery_v: float) -> None:
        bounds = bounds_of(battery_v)
        self._trusts = {quantity: Trust(quantity, bounds[quantity]) for quantity in QUANTITIES}
        self._flags = Flags()

    def see(self, sample: Sample, now_ns: int, faults: Mapping[str, str] | None = None) -> Readings:
        """Take a sample; return what is believed.

        Args:
            sample: of all sensors together.
            now_ns: monotonic time.
            faults: why a configured sensor says nothing, by its name.
        """
        for quantity, trust in self._trusts.items():
            trust.see(getattr(sample, quantity), now_ns)
        self._flags.see(sample.throttling)
        doubts: dict[str, str] = {
            name: why for name, trust in self._trusts.items() if (why := trust.doubt) is not None
        }
        return Readings(
            charge=self._trusts["charge"].value,
            voltage_v=self._trusts["voltage_v"].value,
            temperature_c=self._trusts["temperature_c"].value,
            throttling=self._flags.value,
            load_w=sample.load_w,
            panel_w=sample.panel_w,
            doubts={**doubts, **(faults or {})},
        )
