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
from contextlib import suppress
from pathlib import Path

_PREFIX = ".firetower-scratch-"
_TRIES = 10
_lock = threading.Lock()
_own: dict[Path, Path] = {}


def make_folder(prefix: str, parent: Path | None = None) -> Path:
    """Make an empty folder for this process; who makes it may remove it earlier than the process ends.

    Args:
        prefix: of its name.
        parent: where it is, one folder deeper; the system's place for such if absent.
    Raises:
        OSError: there is no room for it.
    """
    with _lock:
        parent = Path(tempfile.gettempdir()) if parent is None else parent
        own = _own.get(parent)
        if own is None or not own.is_dir():
            own = _own[parent] = _hold(parent)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=own))


def _hold(parent: Path) -> Path:
    sweep(parent)
    for _ in range(_TRIES):  # another process may sweep a folder away before it is locked
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        if _take(folder) is not None:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder
        shutil.rmtree(folder, ignore_errors=True)
    raise OSError(f"{parent}: a folder there cannot be locked")


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
