"""Calls that nothing can interrupt: made in a thread, waited for with a bound, and left alone when they hang.

FFmpeg blocks in calls of the kernel and the C library: the look-up of a name, the opening of a device. A call that
hangs is not made a second time, the next try waits for the same one. So a camera has one thread for each of them,
however often it is tried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from edge.clock import Clock

_BEAT_S = 0.05  # what comes in is looked at as often

T = TypeVar("T")


class Errands:
    """The calls of one camera."""

    def __init__(self) -> None:
        self._running: dict[str, _Errand[Any]] = {}

    def run(
        self,
        name: str,
        call: Callable[[], T],
        limit_s: float,
        clock: Clock,
        beat: Callable[[], None],
        discard: Callable[[T], None] = lambda _result: None,
    ) -> T:
        """Make a call, or wait for the one of that name that still hangs.

        Args:
            name: of the call.
            call: made in another thread.
            limit_s: how long it is waited for.
            clock: by which.
            beat: called again and again while it is waited for; what it raises goes through.
            discard: given a result that came too late.

        Raises:
            TimeoutError: it takes longer. What the call itself raises, is raised too.
        """
        errand: _Errand[T] | None = self._running.get(name)
        if errand is None or not errand.join():
            errand = self._running[name] = _Errand(name, call, discard)
        until_ns = clock.mono_ns() + round(limit_s * 1e9)
        try:
            while (left_s := (until_ns - clock.mono_ns()) / 1e9) > 0:
                if clock.wait(errand.done, min(_BEAT_S, left_s)):
                    break
                beat()
        finally:
            if not errand.done.is_set():
                errand.leave()
        return errand.take()


class _Errand(Generic[T]):
    def __init__(self, name: str, call: Callable[[], T], discard: Callable[[T], None]) -> None:
        self.done = threading.Event()
        self._call = call
        self._discard = discard
        self._lock = threading.Lock()
        self._wanted, self._over = True, False
        self._results: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._go, name=name, daemon=True).start()

    def join(self) -> bool:
        """Wait for its result from now on; return whether it is still to come."""
        with self._lock:
            self._wanted = not self._over
            return self._wanted

    def leave(self) -> None:
        """Wait for its result no more: it is discarded when it comes."""
        with self._lock:
            self._wanted = False
            self._drop()

    def take(self) -> T:
        """Return the result, or raise the call's error; TimeoutError where there is neither yet."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if not self._results:
                raise TimeoutError
            return self._results.pop()

    def _go(self) -> None:
        try:
            result = self._call()
            with self._lock:
                self._over = True
                self._results.append(result)
                if not self._wanted:
                    self._drop()
        except BaseException as error:  # noqa: BLE001 — told to whoever waits
            with self._lock:
                self._error, self._over = error, True
        finally:
            self.done.set()

    def _drop(self) -> None:
        while self._results:
            self._discard(self._results.pop())
