"""The real daemon as a child process, as a service manager would have it: for tests, and for what tortures it.

What it announces and what it logs is in files beside its configuration, up to its last word.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from edge.alert.event import Announcement, Event

HANG_S = 180.0  # longer than anything takes on a busy machine
_POLL_S = 0.1
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "4194304"}
_ROOT = Path(__file__).parents[1]
_START = """
import os, resource, sys
sys.path.insert(0, {root!r})
import edge.cli
{before}
sys.exit(edge.cli.program())
"""
# A disk that takes nothing: no file of the process may grow.
FULL = f"resource.setrlimit(resource.RLIMIT_FSIZE, (0, {resource.RLIM_INFINITY}))"
# Root that may write and search no more than others: capset(2) of none.
MERE = """
import ctypes
ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
"""


class TowerError(RuntimeError):
    """The daemon ended, or did not do in time what it was waited for."""


def command(before: str, *words: str) -> list[str]:
    """Return what runs `firetower` of this checkout.

    Args:
        before: Python that it runs first, such as FULL or MERE.
        words: its arguments.
    """
    return [sys.executable, "-c", _START.format(root=str(_ROOT), before=before), *words]


class Tower:
    """One run of the daemon.

    Args:
        file: its configuration, which has a web server.
        before: Python that it runs first.
        prefix: what starts it, such as `nsenter …`; it must become the daemon (exec).
        token: that its page asks for.
        told: descriptor or file of its standard output; its own file beside the configuration if absent.
        environment: besides this process's own.
    """

    def __init__(
        self,
        file: Path,
        *,
        before: str = "",
        prefix: Sequence[str] = (),
        token: str | None = None,
        told: int | IO[Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._token = token
        self._log = file.with_suffix(".log")
        self._told = file.with_suffix(".told")
        # through pipes, for a daemon whose files may not grow could not write these either
        self.process = subprocess.Popen(
            [*prefix, *command(before, "run", str(file))],
            cwd=_ROOT,
            stdout=subprocess.PIPE if told is None else told,
            stderr=subprocess.PIPE,
            # as the unit has it; without it a figure of memory says nothing about a board
            env={**os.environ, **_MALLOC, **(environment or {})},
        )
        pipes = ((self.process.stderr, self._log), (self.process.stdout, self._told))
        self._copies = [_copied(pipe, path) for pipe, path in pipes if pipe is not None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(errors="replace")

    @property
    def url(self) -> str:
        """Where its page is on this machine, once it is ready."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def port(self) -> int:
        """The port of its page, once it is ready."""
        return int(self.log.partition("status page: ")[2].split("/")[2].rpartition(":")[2])

    def begin(self) -> Self:
        """Wait until it is ready.

        Raises:
            TowerError: it ended, or is not ready after HANG_S.
        """
        self.until(lambda: "\nready: " in self.log or " ready: " in self.log, "it is ready")
        return self

    def ask(self, path: str) -> tuple[int, Any]:
        """Return the code and the JSON that it answers to the right token."""
        login = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self.url + path, headers=login)  # noqa: S310 — http
        try:
            with urllib.request.urlopen(request, timeout=HANG_S) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def fetch(self, path: str) -> dict[str, Any]:
        """Return the JSON alone."""
        document: dict[str, Any] = self.ask(path)[1]
        return document

    def status(self) -> dict[str, Any]:
        """Return `/status.json`."""
        return self.fetch("status.json")

    def trouble(self) -> str | None:
        """Return the reason that `/health` gives for its store; None where that is well."""
        return next((r for r in self.fetch("health")["reasons"] if r.startswith("store")), None)

    def until(self, true: Callable[[], object], what: str = "a condition") -> None:
        """Wait until something is true.

        Raises:
            TowerError: it ended meanwhile, or it is not true after HANG_S.
        """
        late_s = time.monotonic() + HANG_S
        while not true():
            if self.process.poll() is not None:
                raise TowerError(f"the daemon ended with {self.process.returncode}: {self.log[-2000:]}")
            if time.monotonic() > late_s:
                raise TowerError(f"not within {HANG_S:g} s: {what}; log: {self.log[-2000:]}")
            time.sleep(_POLL_S)

    def wait(
        self, true: Callable[[dict[str, Any]], object], what: str = "a fact of the status"
    ) -> dict[str, Any]:
        """Wait until a fact of the status is true, and return the status.

        Raises:
            TowerError: as `until`.
        """
        found: dict[str, Any] = {}

        def holds() -> object:
            found.clear()
            found.update(self.status())
            return true(found)

        self.until(holds, what)
        return found

    def limit(self, number: int) -> None:
        """Let no file of it grow beyond so many bytes."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (number, resource.RLIM_INFINITY))

    def told(self) -> list[dict[str, Any]]:
        """Return the whole lines of its standard output: announcements, and the last word if it has ended."""
        whole = self._told.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def announced(self) -> list[Announcement]:
        """Return what it has announced."""
        return [msgspec.convert(line, Announcement) for line in self.told() if "event" in line]

    def end(self) -> int:
        """Stop it as a service manager does; return its exit code.

        Raises:
            TowerError: it does not end.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            return self._wait()
        except subprocess.TimeoutExpired as error:
            raise TowerError(f"it does not end; log: {self.log[-2000:]}") from error

    def kill(self) -> None:
        """Stop it, whatever it does."""
        self.process.kill()
        self._wait()

    def _wait(self) -> int:
        """Wait until it has ended and all that it wrote is in the files."""
        code = self.process.wait(HANG_S)
        for copy in self._copies:
            copy.join(HANG_S)
        return code


def _copied(pipe: IO[bytes], path: Path) -> threading.Thread:
    """Copy what comes out of a pipe into a file, in a thread of its own."""
    file = path.open("wb", buffering=0)

    def copy() -> None:
        with pipe, file:
            while part := os.read(pipe.fileno(), 65536):
                file.write(part)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def stored(path: Path) -> list[Event]:
    """Return the events of a store that nobody holds, in the order in which they opened."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT document FROM event ORDER BY seq").fetchall()
    return [msgspec.json.decode(document, type=Event) for (document,) in rows]
