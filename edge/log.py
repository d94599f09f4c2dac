"""The log: set up once by each command; of what repeats it shows the first, the last, and how many came between."""

from __future__ import annotations

import copy
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edge.clock import Clock, SystemClock
from edge.text import plain

PERIOD_S = 60.0
_TEXTS = 8  # different texts of one message in a period; further ones count as repeats of each other
_KINDS = 256
_TEXT_CHARS = 400
_LOOK_S = 1.0
_Kind = tuple[str, int, str | None, str | None]  # logger, level, template, text


def configure(level: int, form: str) -> None:
    """Send the log to stderr, limited; does nothing where somebody has set one up already."""
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(PlainFormatter(form))
    logging.basicConfig(level=level, handlers=[Limiter(stderr, SystemClock())])


class PlainFormatter(logging.Formatter):
    """Writes each message as one line of printable characters, and a traceback as such lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — of logging
        """Put the message into the form."""
        shown = copy.copy(record)
        shown.message = plain(record.message)
        return super().formatMessage(shown)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 — of logging
        """Return a traceback's lines."""
        return "\n".join(map(plain, super().formatException(ei).split("\n")))


@dataclass(slots=True)
class _Repeats:
    """What came of one kind since it was last shown."""

    shown_ns: int
    held: int = 0
    last: logging.LogRecord | None = None


class Limiter(logging.Handler):
    """Passes the first record of a kind on, and each period the last one with the number between.

    Records are of one kind when logger, level, template and text are the same. When a template (or a logger, for
    texts without arguments) has had eight texts in a period, all its further texts are one kind more. Memory is
    bounded: of too many kinds the oldest is told and forgotten. What is held is told when the period ends, and at
    `close`, which `logging.shutdown` calls at exit.

    Args:
        target: writes what is passed on.
        clock: monotonic time.
        period_s: between two lines of one kind.
    """

    def __init__(self, target: logging.Handler, clock: Clock, period_s: float = PERIOD_S) -> None:
        super().__init__()
        self._target = target
        self._clock = clock
        self._period_ns = round(period_s * 1e9)
        self._kinds: dict[_Kind, _Repeats] = {}  # the one shown longest ago comes first
        self._ended = threading.Event()
        self._watcher: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or hold it; `handle` has the lock."""
        try:
            kind = self._kind(record)
        except Exception:  # noqa: BLE001 — arguments that do not fit the template: logging's own to report
            self._target.handle(record)
            return
        self.tell()
        repeats = self._kinds.get(kind)
        if self._ended.is_set():
            self._target.handle(record)
        elif repeats is None:
            if len(self._kinds) >= _KINDS:
                self._tell(self._kinds.pop(next(iter(self._kinds))))
            self._kinds[kind] = _Repeats(self._clock.mono_ns())
            self._target.handle(record)
        else:
            repeats.held, repeats.last = repeats.held + 1, _settled(record)
            self._watch()

    def tell(self) -> None:
        """Tell what is held of the kinds whose period has ended."""
        with self._locked():
            now_ns = self._clock.mono_ns()
            while self._kinds:
                kind, repeats = next(iter(self._kinds.items()))
                if now_ns - repeats.shown_ns < self._period_ns:
                    return
                del self._kinds[kind]
                if self._tell(repeats):
                    self._kinds[kind] = _Repeats(now_ns)  # it may go on

    def flush(self) -> None:
        """Flush the target; what is held stays until its period ends."""
        self._target.flush()

    def close(self) -> None:
        """Tell all that is held; what comes later is passed on as it is."""
        with self._locked():
            self._ended.set()
            for repeats in self._kinds.values():
                self._tell(repeats)
            self._kinds.clear()
        super().close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _kind(self, record: logging.LogRecord) -> _Kind:
        text = record.getMessage()[:_TEXT_CHARS]
        of = (record.name, record.levelno, str(record.msg)[:_TEXT_CHARS] if record.args else None)
        if (*of, text) in self._kinds or sum(kind[:3] == of for kind in self._kinds) < _TEXTS:
            return (*of, text)
        return (*of, None)

    def _tell(self, repeats: _Repeats) -> bool:
        """Pass on the last of what is held; return whether there was any."""
        if repeats.last is None:
            return False
        if repeats.held > 1:
            repeats.last.msg += f" (the last; {repeats.held - 1} more like it between)"
        self._target.handle(repeats.last)
        return True

    def _watch(self) -> None:
        """See that what is held is told in time though nothing else is logged."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._tell_in_time, name="log", daemon=True)
            self._watcher.start()

    def _tell_in_time(self) -> None:
        while not self._clock.wait(self._ended, _LOOK_S):
            with self._locked():
                self.tell()
                if not any(repeats.held for repeats in self._kinds.values()):
                    self._watcher = None
                    return


def _settled(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy that holds text alone, no arguments and no traceback's frames, for they may be large."""
    settled = copy.copy(record)
    settled.msg, settled.args = record.getMessage(), None
    if record.exc_info:
        settled.exc_text = record.exc_text or PlainFormatter().formatException(record.exc_info)
        settled.exc_info = None
    return settled
