"""The folder of messages: each once by its key, whole or not at all, whenever the program is killed.

    FOLDER/tower-7/<key>.json   a message        FOLDER/tower-7/<key>.jpg    a picture

A name appears when its bytes are on the disk, and the broker is told after that. `.due` holds an empty file for each
message that a program is still to be run for; it is there before the name of the message is, and after its bytes.
`.health` holds each tower's newest heartbeat, `.refused` what was not what it said.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from receive.errors import FolderError, MessageError

TOWER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
WATCH = "watch."  # before the name of a watch: no tower is called so
_OWNER = re.compile(rf"({re.escape(WATCH)})?{TOWER.pattern}")
KEY = re.compile(r"(?=.{1,128}\Z)[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,64}){0,4}\Z")
REFUSED_MAX = 100
_NEW, _DUE, _HEALTH, _REFUSED, _LOCK = ".new", ".due", ".health", ".refused", ".lock"


class Inbox:
    """The messages of all towers; one process has it.

    Args:
        folder: is made where it is not there.

    Attributes:
        folder: as above.

    Raises:
        FolderError: it cannot be used, or another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with _reported(folder):
            for name in (_NEW, _DUE, _HEALTH, _REFUSED):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
                raise FolderError(
                    f"{folder}: another watch has it; give each a --folder of its own"
                ) from None
            for left in (folder / _NEW).iterdir():  # of one that was killed: nobody was told that it is here
                left.unlink()
            for tower, key in self.due():
                if not self.has(tower, key):
                    self.did(tower, key)  # its message will come again, and with it a new one

    def close(self) -> None:
        """Let others have it."""
        os.close(self._lock)

    def path(self, tower: str, key: str, suffix: str = ".json") -> Path:
        """Return where a message is, or would be.

        Raises:
            MessageError: no tower or message can be called so.
        """
        if not _can_be(tower, key):
            raise MessageError(f"no tower or message is called {tower!r}, {key!r}")
        return self.folder / tower / f"{key}{suffix}"

    def put(self, tower: str, key: str, body: bytes, suffix: str = ".json", *, due: bool = False) -> bool:
        """Keep a message; return whether it is new. It is on the disk then, in both cases.

        Args:
            tower: whose it is.
            key: its own.
            body: its bytes.
            suffix: of the file.
            due: whether a program is to be run for it.

        Raises:
            MessageError: no tower or message can be called so.
            FolderError: the disk does not take it.
        """
        path = self.path(tower, key, suffix)
        with _reported(path):
            if path.exists():
                return False
            self._make(path.parent)
            new = self._prepare(path, body)
            mark = self.folder / _DUE / f"{tower} {key}"
            try:
                if due:
                    mark.touch()
                    _sync(mark.parent)
                new.replace(path)
            except OSError:
                mark.unlink(missing_ok=True)
                raise
            _sync(path.parent)
        return True

    def has(self, tower: str, key: str) -> bool:
        """Return whether a message is here.

        Raises:
            MessageError: no tower or message can be called so.
            FolderError: the folder cannot be read.
        """
        path = self.path(tower, key)
        with _reported(path):
            return path.exists()

    def read(self, tower: str, key: str) -> bytes | None:
        """Return the body of a message; None where it is not here.

        Raises:
            MessageError: no tower or message can be called so.
            FolderError: the disk does not give it.
        """
        path = self.path(tower, key)
        with _reported(path):
            return path.read_bytes() if path.exists() else None

    def due(self) -> list[tuple[str, str]]:
        """Return tower and key of the messages that a program is still to be run for, the oldest first.

        Raises:
            FolderError: the folder cannot be read.
        """
        with _reported(self.folder):
            found = [(entry.stat().st_mtime_ns, entry.name) for entry in os.scandir(self.folder / _DUE)]
        named = [tuple(name.split(" ", 1)) for _, name in sorted(found)]
        return [(one[0], one[1]) for one in named if len(one) == 2 and _can_be(one[0], one[1])]

    def did(self, tower: str, key: str) -> None:
        """Note that no program is to be run for a message any more.

        Raises:
            FolderError: the disk does not take it.
        """
        with _reported(self.folder):
            (self.folder / _DUE / f"{tower} {key}").unlink(missing_ok=True)
            _sync(self.folder / _DUE)

    def put_health(self, tower: str, body: bytes) -> None:
        """Keep the newest heartbeat of a tower, instead of the one before.

        Raises:
            MessageError: no tower can be called so.
            FolderError: the disk does not take it.
        """
        self.path(tower, "health")
        with _reported(self.folder):
            self._write(self.folder / _HEALTH / f"{tower}.json", body)

    def healths(self) -> list[tuple[str, bytes]]:
        """Return the towers that were heard before, and the newest heartbeat of each.

        Raises:
            FolderError: the folder cannot be read.
        """
        with _reported(self.folder):
            found = sorted((self.folder / _HEALTH).glob("*.json"))
            return [(path.stem, path.read_bytes()) for path in found if _OWNER.match(path.stem)]

    def refuse(self, number: int, body: bytes, why: str) -> None:
        """Keep a message that is not what it says, for whoever looks into it; of too many the oldest go.

        Raises:
            FolderError: the disk does not take it.
        """
        folder = self.folder / _REFUSED
        with _reported(folder):
            self._write(folder / f"{number:06}", why.encode() + b"\n" + body)
            for path in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)[:-REFUSED_MAX]:
                path.unlink()

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)

    def _write(self, path: Path, body: bytes) -> None:
        self._prepare(path, body).replace(path)
        _sync(path.parent)

    def _prepare(self, path: Path, body: bytes) -> Path:
        """Return a file that has the bytes on the disk, not yet under their name."""
        new = self.folder / _NEW / f"{path.parent.name} {path.name}"
        with new.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        return new


def _can_be(tower: str, key: str) -> bool:
    return bool(_OWNER.match(tower) and KEY.match(key))


def _sync(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems know no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FolderError):
            raise
        raise FolderError(f"{path}: {error.strerror or error}") from error
