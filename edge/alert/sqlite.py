"""One SQLite file held by one process: opened durably, checked, migrated, and moved aside when it is damaged.

A single exclusive connection: no shared-memory file, and no second daemon on the same file.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.errors import StoreError

_log = logging.getLogger(__name__)

APPLICATION_ID = 0x46495245  # "FIRE": whose file it is
_LEAST_BYTES = 512  # the smallest page
_LOG_PAGES = 1000  # SQLite's own measure of a log that is long enough to be folded in

_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds it: stop the other daemon, or give this one its own file",
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_IOERR: "the disk is full or failing: free some space, and look at the kernel's log",
    sqlite3.SQLITE_READONLY: "the daemon must be able to write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it must be a file, in a folder that exists and that the daemon can write",
    sqlite3.SQLITE_CORRUPT: "restart the daemon: it moves the file aside and starts a new one",
}


class _DamagedError(Exception):
    """The file is not a whole database."""


def files(path: Path) -> tuple[Path, Path]:
    """Return the database and its write-ahead log."""
    return path, path.with_name(path.name + "-wal")


def disk_bytes(path: Path) -> int:
    """Return the size of the database with its write-ahead log; a file that is not there has none."""
    return sum(_size(file) for file in files(path))


def open_database(path: Path, migrations: Sequence[str], busy_s: float, log_bytes: int) -> sqlite3.Connection:
    """Open or create the file; a damaged one is moved to `NAME.corrupt-N`, never deleted, and a new one made.

    Args:
        path: in an existing folder.
        migrations: SQL; number n takes the file from schema n to n + 1.
        busy_s: how long to wait for a process that holds the file.
        log_bytes: fold the write-ahead log into the file when it is longer.
    Returns:
        A connection without implicit transactions, for use under a lock (`edge.alert.database`).
    Raises:
        StoreError: locked, read-only, of a newer firetower, of another program; the message names the file.
    """
    try:
        return _open(path, migrations, busy_s, log_bytes)
    except _DamagedError as error:
        aside = _move_aside(path)
        _log.error("event store '%s' is damaged (%s): moved to '%s', starting a new one", path, error, aside)
    try:
        return _open(path, migrations, busy_s, log_bytes)
    except _DamagedError as error:
        raise StoreError(
            f"event store '{path}': a new file is damaged at once: {error}; the disk is failing"
        ) from error


def translate(path: Path, what: str, error: sqlite3.Error | OSError) -> StoreError:
    """Return the error to raise instead of SQLite's, with what to do about it."""
    advice = _ADVICE.get(_code(error))
    return StoreError(f"event store '{path}': {what}: {error}" + (f"; {advice}" if advice else ""))


def _open(path: Path, migrations: Sequence[str], busy_s: float, log_bytes: int) -> sqlite3.Connection:
    database, log = files(path)
    check_place(path)
    if _size(database) == 0 < _size(log):  # SQLite would delete the log, and with it what was committed
        raise _DamagedError("the file is empty but its write-ahead log is not")
    if 0 < _size(database) < _LEAST_BYTES:  # SQLite would take it for empty
        raise _DamagedError(f"it has {_size(database)} bytes")
    try:
        db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise translate(path, "cannot open it", error) from error
    try:
        _prepare(db, log_bytes)
        _migrate(db, path, migrations)
        _sync_folder(path.absolute().parent)
    except (sqlite3.Error, OSError) as error:
        db.close()
        if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise _DamagedError(str(error)) from error
        raise error if isinstance(error, StoreError) else translate(path, "cannot open it", error) from error
    except _DamagedError:
        db.close()
        raise
    return db


def check_place(path: Path) -> None:
    """See that a file could be there, without opening it: another process may hold it.

    SQLite has errors of many kinds for what cannot be written. A folder on tmpfs has a few bytes: it would be
    taken for a damaged file and moved aside.

    Raises:
        StoreError: no such folder, a folder in its place, read-only.
    """
    folder, advice = path.absolute().parent, _ADVICE[sqlite3.SQLITE_CANTOPEN]
    if path.is_dir():
        raise StoreError(f"event store '{path}': cannot open it: it is a folder; {advice}")
    if not folder.is_dir():
        raise StoreError(f"event store '{path}': cannot open it: there is no folder '{folder}'; {advice}")
    for place in (folder, path):
        if place.exists() and not os.access(place, os.W_OK, effective_ids=True):
            raise StoreError(
                f"event store '{path}': '{place}' is read-only; {_ADVICE[sqlite3.SQLITE_READONLY]}"
            )


def _prepare(db: sqlite3.Connection, log_bytes: int) -> None:
    """Take the file alone and check that it is whole; what must precede the first write comes first."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    if db.execute("PRAGMA page_count").fetchone() == (0,):
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    db.execute("COMMIT")
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _DamagedError(str(found).replace("\n", " "))
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    pages = min(_LOG_PAGES, max(1, log_bytes // page_bytes))
    for setting in ("synchronous = FULL", "foreign_keys = ON", f"wal_autocheckpoint = {pages}"):
        db.execute(f"PRAGMA {setting}")
    db.execute(f"PRAGMA journal_size_limit = {pages * page_bytes}")


def _migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the schema to this program's, one transaction a step."""
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != APPLICATION_ID and (tables or version):
        raise StoreError(
            f"event store '{path}': the database of another program; name a file that is ours or new"
        )
    if version > len(migrations):
        raise StoreError(
            f"event store '{path}': schema {version} was written by a newer firetower, this one knows up to "
            f"{len(migrations)}; update firetower, or name another file"
        )
    for number in range(version, len(migrations)):
        db.executescript(
            f"BEGIN IMMEDIATE; {migrations[number]}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )


def _move_aside(path: Path) -> Path:
    """Rename the file and its log, so that they can be looked at; return the new name of the file."""
    number = 1
    while any(file.exists() for file in files(path.with_name(f"{path.name}.corrupt-{number}"))):
        number += 1
    aside = path.with_name(f"{path.name}.corrupt-{number}")
    try:
        for old, new in zip(files(path), files(aside), strict=True):
            with suppress(FileNotFoundError):
                old.rename(new)
        _sync_folder(path.absolute().parent)
    except OSError as error:
        raise translate(path, f"it is damaged and cannot be moved to '{aside}'", error) from error
    return aside


def _sync_folder(folder: Path) -> None:
    """Make a new or renamed file's entry durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _code(error: Exception) -> int:
    """Return SQLite's primary result code, 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
