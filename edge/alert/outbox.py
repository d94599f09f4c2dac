"""The outbox: what each sink is still owed, on disk in the transaction of the event that it is of.

One message per sink for each revision and each picture. What is settled leaves; what a sink will not get is listed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from edge.alert import drill, escalation, fate, listing
from edge.alert.booking import Booking, Holds, nothing_held
from edge.alert.database import MEMORY, Database
from edge.alert.delivery import (
    Debt,
    Found,
    Moment,
    Settled,
    best,
    find,
    owe,
    read,
)
from edge.alert.escalation import Elsewhere
from edge.alert.event import Event
from edge.alert.evidence import Picture
from edge.alert.fate import Word
from edge.alert.route import Line, Message, Note, Queue, Review, Rules
from edge.alert.storm import Storms
from edge.clock import Clock
from edge.errors import StoreError

_log = logging.getLogger(__name__)


class Outbox:
    """What the sinks of one tower are owed, in its database. Thread-safe.

    What the disk does not take of a delivery's fate is remembered, and goes with the next thing that it takes; a
    process that ends before then sends again, under the same key.

    Args:
        database: opened with `edge.alert.shedding`'s `owed`, `pictures` and `texts`.
        rules: by what it decides.
        clock: monotonic time.
        storms: what is known of them; shared by all outboxes of a process.
        gone: the sinks that want nothing any more; shared as well.
        holds: whether a revision is held back since a person silenced its camera; asked with monotonic time, within the
            transaction.
    """

    def __init__(
        self,
        database: Database,
        rules: Rules,
        clock: Clock,
        storms: Storms,
        gone: set[str] | None = None,
        holds: Holds = nothing_held,
    ) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._storms = storms
        self._stored = database.path != MEMORY
        self._unsaved: dict[tuple[str, str], tuple[Word | None, str]] = {}  # None: handed over
        self._gone: set[str] = set() if gone is None else gone
        self._booking = Booking(rules, storms, self._gone, holds)

    def adopt(self) -> None:
        """Take over what an earlier process left, by the sinks that there are now.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._database.writing("cannot look through the outbox") as db:
            fate.adopt(db, self._rules)
            listing.resume(db, self._storms, self._now())

    def put(
        self,
        db: sqlite3.Connection,
        event: Event,
        images: Sequence[Picture] = (),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Owe a revision and its pictures to the sinks, within the transaction that stores the event.

        A live event ends a drill. No drill is held back or listed.

        Args:
            db: in the transaction.
            event: the revision, which the table of events has.
            images: its pictures, each role once.
            elsewhere: what the outbox knows that had the revision before.
        """
        now = self._now()
        self._save(db, now)
        self._booking.revision(db, event, images, elsewhere or Elsewhere(None), now)

    def add(self, db: sqlite3.Connection, event: Event, images: Sequence[Picture]) -> None:
        """Owe further pictures of a revision that was stored before, within a transaction.

        Args:
            db: in the transaction.
            event: the revision.
            images: pictures of it; one that is there already changes nothing.
        """
        now = self._now()
        self._save(db, now)
        self._booking.further(db, event, images, now)

    def note(self, note: Note) -> None:
        """Owe a message about the tower to the sinks that want such; it takes the place of one that was not sent.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing(f"cannot store a message about {note.subject}") as (db, now):
            self._database.make_room(len(msgspec.json.encode(note)))
            self._booking.note(db, note, now)

    def best(
        self, sink: str, admit: Callable[[Line], bool], skip: Collection[str], *, unheard: bool, wait_s: float
    ) -> Found | None:
        """Return what goes to a sink next, as `edge.alert.delivery.best`; it stays as it is.

        Raises:
            StoreError: the file cannot be read, or another thread had it for longer than `wait_s`.
        """
        with self._database.reading("cannot read the outbox", wait_s) as db:
            return best(db, sink, admit, self._hidden(sink, skip), unheard=unheard)

    def take(self, found: Found, sink: str, wait_s: float) -> Message | None:
        """Note that a message is handed over, and return it; None where another one took its place meanwhile.

        From then on it is never coalesced, for the sink may have it.

        Raises:
            StoreError: the file cannot be read, or not in that time.
        """
        again = False
        try:
            with self._writing("cannot note what is sent", wait_s) as (db, _):
                again = not db.execute(
                    "UPDATE delivery SET sent = 1 WHERE message = ? AND sink = ? AND NOT sent",
                    (found.seq, sink),
                ).rowcount
        except StoreError:
            self._unsaved.setdefault((found.line.key, sink), (None, ""))
        with self._database.reading("cannot read the outbox", wait_s) as db:
            if find(db, found.line.key, sink) is None:
                self._unsaved.pop((found.line.key, sink), None)
                return None
            try:
                return read(db, found.seq, sink, stored=self._stored, again=again)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                why = f"it cannot be read: {error}"
        _log.error("message %s: %s", found.line.key, why)
        self.settle(found.line.key, sink, "refused", why)
        return None

    def settle(self, key: str, sink: str, word: Word, why: str) -> None:
        """Remember what became of a delivery, for `save`; from now on it does not go."""
        self._unsaved[key, sink] = (word, why)

    def save(self, wait_s: float) -> None:
        """Write down what became of deliveries.

        Raises:
            StoreError: the disk is full or failing, or another thread had it for longer than `wait_s`; it is kept, and
                goes with the next thing that the disk takes.
        """
        if self._unsaved:
            with self._writing("cannot note what was sent", wait_s):
                pass

    def tick(self, wait_s: float) -> list[str]:
        """Do what is due: escalate, renew what a storm lists, end what nobody heard for a day.

        Returns:
            What was escalated, for the log.
        Raises:
            StoreError: the disk is full or failing, or another thread had it for longer than `wait_s`.
        """
        with self._writing("cannot keep the outbox", wait_s) as (db, now):
            before = db.total_changes
            steps = escalation.escalate_due(db, self._rules, now)
            fate.expire(db, now)
            db.execute(
                "UPDATE delivery SET state = 'waiting' WHERE state = 'timed' AND (boot != ? OR since_ns <= ?)",
                (now.boot, now.ns),
            )
            listing.end(db, self._storms, self._rules, now, self._booking.put_note)
            if db.total_changes != before:
                self._booking.fit(db)
        return [f"event {event_id}: nobody acknowledged it: step {step}" for event_id, step in steps]

    def review(self, event_id: str, said: Review) -> bool:
        """Note what a person said of an event, and owe it to the sinks; return whether it was known and this is news.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing(f"cannot store what was said of event {event_id}") as (db, now):
            self._database.make_room(4000)
            news = escalation.review(db, event_id, said, self._rules, now)
            self._booking.fit(db)
        return news

    def request(self, event_id: str, sink: str, largest_bytes: int | None = None) -> bool:
        """Owe the newest full frame of an event to a sink; return whether there is one for it.

        Args:
            event_id: the event's.
            sink: its name; there is none for it where the event does not go to it.
            largest_bytes: of what it takes; None: anything, as far as is known.
        Raises:
            StoreError: the disk is full or failing, or the event cannot be read.
        """
        what = f"cannot ask for the frame of event {event_id}"
        with self._writing(what) as (db, now):
            try:
                found = escalation.full_frame(db, event_id, sink, self._rules, largest_bytes)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise StoreError(f"{what}: it cannot be read: {error}") from error
            if found is None or sink in self._gone:
                return False
            seq, key, debt = found
            owe(db, seq, key, [debt], now)
        return True

    def step(self, event_id: str) -> int:
        """Return the step of escalation that an event went to; 0: none.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading(f"cannot look for event {event_id}") as db:
            about = escalation.subject(db, event_id)
        return 0 if about is None else about.step

    def waits(self, event_id: str) -> bool:
        """Say whether a message of an event waits for a sink; what nobody heard does not.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading(f"cannot look for event {event_id}") as db:
            row = db.execute(
                "SELECT 1 FROM delivery JOIN message ON seq = message WHERE event = ? AND state = 'waiting' LIMIT 1",
                (event_id,),
            ).fetchone()
        return row is not None

    def end_drills(self, why: str) -> None:
        """Give up what was never handed over of a drill.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing("cannot end a drill") as (db, _):
            drill.end(db, why)

    def events(self, ids: Collection[str]) -> list[Event]:
        """Return the newest revisions of events, as far as they are there and can be read, in the order of opening.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading("cannot read the events") as db:
            rows = db.execute(
                "SELECT document FROM event WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq",
                (msgspec.json.encode(list(ids)).decode(),),
            ).fetchall()
        found = []
        for (document,) in rows:
            with suppress(msgspec.MsgspecError, ValueError, RecursionError):
                found.append(msgspec.json.decode(document, type=Event))
        return found

    def remember(self, name: str, value: str) -> None:
        """Keep a fact for the next process.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing(f"cannot store the {name}") as (db, _):
            db.execute(
                "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", (name, value)
            )

    def recall(self, name: str) -> str:
        """Return a fact that was kept, empty where none was.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading(f"cannot read the {name}") as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def queue(self, wait_s: float | None = None) -> Queue:
        """Count what waits.

        Raises:
            StoreError: the file cannot be read, or not in that time.
        """
        with self._database.reading("cannot count the outbox", wait_s) as db:
            return fate.count_queue(db, self._now())

    def leave(self, sink: str, why: str, wait_s: float) -> None:
        """Let go of a sink that wants nothing any more, for as long as this process runs.

        Raises:
            StoreError: as `tick`.
        """
        self._gone.add(sink)
        with self._writing("cannot let go of a sink", wait_s) as (db, now):
            fate.leave(db, sink, why, self._rules, now)

    def is_empty(self) -> bool:
        """Say whether there is nothing in it.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._database.reading("cannot read the outbox") as db:
            return not db.execute("SELECT EXISTS (SELECT 1 FROM message)").fetchone()[0]

    def standing(self, key: str, sink: str) -> Debt | Settled | None:
        """Say how a delivery stands, for the outbox that takes it over; None where it never was here.

        Raises:
            StoreError: never of an outbox in memory.
        """
        with self._database.reading("cannot read the outbox") as db:
            found = find(db, key, sink)
            lost = db.execute(
                "SELECT word, sent, detail FROM lost WHERE key = ? AND sink = ?", (key, sink)
            ).fetchone()
        if found is not None:
            word = self._unsaved.get((key, sink), (None, ""))[0]
            return Settled() if word == "delivered" else Debt(sink, found[4], sent=found[3])
        return Settled() if lost is None else Settled(lost[0], bool(lost[1]), lost[2])

    def elsewhere(self, event_id: str) -> Elsewhere:
        """Return what it knows of an event, for another outbox; nothing where that cannot be read at once."""
        try:
            with self._database.reading("cannot read the outbox", 0.0) as db:
                return Elsewhere(escalation.subject(db, event_id), self.standing)
        except StoreError:
            return Elsewhere(None)

    def forget(self, key: str) -> None:
        """Leave a message and its pictures to the outbox that took them over.

        Raises:
            StoreError: never of an outbox in memory.
        """
        with self._database.writing("cannot leave a message") as db:
            db.execute(
                "DELETE FROM message WHERE key = ?1 OR substr(key, 1, length(?1) + 1) = ?1 || '.'", (key,)
            )

    def _now(self) -> Moment:
        return Moment(self._rules.boot, self._clock.mono_ns())

    def _hidden(self, sink: str, skip: Collection[str]) -> Collection[str]:
        """Return the keys that do not go: those to be skipped, and those whose fate is not on disk yet."""
        settled = {key for (key, to), (word, _) in self._unsaved.items() if to == sink and word is not None}
        return settled.union(skip) if settled else skip

    @contextmanager
    def _writing(self, what: str, wait_s: float | None = None) -> Iterator[tuple[sqlite3.Connection, Moment]]:
        """Hold the connection in a transaction that also has what the disk did not take before."""
        with self._database.writing(what, wait_s) as db:
            now, saved = self._now(), dict(self._unsaved)
            self._save(db, now)
            yield db, now
        for which, told in saved.items():
            if self._unsaved.get(which) == told:
                del self._unsaved[which]

    def _save(self, db: sqlite3.Connection, now: Moment) -> None:
        """Write down what the disk did not take before; twice changes nothing."""
        for (key, sink), (word, why) in list(self._unsaved.items()):
            fate.settle(db, key, sink, word, why, self._rules, now)
