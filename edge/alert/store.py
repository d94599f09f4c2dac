"""The event store: what a tower saw, on disk before anybody is told.

The newest revision of each event, with its first and its newest JPEG.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from edge.alert import escalation
from edge.alert.database import Database
from edge.alert.escalation import Elsewhere
from edge.alert.event import Event
from edge.alert.evidence import Picture
from edge.alert.outbox import Outbox

_log = logging.getLogger(__name__)

# The severity is in the document alone: a column would be a schema that an older firetower, put back, refuses.
_COUNT = (
    "SELECT phase = 'closed', count(*), sum(CASE WHEN json_valid(document) "
    "THEN ifnull(json_extract(document, '$.severity'), 'alert') = 'alert' ELSE 1 END) FROM event "
    "WHERE id NOT GLOB 'drill.*' GROUP BY 1"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a store holds, but for drills.

    Attributes:
        open_events, closed_events: by their newest revision.
        open_alerts, closed_alerts: those of them that are alerts.
        evidence: JPEGs.
        shed_evidence, shed_events: how many this process removed to stay within the bound.
        bytes: of the file and its write-ahead log, on disk.
    """

    open_events: int
    closed_events: int
    open_alerts: int
    closed_alerts: int
    evidence: int
    shed_evidence: int
    shed_events: int
    bytes: int


class Store:
    """The events of one tower, in its database. Thread-safe.

    Args:
        database: which holds them.
        outbox: in the same database; None where nobody is told.
    """

    def __init__(self, database: Database, outbox: Outbox | None = None) -> None:
        self._database = database
        self._outbox = outbox

    def commit(
        self,
        event: Event,
        evidence: bytes | None = None,
        pictures: Sequence[Picture] = (),
        elsewhere: Elsewhere | None = None,
    ) -> bool:
        """Store one revision of an event with its JPEG, in one transaction that is on the disk on return.

        Args:
            event: the revision.
            evidence: the JPEG that is kept of it here.
            pictures: those that go to the sinks with it.
            elsewhere: as for `Outbox.put`.
        Returns:
            Whether it was new; a revision that the store has, or one before that, changes nothing.
        Raises:
            StoreError: the disk is full or failing, the file read-only or damaged; then nothing of this
                revision is stored, and what was there before is as it was.
        """
        document = msgspec.json.encode(event)
        with self._database.writing(f"cannot store event {event.id} revision {event.revision}") as db:
            known = db.execute("SELECT revision FROM event WHERE id = ?", (event.id,)).fetchone()
            if known is not None and known[0] >= event.revision:
                return False
            sent_bytes = sum(len(document) + len(picture.jpeg) for picture in pictures) + len(document)
            need_bytes = len(document) + len(evidence or b"") + (0 if self._outbox is None else sent_bytes)
            self._database.make_room(need_bytes)
            _put(db, event, document.decode(), evidence)
            if self._outbox is not None:
                self._outbox.put(db, event, pictures, elsewhere)
        return True

    def add(self, event: Event, pictures: Sequence[Picture]) -> None:
        """Let the sinks have further pictures of a revision that is stored; nothing where its event is shed.

        Raises:
            StoreError: as `commit`.
        """
        if self._outbox is None:
            return
        with self._database.writing(f"cannot store pictures of event {event.id}") as db:
            if db.execute("SELECT 1 FROM event WHERE id = ?", (event.id,)).fetchone() is None:
                return
            document_bytes = len(msgspec.json.encode(event))
            self._database.make_room(sum(document_bytes + len(picture.jpeg) for picture in pictures))
            self._outbox.add(db, event, pictures)

    def close_orphans(self, mine: Collection[str] = ()) -> Iterator[Event]:
        """Close the events that an earlier process left open.

        Args:
            mine: the ids of events that are this process's own.
        Returns:
            Their new revisions, oldest first, each on disk; closed at the last sight: nobody knows what came after it.
            One that is damaged is over, too, and nothing is told of it.
        Raises:
            StoreError: as `commit`.
        """
        for event_id, event in self._read("WHERE phase != 'closed' ORDER BY seq"):
            if event_id in mine:
                continue
            if event is None:
                self._end(event_id)
            else:
                closed = msgspec.structs.replace(
                    event, revision=event.revision + 1, phase="closed", closed=event.updated
                )
                self.commit(closed)
                yield closed

    def events(self, limit: int = 100) -> list[Event]:
        """Return the newest revision of the last `limit` events, newest event first.

        Raises:
            StoreError: the file cannot be read.
        """
        return [event for _, event in self._read("ORDER BY seq DESC LIMIT ?", limit) if event is not None]

    def evidence(self, event_id: str, revision: int | None = None) -> bytes | None:
        """Return the JPEG of a revision (None: the newest JPEG); None where there is none, or none any more.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading(f"cannot read the evidence of event {event_id}") as db:
            row = db.execute(
                "SELECT jpeg FROM evidence WHERE seq = (SELECT seq FROM event WHERE id = ?1) "
                "AND revision = ifnull(?2, revision) ORDER BY revision DESC LIMIT 1",
                (event_id, revision),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def counts(self, wait_s: float | None = None) -> Counts:
        """Count what is there.

        Args:
            wait_s: how long to wait for a commit that goes on; None: as long as it takes.
        Raises:
            StoreError: the file cannot be read, or not in that time.
        """
        with self._database.reading("cannot count the events", wait_s) as db:
            events = db.execute(_COUNT).fetchall()
            (evidence,) = db.execute("SELECT count(*) FROM evidence").fetchone()
            on_disk, shed = self._database.disk_bytes(), self._database.shed
        counted = {bool(closed): (count, alerts) for closed, count, alerts in events}
        (opened, open_alerts), (closed, closed_alerts) = (counted.get(end, (0, 0)) for end in (False, True))
        return Counts(
            open_events=opened, closed_events=closed, open_alerts=open_alerts, closed_alerts=closed_alerts,
            evidence=evidence, shed_evidence=shed.evidence, shed_events=shed.events, bytes=on_disk,
        )  # fmt: skip

    def _end(self, event_id: str) -> None:
        with self._database.writing(f"cannot end event {event_id}") as db:
            db.execute("UPDATE event SET phase = 'closed' WHERE id = ?", (event_id,))
            escalation.end(db, event_id)

    def _read(self, clause: str, *values: int) -> list[tuple[str, Event | None]]:
        """Read documents by their ids; one that does not decode is logged and None, so that it stops nobody."""
        with self._database.reading("cannot read the events") as db:
            rows = db.execute(f"SELECT id, document FROM event {clause}", values).fetchall()  # noqa: S608 — ours
        found: list[tuple[str, Event | None]] = []
        for event_id, document in rows:
            try:
                found.append((event_id, msgspec.json.decode(document, type=Event)))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                _log.error(
                    "event store '%s': event %s cannot be read: %s", self._database.path, event_id, error
                )
                found.append((event_id, None))
        return found


def _put(db: sqlite3.Connection, event: Event, document: str, evidence: bytes | None) -> None:
    (seq,) = db.execute(
        "INSERT INTO event (id, revision, phase, document) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, phase = excluded.phase, "
        "document = excluded.document RETURNING seq",
        (event.id, event.revision, event.phase, document),
    ).fetchone()
    if evidence is not None:
        db.execute(
            "DELETE FROM evidence WHERE seq = ?1 "
            "AND revision > (SELECT min(revision) FROM evidence WHERE seq = ?1)",
            (seq,),
        )
        db.execute("INSERT INTO evidence VALUES (?, ?, ?)", (seq, event.revision, evidence))
