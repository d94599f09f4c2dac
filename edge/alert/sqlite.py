"""One SQLite file held by one process: opened durably, checked, migrated, and moved aside when it is damaged.

A single exclusive connection: no shared-memory file, and no second daemon on the same file.
"""

from __future__ import annotations

import filecmp
import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from edge.alert import header, wal
from edge.errors import DiskError, StoreError

_log = logging.getLogger(__name__)

_LOG_PAGES = 1000  # SQLite's own measure of a log that is long enough to be folded in

_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds it: stop the other daemon, or give this one its own file",
    sqlite3.SQLITE_FULL: "free some space",
    sqlite3.SQLITE_IOERR: "the disk is full or failing: free some space, and look at the kernel's log",
    sqlite3.SQLITE_READONLY: "the daemon must be able to write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it must be a file, in a folder that exists and that the daemon can write",
    sqlite3.SQLITE_CORRUPT: "restart the daemon: it moves the file aside and starts a new one",
}
_OF_THE_DISK = _ADVICE.keys() - {sqlite3.SQLITE_CORRUPT}  # the others may be about one page or one event


class _DamagedError(Exception):
    """The file is not a whole database."""


def files(path: Path) -> tuple[Path, Path]:
    """Return the database and its write-ahead log."""
    return path, path.with_name(path.name + "-wal")


def disk_bytes(path: Path) -> int:
    """Return the size of the database with its write-ahead log; a file that is not there has none."""
    return sum(_size(file) for file in files(path))


def open_database(path: Path, migrations: Sequence[str], busy_s: float, log_bytes: int) -> sqlite3.Connection:
    """Open or create the file.

    A damaged one is moved to `NAME.corrupt-N`, never deleted, and a new one made. Of a damaged write-ahead log a copy
    is kept as `NAME.corrupt-N-wal`, and the file goes on from the last commit before the damage.

    Args:
        path: in an existing folder.
        migrations: SQL; number n takes the file from schema n to n + 1.
        busy_s: how long to wait for a process that holds the file.
        log_bytes: fold the write-ahead log into the file when it is longer.
    Returns:
        A connection without implicit transactions, for use under a lock (`edge.alert.database`).
    Raises:
        StoreError: locked, read-only, not a file of SQLite, of a newer firetower, of another program; the message
            names the file.
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


def open_memory(migrations: Sequence[str]) -> sqlite3.Connection:
    """Make a database that is gone with its connection, for use as that of `open_database`."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.text_factory = _text
    for setting in ("auto_vacuum = INCREMENTAL", "foreign_keys = ON"):
        db.execute(f"PRAGMA {setting}")
    _migrate(db, migrations)
    return db


def translate(path: Path, what: str, error: Exception) -> StoreError:
    """Return the error to raise instead of SQLite's, with what to do about it."""
    code = _code(error)
    kind, advice = DiskError if code in _OF_THE_DISK else StoreError, _ADVICE.get(code)
    return kind(f"event store '{path}': {what}: {error}" + (f"; {advice}" if advice else ""))


def held(path: Path) -> StoreError:
    """Return the error of a file that is open elsewhere."""
    return StoreError(
        f"event store '{path}': cannot open it: database is locked; {_ADVICE[sqlite3.SQLITE_BUSY]}"
    )


def check_file(path: Path, migrations: Sequence[str]) -> None:
    """See that what `open_database` would open is a file of ours, or a damaged one or none, and change nothing.

    Another process may hold it. What is in a write-ahead log is not looked at.

    Raises:
        StoreError: as `open_database`, but for a file that is locked.
    """
    check_place(path)
    with suppress(_DamagedError):
        if _judge(path) in {"ours", "unknown"} and _size(files(path)[1]) == 0:
            uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
            try:
                with closing(sqlite3.connect(uri, uri=True)) as db:
                    db.text_factory = _text
                    _check_owner(db, path, migrations)
            except sqlite3.Error as error:
                if not _is_damage(path, error):
                    raise translate(path, "cannot read it", error) from error


