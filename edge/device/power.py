"""The contract of a power sensor: what it reads, and how it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter says; one of the three, or none where there is nothing to read.

    Attributes:
        watts: the power now.
        joules: the energy since some moment that stays the same.
        joules_above_idle: the same, above the idle power.
    """

    watts: float | None = None
    joules: float | None = None
    joules_above_idle: float | None = None


class EnergyMeter(Protocol):
    """A sensor or a model of power or energy."""

    @property
    def source(self) -> str:
        """How it knows, such as "measured:ina226" or "modelled:pi4-cpu-time"."""
        ...

    @property
    def idle_w(self) -> float | None:
        """The idle power that belongs to it; None where only the configuration can say."""
        ...

    def read(self) -> Reading:
        """Return what it says now; each meter's readings are all of one kind.

        Raises:
            DeviceError: it cannot be read now; the next time may succeed.
        """
        ...


class Unavailable:
    """Nothing is known about energy."""

    source = "unavailable"
    idle_w = None

    def read(self) -> Reading:
        """Return nothing."""
        return Reading()
