"""Time as the daemon sees it: monotonic for intervals, wall clock for people, and whether the latter is trusted.

A Pi has no clock that survives its battery, so nothing but a timestamp shown to people uses the wall clock.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; modes = 0 only reads

Trusted: TypeAlias = Callable[[], bool | None]
"""Says whether the wall clock is synchronised; None when that is unknown."""


class Clock(Protocol):
    """What stages may know of time; tests and the simulator hand in their own."""

    def mono_ns(self) -> int:
        """Return nanoseconds since boot, never going back."""
        ...

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC as far as this machine knows."""
        ...

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        """Wait for `signal` at most `timeout_s`; return whether it is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def mono_ns(self) -> int:
        """Return CLOCK_MONOTONIC in nanoseconds."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Return CLOCK_REALTIME in nanoseconds."""
        return time.time_ns()

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        """Wait for `signal` at most `timeout_s`; return whether it is set."""
        return signal.wait(max(0.0, timeout_s))


def utc_text(wall_ns: int) -> str | None:
    """Return a wall time as ISO 8601 UTC; None where no calendar has it (a lying clock or file)."""
    try:
        return datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def wall_synchronised() -> bool | None:
    """Say whether the kernel holds the wall clock for synchronised; None when it cannot be asked.

    Source: adjtimex(2).
    """
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def boot_id(root: Path = Path("/")) -> str | None:
    """Return the kernel's identity of this boot, so that monotonic times can be put right later; None if unknown."""
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text().strip() or None
    except OSError:
        return None
