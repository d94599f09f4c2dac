"""The store: events and their evidence in one SQLite file, durable before anybody is told.

WAL with full sync; one connection that holds the file alone. The file has a bound in bytes (see `Store`).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from edge.alert.event import Event
from edge.errors import StoreError

_log = logging.getLogger(__name__)

APPLICATION_ID = 0x46495245  # "FIRE"; says whose file it is
MIN_BYTES = 1 << 20

# MIGRATIONS[n] takes a file from schema n to n + 1. An outbox will refer to event(id) and evidence.
MIGRATIONS = (
    """
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of opening, whatever the clocks say
        id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        phase TEXT NOT NULL,
        camera TEXT NOT NULL,
        document TEXT NOT NULL                  -- the newest revision, JSON
    ) STRICT;
    CREATE INDEX event_phase ON event (phase, seq);
    CREATE TABLE evidence (
        event_id TEXT NOT NULL REFERENCES event (id) ON DELETE CASCADE,
        revision INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (event_id, revision)
    ) STRICT;
    """,
)

_PAGE_BYTES = 4096
_TREE_BYTES = 16 * _PAGE_BYTES  # what a commit may touch of the trees, beyond its own document and JPEG
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another process holds it; stop the other daemon, or give this one its own file",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk is full or failing; free some space, look at the kernel's log",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for the daemon",
    sqlite3.SQLITE_CANTOPEN: "its folder must exist and be writable for the daemon",
    sqlite3.SQLITE_CORRUPT: "restart the daemon: it moves the file aside and starts a new one",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What a store holds.

    Attributes:
        open_events, closed_events: by their newest revision.
        evidence: JPEGs.
        shed_evidence, shed_events: removed by this process to stay within the bound.
        bytes: of the file and its write-ahead log on disk.
    """

    open_events: int
    closed_events: int
    evidence: int
    shed_evidence: int
    shed_events: int
    bytes: int


class Store:
    """Events of one tower, newest revision each, with the first and the newest JPEG. Thread-safe.

    The bound: the file with its write-ahead log stays within `max_bytes`. When a commit needs room, the evidence
    of closed events goes first, oldest event first, then closed events whole, oldest first. Open events and
    their evidence stay, and the newest commit is never refused: only open events can exceed the bound, which
    is logged. Age is the order of opening.
    """

    def __init__(self, path: Path, max_bytes: int = 64 << 20, busy_s: float = 2.0) -> None:
        """Open or create a file; one that is damaged is moved aside to `NAME.corrupt-N`, never deleted.

        Args:
            path: in an existing folder.
            max_bytes: the bound, at least MIN_BYTES.
            busy_s: how long to wait for a process that holds the file.
        Raises:
            ValueError: the bound is too small.
            StoreError: locked, read-only, of a newer firetower or of another program; names the file.
        """
        if max_bytes < MIN_BYTES:
            raise ValueError(f"store: expected a bound of at least {MIN_BYTES} bytes, got {max_bytes}")
        self.path = path
        self._max_bytes = max_bytes
        self._wal_bytes = max_bytes // 8  # checkpoint above this
        self._lock = threading.Lock()
        self._shed_evidence = self._shed_events = 0
        self._exceeded = False
        try:
            self._db = self._open(busy_s)
        except _DamagedError as error:
            aside = _move_aside(path)
            _log.error("event store '%s' is damaged (%s): moved to '%s', starting a new one", path, error, aside)
            self._db = self._open(busy_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Fold the log into the file and let go of it; a second call does nothing."""
        with self._lock:
            self._db.close()

    def commit(self, event: Event, evidence: bytes | None = None) -> bool:
        """Store one revision of an event with its JPEG, in one transaction that is on the disk on return.

        Returns:
            Whether it was new; a revision that the store has, or one older than that, changes nothing.
        Raises:
            StoreError: the disk is full or failing, the file is read-only or damaged; nothing was stored, and
                what was there before is intact.
        """
        document = msgspec.json.encode(event).decode()
        with self._guarded(f"cannot store event {event.id} revision {event.revision}"):
            with self._transaction():
                known = self._db.execute("SELECT revision FROM event WHERE id = ?", (event.id,)).fetchone()
                if known is not None and known[0] >= event.revision:
                    return False
                self._make_room(event.id, len(document.encode()) + len(evidence or b""))
                self._put(event, document, evidence)
            self._checkpoint()
        return True

    def close_orphans(self) -> list[Event]:
        """Close the events that an earlier process left open; call it before this one opens any.

        Returns:
            The new revisions, oldest first: closed at their last sight, for nobody knows what came after it.
        Raises:
            StoreError: as `commit`.
        """
        with self._guarded("cannot read the open events"):
            rows = self._db.execute("SELECT document FROM event WHERE phase != 'closed' ORDER BY seq").fetchall()
        orphans = [self._decode(row[0]) for row in rows]
        closed = [
            msgspec.structs.replace(event, revision=event.revision + 1, phase="closed", closed=event.updated)
            for event in orphans
        ]
        for event in closed:
            self.commit(event)
        return closed

    def events(self, limit: int = 100) -> list[Event]:
        """Return the newest revision of the last `limit` events, newest first.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._guarded("cannot read the events"):
            rows = self._db.execute("SELECT document FROM event ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        return [self._decode(row[0]) for row in rows]

    def evidence(self, event_id: str, revision: int | None = None) -> bytes | None:
        """Return the JPEG of a revision (None: the newest), or None where there is none (any more).

        Raises:
            StoreError: the file cannot be read.
        """
        with self._guarded(f"cannot read the evidence of event {event_id}"):
            row = self._db.execute(
                "SELECT jpeg FROM evidence WHERE event_id = ?1 AND revision = ifnull(?2, revision) "
                "ORDER BY revision DESC LIMIT 1",
                (event_id, revision),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def counts(self) -> Counts:
        """Count what is there.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._guarded("cannot count the events"):
            total, closed, evidence = self._db.execute(
                "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event WHERE phase = 'closed'), "
                "(SELECT count(*) FROM evidence)"
            ).fetchone()
            on_disk = sum(_size(file) for file in _files(self.path))
        return Counts(total - closed, closed, evidence, self._shed_evidence, self._shed_events, on_disk)

    def _open(self, busy_s: float) -> sqlite3.Connection:
        """Open the file, take it for this process alone, check it and bring it to this schema."""
        log = _files(self.path)[1]
        if _size(self.path) == 0 and _size(log) > 0:  # SQLite would delete the log, and what was committed to it
            raise _DamagedError("the file is empty but its write-ahead log is not")
        db = None
        try:
            db = sqlite3.connect(self.path, timeout=busy_s, isolation_level=None, check_same_thread=False)
            _prepare(db)
            _migrate(db, self.path)
            _sync_folder(self.path)
        except (sqlite3.Error, OSError) as error:
            if db is not None:
                db.close()
            if isinstance(error, sqlite3.Error) and _code(error) in _UNREADABLE:
                raise _DamagedError(str(error)) from error
            raise _translated(self.path, "cannot open", error) from error
        except BaseException:
            db.close()
            raise
        return db
