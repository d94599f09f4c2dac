"""One simulated clock, and the threads that wait on it: of all of them exactly one runs at a time.

A thread has a seat. It runs when whoever moves the clock gives it its turn, until it waits on the clock or ends. So the
order is that of turns, and no machine's clock or scheduler has a say in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from firmware_sim.tower.errors import SeatError

NS = 1_000_000_000


class SimClock:
    """Time that goes on only when it is moved; an `edge.clock.Clock`.

    Monotonic time is that since the board's boot, as on a real one. Whoever waits without a seat moves the clock.

    Args:
        begin_s: seconds since 1970 UTC.
    """

    def __init__(self, begin_s: float) -> None:
        self.now_ns = round(begin_s * NS)
        self._boot_ns = self.now_ns
        self._seats: dict[int, Seat] = {}

    def mono_ns(self) -> int:
        """Return nanoseconds since the boot."""
        return self.now_ns - self._boot_ns

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return self.now_ns

    def now_s(self) -> float:
        """Return seconds since 1970 UTC."""
        return self.now_ns / NS

    def at_ns(self, mono_ns: int) -> int:
        """Return when a monotonic time of this boot is, in nanoseconds since 1970 UTC."""
        return self._boot_ns + mono_ns

    def boot(self, took_s: float) -> None:
        """Begin monotonic time anew: the board has been on for so many seconds."""
        self._boot_ns = self.now_ns - round(took_s * NS)

    def move_to(self, now_ns: int) -> None:
        """Let time pass until a moment; nothing where that is over."""
        self.now_ns = max(self.now_ns, now_ns)

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        """Wait on a seat until the time is over or somebody wakes it; return whether the signal is set."""
        if signal.is_set():
            return True
        until_ns = self.now_ns + round(max(0.0, timeout_s) * NS)
        seat = self._seats.get(threading.get_ident())
        if seat is None:
            self.move_to(until_ns)
        else:
            seat.pause(until_ns)
        return signal.is_set()

    def seat(self, name: str, run: Callable[[], None]) -> Seat:
        """Return a seat for what runs in a thread of its own; its first turn is due now."""
        return Seat(self, name, run, self._seats)


class Seat:
    """One thread that runs only in its turns; `SimClock.seat` makes it.

    Attributes:
        name: of its thread.
        due_ns: when its next turn is, in nanoseconds since 1970 UTC; None once it has ended.
    """

    def __init__(self, clock: SimClock, name: str, run: Callable[[], None], seats: dict[int, Seat]) -> None:
        self.name = name
        self.due_ns: int | None = clock.now_ns
        self._clock, self._run, self._seats = clock, run, seats
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._body, name=name, daemon=True)

    def turn(self) -> None:
        """Let it run until it waits or ends; nothing where it has ended.

        Raises:
            SeatError: it has died.
        """
        if self.due_ns is None:
            return
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._done.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise SeatError(f"{self.name}: {error!r}") from error

    def wake(self) -> None:
        """Have its next turn now."""
        if self.due_ns is not None:
            self.due_ns = min(self.due_ns, self._clock.now_ns)

    def pause(self, until_ns: int) -> None:
        """Hand the turn back until a moment; called by its own thread."""
        self.due_ns = until_ns
        self._done.release()
        self._go.acquire()

    def _body(self) -> None:
        self._seats[threading.get_ident()] = self
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001 — raised where its turn was given
            self._error = error
        finally:
            del self._seats[threading.get_ident()]
            self.due_ns = None
            self._done.release()
