"""The event store: what a tower saw, on disk before anybody is told, within a bound in bytes.

The newest revision of each event, with its first and its newest JPEG; the outbox will live in the same file.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from edge.alert.database import disk_bytes, open_database, translate
from edge.alert.event import Event

_log = logging.getLogger(__name__)

MIN_BYTES = 1 << 20
MIGRATIONS = (
    """
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of opening, whatever the clocks say
        id TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        phase TEXT NOT NULL,
        document TEXT NOT NULL                  -- the newest revision, JSON
    ) STRICT;
    CREATE INDEX event_phase ON event (phase, seq);
    CREATE TABLE evidence (
        seq INTEGER NOT NULL REFERENCES event (seq) ON DELETE CASCADE,
        revision INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (seq, revision)
    ) STRICT
    """,
)
_TREE_BYTES = 64 << 10  # what a commit may touch beyond its document and its JPEG

_OLDEST_EVIDENCE = (  # CROSS: in the order of the evidence, so that only open events are passed over
    "SELECT evidence.seq FROM evidence CROSS JOIN event USING (seq) WHERE phase = 'closed' "
    "ORDER BY evidence.seq LIMIT 1"
)
_OLDEST_CLOSED = "SELECT seq FROM event WHERE phase = 'closed' ORDER BY seq LIMIT 1"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a store holds.

    Attributes:
        open_events, closed_events: by their newest revision.
        evidence: JPEGs.
        shed_evidence, shed_events: how many this process removed to stay within the bound.
        bytes: of the file and its write-ahead log, on disk.
    """

    open_events: int
    closed_events: int
    evidence: int
    shed_evidence: int
    shed_events: int
    bytes: int


