"""The tower's one database, for the store and the outbox: its connection, its schema and its budget of bytes.

Whoever keeps something in it asks for a transaction, makes room in it, and writes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from edge.alert import damage
from edge.alert.schema import MIGRATIONS
from edge.alert.sqlite import disk_bytes, files, held, open_database, open_memory, translate
from edge.errors import StoreError

_log = logging.getLogger(__name__)

MEMORY = Path(":memory:")
MIN_BYTES = 1 << 20
_TREE_BYTES = 64 << 10  # what a transaction may touch beyond what it says that it needs
_CLOSE_WAIT_S = 0.2

_CLOSED_EVIDENCE = (  # CROSS: in the order of the evidence, so that only open events are passed over
    "SELECT evidence.seq, event.id FROM evidence CROSS JOIN event USING (seq) "
    "WHERE phase = 'closed' AND evidence.seq > ? ORDER BY evidence.seq LIMIT 1"
)
_CLOSED_EVENT = "SELECT seq, id FROM event WHERE phase = 'closed' AND seq > ? ORDER BY seq LIMIT 1"

_Identity: TypeAlias = tuple[int, int] | None
Owed = Callable[[sqlite3.Connection, str], bool]
GiveUp = Callable[[sqlite3.Connection], Iterator[bool]]


@dataclass(frozen=True, slots=True)
class Shed:
    """What a process removed to stay within the bound."""

    evidence: int = 0
    events: int = 0


# Which files this process holds. Whoever closes a file gives up all locks that the process has on it (POSIX), so it is
# asked before one is looked at.
_held: weakref.WeakKeyDictionary[Database, _Identity] = weakref.WeakKeyDictionary()


def nobody(_db: sqlite3.Connection, _event_id: str) -> bool:
    """Say that an event is owed to nobody."""
    return False


def nothing(_db: sqlite3.Connection) -> Iterator[bool]:
    """Give nothing up."""
    return iter(())


class Database:
    """One file, held by one process. Thread-safe.

    The bound: the file with its write-ahead log stays within `max_bytes`. When a transaction needs room, the evidence
    of closed events goes first, that of the oldest event before others, then closed events whole, oldest first; what
    is still owed to somebody goes after all that is not, in the same order, and that is logged: evidence, then pictures
    that wait for a sink, then events, then texts that wait for one. Open events and their evidence stay, so only they
    could exceed the bound, which is logged. Age is the order of opening; no clock is asked.

    Args:
        path: in an existing folder; a damaged file is moved to `NAME.corrupt-N`, never deleted
            (`edge.alert.sqlite.open_database`). MEMORY: no file, gone with the process.
        max_bytes: the bound, at least MIN_BYTES.
        owed: whether an event (its id) is still owed to somebody; asked within the transaction that needs room, on its
            connection, which it may read.
        pictures, texts: give up one thing at a time that waits for a sink, what goes first before the rest; asked as
            `owed`.
        busy_s: how long to wait for a process that holds the file.
    Raises:
        ValueError: the bound is too small.
        StoreError: locked, read-only, not a file of SQLite, of a newer firetower, of another program; names the file.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int = 64 << 20,
        *,
        owed: Owed = nobody,
        pictures: GiveUp = nothing,
        texts: GiveUp = nothing,
        busy_s: float = 2.0,
    ) -> None:
        if max_bytes < MIN_BYTES:
            raise ValueError(f"store: expected a bound of at least {MIN_BYTES} bytes, got {max_bytes}")
        self.path = path
        self._max_bytes = max_bytes
        self._log_bytes = max_bytes // 8
        self._owed = owed
        self._pictures, self._texts = pictures, texts
        self._lock = threading.Lock()
        self._shed = Shed()
        self._exceeded = False
        self._in_memory = path == MEMORY
        if self._in_memory:
            self._db = open_memory(MIGRATIONS)
            return
        if _identity(path) in set(_held.values()) - {None}:
            raise held(path)
        self._db = open_database(path, MIGRATIONS, busy_s, self._log_bytes)
        with self.writing("cannot look for damage") as db:
            for what in damage.give_up(db):
                _log.error("event store '%s': damaged and given up: %s", path, what)
        self._identities = [_identity(file) for file in files(path)]
        _held[self] = self._identities[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Fold the log into the file and let go of it; a second call does nothing.

        A thread that hangs in a write keeps the file, until the process ends: nothing committed is lost by that.
        """
        if not self._lock.acquire(timeout=_CLOSE_WAIT_S):
            _log.error("event store '%s': a write hangs; the file is left as it is", self.path)
            return
        try:
            self._db.close()
            _held.pop(self, None)
        finally:
            self._lock.release()

    @property
    def shed(self) -> Shed:
        """What this process removed so far."""
        return self._shed

    @property
    def moved(self) -> bool:
        """Whether the file or its log is no longer under its name; what is written goes where nobody looks for it."""
        return not self._in_memory and [_identity(file) for file in files(self.path)] != self._identities

    def fold(self) -> None:
        """Fold the log into the file, which SQLite does not do when it closes one that was renamed.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self.reading("cannot fold its log into it") as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def disk_bytes(self) -> int:
        """Return the size of the file and its write-ahead log; nothing of what is in memory."""
        return 0 if self._in_memory else disk_bytes(self.path)

    @contextmanager
    def reading(self, what: str, wait_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the connection.

        Args:
            what: cannot be done where it fails, for the message.
            wait_s: how long to wait for another thread; None: as long as it takes.
        Raises:
            StoreError: instead of SQLite's own errors, or when the wait was in vain.
        """
        if not self._lock.acquire(timeout=-1 if wait_s is None else wait_s):
            raise StoreError(f"event store '{self.path}': {what}: a write takes longer than {wait_s:g} s")
        try:
            yield self._db
        except (sqlite3.Error, OSError) as error:
            raise translate(self.path, what, error) from error
        finally:
            self._lock.release()

    @contextmanager
    def writing(self, what: str, wait_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the connection in a transaction: all or nothing, and durable when it ends well.

        Args:
            what: as for `reading`.
            wait_s: as for `reading`.
        Raises:
            StoreError: the disk is full or failing, the file read-only or damaged; all is as it was before.
        """
        with self.reading(what, wait_s):
            with self._transaction():
                yield self._db
            self._shrink()

    def make_room(self, need_bytes: int) -> None:
        """Shed, within a transaction, until so much fits beside the log; what it frees is used again by what comes."""
        # once in the file and once in the log
        allowed = self._max_bytes - self._log_bytes - 2 * (need_bytes + _TREE_BYTES)
        shedding = self._shedding()
        while self._used_bytes() > allowed and next(shedding, False):
            pass
        exceeded = self._used_bytes() > allowed
        if exceeded and not self._exceeded:
            _log.warning(
                "event store '%s': open events alone exceed its %d bytes", self.path, self._max_bytes
            )
        self._exceeded = exceeded

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        shed = self._shed
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._shed = shed
            with suppress(sqlite3.Error):  # a full disk may have rolled back already
                self._db.execute("ROLLBACK")
            raise

    def _shedding(self) -> Iterator[bool]:
        """Remove one thing at a time, what goes first before the rest."""
        yield from self._shed_evidence(owed=False)
        yield from self._shed_events(owed=False)
        yield from self._shed_evidence(owed=True)
        yield from self._pictures(self._db)
        yield from self._shed_events(owed=True)
        yield from self._texts(self._db)
        yield from self._shed_events(owed=False)  # of those that were owed before

    def _shed_evidence(self, *, owed: bool) -> Iterator[bool]:
        for seq in self._closed(_CLOSED_EVIDENCE, owed):
            gone = self._db.execute("DELETE FROM evidence WHERE seq = ?", (seq,)).rowcount
            self._shed = Shed(self._shed.evidence + gone, self._shed.events)
            yield True

    def _shed_events(self, *, owed: bool) -> Iterator[bool]:
        for seq in self._closed(_CLOSED_EVENT, owed):
            self._db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            self._shed = Shed(self._shed.evidence, self._shed.events + 1)
            yield True

    def _closed(self, query: str, owed: bool) -> Iterator[int]:  # noqa: FBT001 — which of two kinds
        """Find the closed events of a query, oldest first, that are owed, or that are not."""
        seq = 0
        while (row := self._db.execute(query, (seq,)).fetchone()) is not None:
            seq, event_id = row
            if self._owed(self._db, event_id) is not owed:
                continue
            if owed:
                _log.warning(
                    "event store '%s': no room: event %s is shed and still owed", self.path, event_id
                )
            yield seq

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
        if self.disk_bytes() <= self._max_bytes:
            return
        try:
            with self._transaction():
                self.make_room(0)
            self._db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            _log.warning("event store '%s': cannot give room back to the disk: %s", self.path, error)


def _identity(file: Path) -> _Identity:
    """Return which file a name stands for; None where it stands for none that can be seen."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
