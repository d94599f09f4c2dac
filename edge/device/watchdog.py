"""The watchdog is fed while every loop of the daemon really turns, so that a hung daemon is started again.

A loop beats each time around, frame or none: a dead camera is a matter of health, a loop that stands still
is one of the watchdog.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from edge.clock import Clock
from edge.device.notify import Notify
from edge.errors import StallError

_ALONE_NS = 60_000_000_000  # as long as deploy's unit waits
_log = logging.getLogger(__name__)


class Heartbeats:
    """When each named loop turned last. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due_ns: dict[str, float] = {}

    def beat(self, name: str, allowance_s: float = 0.0) -> None:
        """Note that a loop turns; the first beat registers it.

        Args:
            name: the loop's.
            allowance_s: for how long it may now be silent beyond the usual, such as a read's timeout; may be infinite.
        """
        due_ns = self._clock.mono_ns() + allowance_s * 1e9
        with self._lock:
            self._due_ns[name] = due_ns

    def forget(self, name: str) -> None:
        """Note that a loop has ended as it should."""
        with self._lock:
            self._due_ns.pop(name, None)

    def stalled(self, limit_s: float) -> list[str]:
        """Return the loops, by name, that have been silent for longer than `limit_s` and their allowance."""
        oldest_ns = self._clock.mono_ns() - round(limit_s * 1e9)
        with self._lock:
            return sorted(name for name, due_ns in self._due_ns.items() if due_ns < oldest_ns)


class Watchdog:
    """Feeds the service manager's watchdog while no loop is stalled.

    Where there is none, as in a container, the daemon gives itself up, for whoever started it to start it again.

    Args:
        clock: monotonic time.
        heartbeats: the loops.
        notify: sends to the service manager.
        timeout_s: after which the service manager acts; None when it has no watchdog for us.
        limit_s: for how long a loop may be silent.
    """

    def __init__(
        self,
        clock: Clock,
        heartbeats: Heartbeats,
        notify: Notify,
        timeout_s: float | None,
        limit_s: float = 30,
    ) -> None:
        self._clock = clock
        self._heartbeats = heartbeats
        self._notify = notify
        self._interval_ns = None if timeout_s is None else round(timeout_s * 1e9 / 2)
        self._limit_s = limit_s
        self._fed_ns: int | None = None
        self._stalled_ns: int | None = None
        self._stalled: list[str] = []

    def tick(self) -> list[str]:
        """Feed when it is time to, and return the loops that are stalled; call it about once a second.

        Raises:
            StallError: loops stand still, and there is no service manager to act.
        """
        stalled = self._heartbeats.stalled(self._limit_s)
        if stalled and stalled != self._stalled:
            _log.error("silent for more than %g s: %s", self._limit_s, ", ".join(stalled))
        self._stalled = stalled
        now_ns = self._clock.mono_ns()
        if not stalled:
            self._stalled_ns = None
        elif self._stalled_ns is None:
            self._stalled_ns = now_ns
        elif self._interval_ns is None and now_ns - self._stalled_ns >= _ALONE_NS:
            raise StallError(f"standing still: {', '.join(stalled)}; giving up, to be started again")
        if self._interval_ns is not None and not stalled and self._is_due(now_ns, self._interval_ns):
            self._fed_ns = now_ns if self._notify("WATCHDOG=1") else None
        return stalled

    def _is_due(self, now_ns: int, interval_ns: int) -> bool:
        """Say whether half the timeout will have passed by the next tick."""
        return self._fed_ns is None or now_ns - self._fed_ns >= interval_ns - 1_000_000_000


def timeout_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return the watchdog's timeout; None when there is none, or when it is meant for another process.

    Source: sd_watchdog_enabled(3).
    """
    try:
        micros = int(environment["WATCHDOG_USEC"])
        meant_for = int(environment.get("WATCHDOG_PID") or pid)
    except (KeyError, ValueError):
        return None
    return micros / 1e6 if micros > 0 and meant_for == pid else None