class Store:
    """The events of one tower. Thread-safe; one process holds the file.

    The bound: the file with its write-ahead log stays within `max_bytes`. When a commit needs room, the
    evidence of closed events goes first, that of the oldest event before others, then closed events whole,
    oldest first. Open events and their evidence stay and the newest commit is never refused, so only they
    could exceed the bound, which is logged. Age is the order of opening; no clock is asked.
    """

    def __init__(self, path: Path, max_bytes: int = 64 << 20, busy_s: float = 2.0) -> None:
        """Open or create a file; one that is damaged is moved to `NAME.corrupt-N`, never deleted.

        Args:
            path: in an existing folder.
            max_bytes: the bound, at least MIN_BYTES.
            busy_s: how long to wait for a process that holds the file.
        Raises:
            ValueError: the bound is too small.
            StoreError: locked, read-only, of a newer firetower, of another program; names the file.
        """
        if max_bytes < MIN_BYTES:
            raise ValueError(f"store: expected a bound of at least {MIN_BYTES} bytes, got {max_bytes}")
        self.path = path
        self._max_bytes = max_bytes
        self._log_bytes = max_bytes // 8
        self._lock = threading.Lock()
        self._shed_evidence = self._shed_events = 0
        self._exceeded = False
        self._db = open_database(path, MIGRATIONS, busy_s, self._log_bytes)
        with self._lock:
            self._shrink()

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
            Whether it was new; a revision that the store has, or one before that, changes nothing.
        Raises:
            StoreError: the disk is full or failing, the file read-only or damaged; then nothing of this
                revision is stored, and what was there before is as it was.
        """
        document = msgspec.json.encode(event)
        with self._held(f"cannot store event {event.id} revision {event.revision}"):
            with self._transaction():
                known = self._db.execute("SELECT revision FROM event WHERE id = ?", (event.id,)).fetchone()
                if known is not None and known[0] >= event.revision:
                    return False
                self._make_room(len(document) + len(evidence or b""))
                self._put(event, document.decode(), evidence)
            self._shrink()
        return True

    def close_orphans(self) -> list[Event]:
        """Close the events that an earlier process left open; call it before this one opens any.

        Returns:
            Their new revisions, oldest first, closed at the last sight: nobody knows what came after it.
        Raises:
            StoreError: as `commit`.
        """
        closed = [
            msgspec.structs.replace(event, revision=event.revision + 1, phase="closed", closed=event.updated)
            for event in self._read("WHERE phase != 'closed' ORDER BY seq")
        ]
        for event in closed:
            self.commit(event)
        return closed

    def events(self, limit: int = 100) -> list[Event]:
        """Return the newest revision of the last `limit` events, newest event first.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._read("ORDER BY seq DESC LIMIT ?", limit)

    def evidence(self, event_id: str, revision: int | None = None) -> bytes | None:
        """Return the JPEG of a revision (None: the newest JPEG); None where there is none, or none any more.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._held(f"cannot read the evidence of event {event_id}"):
            row = self._db.execute(
                "SELECT jpeg FROM evidence WHERE seq = (SELECT seq FROM event WHERE id = ?1) "
                "AND revision = ifnull(?2, revision) ORDER BY revision DESC LIMIT 1",
                (event_id, revision),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def counts(self) -> Counts:
        """Count what is there.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._held("cannot count the events"):
            total, closed, evidence = self._db.execute(
                "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event WHERE phase = 'closed'), "
                "(SELECT count(*) FROM evidence)"
            ).fetchone()
            on_disk = disk_bytes(self.path)
        return Counts(total - closed, closed, evidence, self._shed_evidence, self._shed_events, on_disk)

    @contextmanager
    def _held(self, what: str) -> Iterator[None]:
        """Hold the connection; SQLite's errors become ours."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise translate(self.path, what, error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and durable when it ends well."""
        shed = self._shed_evidence, self._shed_events
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._shed_evidence, self._shed_events = shed
            with suppress(sqlite3.Error):  # a full disk may have rolled back already
                self._db.execute("ROLLBACK")
            raise

    def _read(self, clause: str, *values: int) -> list[Event]:
        """Read documents; one that does not decode is logged and left out, so that it stops nobody."""
        with self._held("cannot read the events"):
            rows = self._db.execute(f"SELECT id, document FROM event {clause}", values).fetchall()  # noqa: S608 — ours
        found = []
        for event_id, document in rows:
            try:
                found.append(msgspec.json.decode(document, type=Event))
            except msgspec.DecodeError as error:
                _log.error("event store '%s': event %s cannot be read: %s", self.path, event_id, error)
        return found

    def _put(self, event: Event, document: str, evidence: bytes | None) -> None:
        (seq,) = self._db.execute(
            "INSERT INTO event (id, revision, phase, document) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, phase = excluded.phase, "
            "document = excluded.document RETURNING seq",
            (event.id, event.revision, event.phase, document),
        ).fetchone()
        if evidence is not None:
            self._db.execute(
                "DELETE FROM evidence WHERE seq = ?1 "
                "AND revision > (SELECT min(revision) FROM evidence WHERE seq = ?1)",
                (seq,),
            )
            self._db.execute("INSERT INTO evidence VALUES (?, ?, ?)", (seq, event.revision, evidence))

    def _make_room(self, need_bytes: int) -> None:
        """Shed until a commit of this size fits beside the log; what it frees is used again by what comes."""
        allowed = (
            self._max_bytes - self._log_bytes - 2 * (need_bytes + _TREE_BYTES)
        )  # in the file and in the log
        while self._used_bytes() > allowed and self._shed_one():
            pass
        exceeded = self._used_bytes() > allowed
        if exceeded and not self._exceeded:
            _log.warning(
                "event store '%s': open events alone exceed its %d bytes", self.path, self._max_bytes
            )
        self._exceeded = exceeded

    def _shed_one(self) -> bool:
        """Remove what goes first; return whether there was anything."""
        row = self._db.execute(_OLDEST_EVIDENCE).fetchone()
        if row is not None:
            gone = self._db.execute("DELETE FROM evidence WHERE seq = ?", row)
            self._shed_evidence += gone.rowcount
            return True
        row = self._db.execute(_OLDEST_CLOSED).fetchone()
        if row is not None:
            self._db.execute("DELETE FROM event WHERE seq = ?", row)
            self._shed_events += 1
        return row is not None

    def _used_bytes(self) -> int:
        pages, free, page_bytes = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page_bytes)

    def _shrink(self) -> None:
        """Give room back to the disk, after a smaller bound or after open events exceeded it.

        Nothing depends on it, a commit is durable before: a failure is logged, and the next commit tries again.
        """
        if disk_bytes(self.path) <= self._max_bytes:
            return
        try:
            with self._transaction():
                self._make_room(0)
            self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            _log.warning("event store '%s': cannot give room back to the disk: %s", self.path, error)
