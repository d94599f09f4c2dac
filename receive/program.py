"""`--exec`: a program that is run once for each message, with the message on its stdin.

A program that fails (exit code, time limit) is tried again, later each time: whoever sends a text message should not
lose it because a name could not be looked up. Where `watch` itself is killed while a program runs, it is run again.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.clock import Clock
from edge.document import text_of
from edge.text import plain
from receive.errors import FolderError
from receive.inbox import Inbox

logger = logging.getLogger(__name__)

LIMIT_S = 120.0
TRIES = 8
FIRST_PAUSE_S = 10.0  # doubled after each try: the last one comes 21 min after the first
_LOOK_S = 1.0
_STDERR = 2
_CANNOT_START = 127
_TEXT_CHARS = 1000  # the kernel takes no variable above 128 kB


@dataclass(slots=True)
class _Job:
    tries: int = 0
    next_ns: int = 0
    gone: bool = False


class Program:
    """Runs a program for what is due, in a thread of its own, one message after the other.

    Args:
        words: the program and its arguments.
        inbox: says what is due.
        clock: for pauses.
        run: starts it; returns its exit code.
    """

    def __init__(
        self,
        words: Sequence[str],
        inbox: Inbox,
        clock: Clock,
        run: Callable[[Sequence[str], Path, Mapping[str, str]], int] | None = None,
    ) -> None:
        self.done = 0
        self.given_up = 0
        self._words = tuple(words)
        self._inbox = inbox
        self._clock = clock
        self._run = run or run_program
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="exec", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the message in hand; what is still due is run by the next `watch`."""
        self._ended.set()
        self._thread.join(LIMIT_S)

    @property
    def waiting(self) -> int:
        """How many messages are due."""
        return len(self._jobs)

    def step(self) -> bool:
        """Run it for one message, if one is due now; return whether one was.

        Raises:
            FolderError: the folder cannot be used.
        """
        due = self._inbox.due()
        self._jobs = {one: self._jobs.get(one, _Job()) for one in due}
        now_ns = self._clock.mono_ns()
        ready = next((one for one in due if self._jobs[one].next_ns <= now_ns and self._is_here(one)), None)
        if ready is None:
            return False
        job, (tower, key) = self._jobs[ready], ready
        try:
            code = self._run(self._words, self._inbox.path(tower, key), self._environment(*ready))
        except Exception:  # one message shall not keep the others waiting
            logger.exception("%s for %s %s", self._words[0], tower, key)
            code = _CANNOT_START
        job.tries += 1
        if code == 0:
            self.done += 1
        elif job.tries < TRIES:
            pause_s = FIRST_PAUSE_S * 2 ** (job.tries - 1)
            job.next_ns = self._clock.mono_ns() + round(pause_s * 1e9)
            logger.warning(
                "%s for %s %s: exit code %d; again in %.0f s", self._words[0], tower, key, code, pause_s
            )
            return True
        else:
            self.given_up += 1
            logger.error("%s for %s %s: exit code %d; given up", self._words[0], tower, key, code)
        self._inbox.did(tower, key)
        return True

    def _is_here(self, one: tuple[str, str]) -> bool:
        """Return whether a message is there: it may be on its way to the disk, or somebody has taken it away."""
        job, (tower, key) = self._jobs[one], one
        here = self._inbox.has(tower, key)
        if not here and not job.gone:
            logger.warning("%s %s: the message is not in the folder; --exec goes on without it", tower, key)
        job.gone = not here
        return here

    def _environment(self, tower: str, key: str) -> dict[str, str]:
        path = self._inbox.path(tower, key)
        said = _Said()
        with suppress(OSError, ValueError, msgspec.DecodeError):
            said = msgspec.json.decode(text_of(path.read_bytes()), type=_Said)
        return {
            "FIRETOWER_TOWER": tower,
            "FIRETOWER_KEY": key,
            "FIRETOWER_FILE": str(path),
            "FIRETOWER_TEXT": plain(said.text)[:_TEXT_CHARS],
            "FIRETOWER_DRILL": "1" if said.drill else "",
        }

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                busy = self.step()
            except (FolderError, OSError) as error:
                logger.warning("--exec waits: %s", error)
                busy = False
            if not busy:
                self._clock.wait(self._ended, _LOOK_S)


class _Said(msgspec.Struct):
    text: str = ""
    drill: bool = False


def run_program(
    words: Sequence[str], path: Path, environment: Mapping[str, str], limit_s: float = LIMIT_S
) -> int:
    """Run a program; return its exit code: 127 where it cannot be started, 124 where it took too long.

    What it writes goes where our own errors go.

    Args:
        words: the program and its arguments; no shell reads them.
        path: of its stdin.
        environment: on top of our own.
        limit_s: after which it is killed, with all that it started.
    """
    try:
        with path.open("rb") as body:
            child = subprocess.Popen(
                words, stdin=body, stdout=_STDERR, env={**os.environ, **environment}, start_new_session=True
            )
    except OSError as error:
        logger.warning("cannot start %s for %s: %s", words[0], path, error.strerror)
        return _CANNOT_START
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return 124
