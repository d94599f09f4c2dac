"""A program that writes pictures to its standard output, as a child process: started, drained, ended and reaped.

Its standard error is drained beside them, for a full pipe would stop it, and the last line of it says what went wrong.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from edge.camera.source import Session
from edge.clock import Clock
from edge.errors import CameraError

_BEAT_S = 0.5
_GRACE_S = 0.5  # a reader gives its thread a second to end
_POLL_S = 0.01
_WORDS_BYTES = 4096
_LINE_CHARS = 300


class Child:
    """A running program, in a process group of its own.

    Args:
        command: program and arguments; no shell sees them.
        shown: the camera's address, for messages.
        advice: what to do when it fails.
        session: its clock, and its beat, called at least every half second of waiting; what that raises goes through.

    Raises:
        CameraError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], shown: str, advice: str, session: Session) -> None:
        self._program = Path(command[0]).name
        self._shown = shown
        self._advice = advice
        self._clock = session.clock
        self._beat = session.beat
        self._words = b""
        self._limit_s = 0.0
        self._until_ns = 0
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # a Ctrl-C for us is not one for it: it is ended by `close` alone
            )
        except (OSError, ValueError) as error:  # a NUL in an argument is a ValueError
            reason = str(getattr(error, "strerror", None) or error)
            raise CameraError(f"cannot open '{shown}': cannot start '{command[0]}': {reason}") from error
        # a daemon that ends leaves its camera threads where they are; this runs then too, and the camera is free again
        weakref.finalize(self, _end, self._process, 0, self._clock)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._output: IO[bytes] = self._process.stdout
        self._errors: IO[bytes] = self._process.stderr
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        self._poll.register(self._errors, select.POLLIN)

    @property
    def words(self) -> bytes:
        """The end of what it wrote to standard error so far, 4 KiB at most."""
        return self._words

    def expect(self, limit_s: float) -> None:
        """Give it so many seconds from now for the next whole picture."""
        self._limit_s = limit_s
        self._until_ns = self._clock.mono_ns() + round(limit_s * 1e9)

    def readinto(self, view: memoryview) -> int:
        """Wait for output and put what there is into `view`, without waiting until it is full.

        Returns:
            How many bytes came; 0 at the end of the output.

        Raises:
            CameraError: the time that `expect` gave is over.
        """
        output = self._output.fileno()
        while True:
            left_s = (self._until_ns - self._clock.mono_ns()) / 1e9
            ready = {number for number, _ in self._poll.poll(max(0.0, min(_BEAT_S, left_s)) * 1000)}
            if self._errors.fileno() in ready:
                self._listen()
            if output in ready:
                return os.readv(output, [view])
            if left_s <= 0:
                raise self._fault(f"gave no whole picture for {self._limit_s:g} s")
            self._beat()

    def ended(self, where: str = "") -> CameraError:
        """Reap it after the end of its output, and return the error that says how it ended.

        Args:
            where: such as " in the middle of a picture".
        """
        status = _end(self._process, _GRACE_S, self._clock)  # it may still be on its way out
        self._listen_to_the_end()
        if status is None:
            return self._fault(f"ended its output{where} and hangs")
        how = f"with exit status {status}" if status >= 0 else f"by signal {-status}"
        return self._fault(f"ended{where} {how}")

    def close(self) -> None:
        """End its whole group, reap it and close the pipes; never raises, may be called twice."""
        _end(self._process, 0, self._clock)
        self._output.close()
        self._errors.close()

    def _fault(self, what: str) -> CameraError:
        lines = [line for line in self._words.decode(errors="replace").splitlines() if line.strip()]
        last = "".join(filter(str.isprintable, lines[-1])).strip() if lines else "it said nothing"
        return CameraError(f"'{self._shown}': {self._program} {what}: {last[:_LINE_CHARS]}; {self._advice}")

    def _listen(self) -> bool:
        said = os.read(self._errors.fileno(), _WORDS_BYTES)
        if not said:
            self._poll.unregister(self._errors)
        self._words = (self._words + said)[-_WORDS_BYTES:]
        return bool(said)

    def _listen_to_the_end(self) -> None:
        """Take what is left in the pipe; a grandchild that holds it open is not waited for."""
        errors = select.poll()
        errors.register(self._errors, select.POLLIN)
        with contextlib.suppress(KeyError):  # unregistered already
            while errors.poll(0) and self._listen():
                pass


def _end(process: subprocess.Popen[bytes], patience_s: float, clock: Clock) -> int | None:
    """Wait, terminate, kill and reap; return the exit status, None while the kernel holds the process.

    The group is signalled before its leader is reaped: until then nobody else can have its number.
    """
    if process.returncode is None:
        if not _exits_within(process.pid, patience_s, clock):
            _signal(process.pid, signal.SIGTERM)
            _exits_within(process.pid, _GRACE_S, clock)
        _signal(process.pid, signal.SIGKILL)  # whoever of the group is left
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    return process.returncode


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _exits_within(pid: int, limit_s: float, clock: Clock) -> bool:
    until_ns, never = clock.mono_ns() + round(limit_s * 1e9), threading.Event()
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT  # looks, and leaves it to be reaped
    with contextlib.suppress(ChildProcessError):
        while os.waitid(os.P_PID, pid, flags) is None:
            if clock.mono_ns() >= until_ns:
                return False
            clock.wait(never, _POLL_S)
    return True
