"""The contract of a board: what it is and how it does, where unknown is None."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Throttle = Literal["under-voltage", "frequency-capped", "throttled", "soft-temperature-limit"]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How the board does at one moment.

    Attributes:
        temperature_c: of the SoC.
        throttling: what holds the processor back now, empty when nothing does; None when unknown.
        throttled_since_boot: what has held it back at any time since boot.
        charge: state of charge of the battery, 0 to 1.
        load_1min: the kernel's load average over one minute, in runnable tasks.
        memory_available_bytes: what programs can still take without swapping.
    """

    temperature_c: float | None = None
    throttling: tuple[Throttle, ...] | None = None
    throttled_since_boot: tuple[Throttle, ...] | None = None
    charge: float | None = None
    load_1min: float | None = None
    memory_available_bytes: int | None = None


class Device(Protocol):
    """One board."""

    @property
    def model(self) -> str | None:
        """The board's name, such as "Raspberry Pi 4 Model B Rev 1.4"."""
        ...

    @property
    def memory_total_bytes(self) -> int | None:
        """Its memory."""
        ...

    def read(self) -> Condition:
        """Return how it does now; never raises."""
        ...
