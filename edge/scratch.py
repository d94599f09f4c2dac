"""Temporary folders that go with their process, however it ends: the next one removes what a killed one left.

All of a process that have one parent lie in one folder, which it holds by a lock.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".firetower-scratch-"
_TRIES = 10
_lock = threading.RLock()  # a folder may go with an object that is collected at any moment
_own: dict[Path, tuple[Path, int]] = {}  # by their parents, with their locks


def make_folder(prefix: str, parent: Path | None = None) -> Path:
    """Make an empty folder for this process; it goes with the process, or by `remove_folder` before.

    Args:
        prefix: of its name.
        parent: where it is, one folder deeper; the system's place for such if absent.
    Raises:
        OSError: there is no room for it.
    """
    with _lock:
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        if parent in _own and not _own[parent][0].is_dir():
            os.close(_own.pop(parent)[1])
        if parent not in _own:
            _own[parent] = _hold(parent)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=_own[parent][0]))


def remove_folder(folder: Path) -> None:
    """Remove a folder that `make_folder` made, and the process's own with the last one in it."""
    with _lock:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()


def _hold(parent: Path) -> tuple[Path, int]:
    sweep(parent)
    for _ in range(_TRIES):  # another process may sweep a folder away before it is locked
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = _take(folder)
        if lock is not None:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder, lock
        shutil.rmtree(folder, ignore_errors=True)
    raise OSError(f"{parent}: a folder there cannot be locked")


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Make a folder as `make_folder` does, for the body of `with`.

    Raises:
        OSError: there is no room for it.
    """
    folder = make_folder(prefix, parent)
    try:
        yield folder
    finally:
        remove_folder(folder)


def sweep(parent: Path) -> None:
    """Remove the folders there that a killed process of this user left."""
    with suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if folder.lstat().st_uid == os.geteuid() and (lock := _take(folder)) is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(lock)


def _take(folder: Path) -> int | None:
    """Lock a folder until the descriptor is closed; None where another process has it, or has removed it."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), folder.lstat()):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