def check_place(path: Path) -> None:
    """See that a file could be there, without opening it: another process may hold it.

    SQLite has errors of many kinds for what cannot be written. A folder on tmpfs has a few bytes: it would be
    taken for a damaged file and moved aside.

    Raises:
        StoreError: no such folder, one that cannot be searched, something in its place, read-only.
    """
    folder = path.absolute().parent
    try:
        folder_mode, mode = _mode(folder), _mode(path)
    except OSError as error:
        raise _unfit(path, str(error)) from error
    if folder_mode is None or not stat.S_ISDIR(folder_mode):
        raise _unfit(path, f"there is no folder '{folder}'")
    if mode is not None and not stat.S_ISREG(mode):
        raise _unfit(path, "it is a folder" if stat.S_ISDIR(mode) else "it is not a file")
    for place in (folder,) if mode is None else (folder, path):
        for right, lack in ((os.W_OK, "is read-only"), (os.R_OK, "cannot be read")):
            if not os.access(place, right, effective_ids=True):
                advice = _ADVICE[sqlite3.SQLITE_READONLY]
                raise StoreError(f"event store '{path}': '{place}' {lack}; {advice}")


def _unfit(path: Path, why: str) -> StoreError:
    return StoreError(f"event store '{path}': cannot open it: {why}; {_ADVICE[sqlite3.SQLITE_CANTOPEN]}")


