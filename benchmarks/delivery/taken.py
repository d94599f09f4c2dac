"""What a receiver took: one line for each message that arrived, on its disk before it says so."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import msgspec

READY = "ready"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it arrived.

    Attributes:
        key: the message's.
        at_s: monotonic time of this boot.
        sha256: of its bytes, hex.
        document: the payload; None of a picture.
        retained: whether a broker kept it from before, and gave it out once more to whoever asked.
    """

    key: str
    at_s: float
    sha256: str
    document: dict[str, Any] | None = None
    retained: bool = False


class Book:
    """The file of one receiver, in the process that writes it.

    Args:
        path: what an earlier process wrote stays; half a line of it goes.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            whole = path.read_bytes().rpartition(b"\n")
            os.truncate(path, len(whole[0]) + len(whole[1]))
        self._file = path.open("ab", buffering=0)

    def write(self, key: str, body: bytes, content_type: str, *, retained: bool = False) -> None:
        """Write one message down; it is on the disk on return."""
        document = msgspec.json.decode(body) if content_type.startswith("application/json") else None
        taken = Taken(
            key=key,
            at_s=time.monotonic(),
            sha256=hashlib.sha256(body).hexdigest(),
            document=document,
            retained=retained,
        )
        self._file.write(msgspec.json.encode(taken) + b"\n")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Pages:
    """The file of a receiver, for those who read what is new in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._taken: list[Taken] = []

    def read(self) -> list[Taken]:
        """Return what is in it, in the order of arrival; half a line at its end is left out."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._at)
                whole, end, _ = file.read().rpartition(b"\n")
            self._at += len(whole) + len(end)
            self._taken += [msgspec.json.decode(line, type=Taken) for line in whole.splitlines()]
        return self._taken