def _mode(path: Path) -> int | None:
    """Return what is there, None where nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _open(path: Path, migrations: Sequence[str], busy_s: float, log_bytes: int) -> sqlite3.Connection:
    check_place(path)
    try:
        _judge(path)
        _check_log(path)
        db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        db.text_factory = _text
    except (sqlite3.Error, OSError) as error:
        raise error if isinstance(error, StoreError) else translate(path, "cannot open it", error) from error
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check_owner(db, path, migrations)
        _prepare(db, log_bytes)
        _migrate(db, migrations)
        _sync(path.absolute().parent)
    except BaseException as error:
        db.close()
        if isinstance(error, _DamagedError | StoreError) or not isinstance(error, Exception):
            raise
        if _is_damage(path, error):
            raise _DamagedError(str(error)) from error
        raise translate(path, "cannot open it", error) from error
    return db


def _text(raw: bytes) -> str:
    """Read a text as it is: what is no UTF-8 in it nobody can encode or decode, so damage stays with its row."""
    return raw.decode("utf-8", "surrogateescape")


def _judge(path: Path) -> header.Verdict:
    """Look at the first bytes before SQLite does: it would write in what is not ours."""
    size, log_bytes = _size(path), _size(files(path)[1])
    try:
        head = _head(path)
        verdict = header.judge(head, size)
    except OSError as error:
        raise translate(path, "cannot read it", error) from error
    if verdict == "not SQLite":
        raise StoreError(f"event store '{path}': not a file of SQLite; name a file that is ours or new")
    if verdict == "foreign":
        raise _foreign(path)
    if verdict == "damaged":
        raise _DamagedError(f"its header of {size} bytes" if size < header.LEAST_BYTES else "its header")
    if verdict in {"ours", "unknown"} and not log_bytes and header.is_impossible(head):
        raise _DamagedError("its header: a format that SQLite never wrote")
    if size == 0 < log_bytes:  # SQLite would delete the log, and with it what was committed
        raise _DamagedError("the file is empty but its write-ahead log is not")
    return verdict


def _foreign(path: Path) -> StoreError:
    return StoreError(
        f"event store '{path}': the database of another program; name a file that is ours or new"
    )


def _check_log(path: Path) -> None:
    """Keep a copy of a damaged write-ahead log: SQLite takes what is before the damage, and writes over the rest."""
    log = files(path)[1]
    found = wal.damage(log, header.page_bytes(_head(path)))
    if found is None:
        return
    kept = [old for _, old in _asides(path) if old.exists()]
    if any(filecmp.cmp(log, old, shallow=False) for old in kept):
        return  # an earlier try got so far
    aside = files(_free(path))[1]
    try:
        shutil.copyfile(log, aside)
        for place in (aside, aside.absolute().parent):
            _sync(place)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise translate(
            path, f"its write-ahead log is damaged and cannot be kept as '{aside}'", error
        ) from error
    _log.error("event store '%s': its write-ahead log is damaged: %s; kept as '%s'", path, found, aside)


def _check_owner(db: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """See that the tables are ours, of this version or an older one; only reads.

    The number of the schema and the tables must agree: one flipped bit of the number is damage.
    """
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    found = tables(db)
    whose = header.owner(application_id)
    if whose == "foreign" or (whose == "unknown" and (found or version)):
        raise _foreign(path)
    known = known_tables(migrations)
    actual = known.index(found) if found in known else None
    flipped = actual is not None and (version ^ actual).bit_count() == 1
    if whose == "damaged" or flipped or (actual != version and version <= len(migrations)):
        raise _DamagedError(f"its header: application id {application_id:#x}, schema {version}")
    if version > len(migrations):
        raise StoreError(
            f"event store '{path}': schema {version} was written by a newer firetower, this one knows up to "
            f"{len(migrations)}; update firetower, or name another file"
        )


def tables(db: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    """Return what is in a database: type, name and SQL of each table and index."""
    return db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def known_tables(migrations: Sequence[str]) -> list[list[tuple[str, str, str | None]]]:
    """Return the tables of each schema, from the empty one on."""
    with closing(sqlite3.connect(":memory:")) as db:
        known = [tables(db)]
        for migration in migrations:
            db.executescript(migration)
            known.append(tables(db))
    return known


def _prepare(db: sqlite3.Connection, log_bytes: int) -> None:
    """Take the file alone and check that it is whole; what must precede the first write comes first."""
    if db.execute("PRAGMA page_count").fetchone() == (0,):
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    db.execute("COMMIT")
    _check_whole(db)
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    pages = min(_LOG_PAGES, max(1, log_bytes // page_bytes))
    for setting in ("synchronous = FULL", "foreign_keys = ON", f"wal_autocheckpoint = {pages}"):
        db.execute(f"PRAGMA {setting}")
    db.execute(f"PRAGMA journal_size_limit = {pages * page_bytes}")


def _check_whole(db: sqlite3.Connection) -> None:
    """See that the file is whole; indices alone are made anew, where a byte of a row or of an index turned."""
    (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if found == "ok":
        return
    (worse,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if worse == "ok":
        with suppress(sqlite3.IntegrityError):
            db.execute("REINDEX")
        (worse,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if worse == "ok":
            _log.error("event store: its indices were damaged, and are made anew: %s", found)
            return
    raise _DamagedError(str(worse).replace("\n", " "))


def _migrate(db: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Bring the schema to this program's, one transaction a step."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number in range(version, len(migrations)):
        db.executescript(
            f"BEGIN IMMEDIATE; {migrations[number]}; PRAGMA application_id = {header.APPLICATION_ID}; "
            f"PRAGMA user_version = {number + 1}; COMMIT;"
        )


def _is_damage(path: Path, error: Exception) -> bool:
    """Say whether an error of SQLite means that the file is damaged."""
    if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return True
    if not isinstance(error, sqlite3.Error | MemoryError | OverflowError | UnicodeError):
        return False
    with suppress(OSError):
        head = _head(path)
        return len(head) == header.HEADER_BYTES and header.is_impossible(head)
    return False


def _asides(path: Path) -> list[tuple[Path, Path]]:
    """Return the names of what was moved aside so far, of the database and of its log."""
    found: list[tuple[Path, Path]] = []
    while True:
        aside = files(path.with_name(f"{path.name}.corrupt-{len(found) + 1}"))
        if not any(file.exists() for file in aside):
            return found
        found.append(aside)


def _free(path: Path) -> Path:
    """Return the next free name for what is moved aside."""
    return path.with_name(f"{path.name}.corrupt-{len(_asides(path)) + 1}")


def _move_aside(path: Path) -> Path:
    """Rename the file and its logs, so that they can be looked at; return the new name of the file."""
    aside = _free(path)
    try:
        for suffix in ("", "-wal", "-journal"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        _sync(path.absolute().parent)
    except OSError as error:
        raise translate(path, f"it is damaged and cannot be moved to '{aside}'", error) from error
    return aside


def _sync(place: Path) -> None:
    """Make a file's content durable, or a folder's entries."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file; of one that is not there, none."""
    try:
        with path.open("rb") as file:
            return file.read(header.HEADER_BYTES)
    except FileNotFoundError:
        return b""


def _code(error: Exception) -> int:
    """Return SQLite's primary result code, 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
