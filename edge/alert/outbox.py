"""The outbox: what each sink is still owed, on disk in the transaction of the event that it is of.

One message per sink for each revision and each picture. What is settled leaves; what a sink will not get is listed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

import msgspec

from edge.alert import escalation, listing
from edge.alert.database import MEMORY, Database
from edge.alert.delivery import (
    Debt,
    Found,
    Moment,
    Settled,
    Standing,
    best,
    coalesce,
    find,
    insert,
    owe,
    read,
    unknown,
)
from edge.alert.event import Event
from edge.alert.evidence import FULL, Picture
from edge.alert.route import UNHEARD_S, Letter, Line, Message, Note, Queue, Review, Rules, image_of, kind_of
from edge.alert.shedding import count, lose, pictures, remove, texts
from edge.alert.storm import Storms
from edge.clock import Clock
from edge.errors import StoreError

_log = logging.getLogger(__name__)

Word: TypeAlias = Literal["delivered", "unheard", "refused", "gone"]

_FORGET = """
DELETE FROM subject WHERE NOT open AND NOT EXISTS (SELECT 1 FROM event WHERE id = subject.event)
AND NOT EXISTS (SELECT 1 FROM message WHERE message.event = subject.event)
"""
_COUNT = """
SELECT ifnull(sum(d.state IN ('waiting', 'timed')), 0), ifnull(sum(d.state = 'unheard'), 0),
    min(iif(d.state = 'waiting' AND m.boot = ?, m.since_ns, NULL))
FROM delivery d JOIN message m ON m.seq = d.message
"""
_CANDIDATES = (
    "SELECT count(*), min(iif(boot = ?, since_ns, NULL)) FROM subject WHERE NOT alert AND word IS NULL"
)


class Outbox:
    """What the sinks of one tower are owed, in its database. Thread-safe.

    What the disk does not take of a delivery's fate is remembered, and goes with the next thing that it takes; a
    process that ends before then sends again, under the same key.

    Args:
        database: opened with `edge.alert.shedding`'s `owed`, `pictures` and `texts`.
        rules: by what it decides.
        clock: monotonic time.
        storms: what is known of them; shared by all outboxes of a process.
    """

    def __init__(self, database: Database, rules: Rules, clock: Clock, storms: Storms) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock
        self._storms = storms
        self._stored = database.path != MEMORY
        self._number = 0
        self._unsaved: dict[tuple[str, str], tuple[Word | None, str]] = {}  # None: handed over
        self._gone: set[str] = set()

    def adopt(self) -> None:
        """Take over what an earlier process left, by the sinks that there are now.

        Raises:
            StoreError: the disk is full or failing.
        """
        routes = self._rules.routes
        names = msgspec.json.encode([route.name for route in routes]).decode()
        at_once = msgspec.json.encode([route.name for route in routes if route.escalation is None]).decode()
        with self._database.writing("cannot look through the outbox") as db:
            left = db.execute(
                "SELECT message, sink FROM delivery WHERE sink NOT IN (SELECT value FROM json_each(?))",
                (names,),
            ).fetchall()
            for seq, sink in left:
                lose(db, seq, sink, "gone", "no such sink is configured any more")
            db.execute(
                "UPDATE delivery SET state = 'waiting' WHERE state = 'held' "
                "AND sink IN (SELECT value FROM json_each(?))",
                (at_once,),
            )

    def put(
        self,
        db: sqlite3.Connection,
        event: Event,
        images: Sequence[Picture] = (),
        standing: Standing = unknown,
    ) -> None:
        """Owe a revision and its pictures to the sinks, within the transaction that stores the event.

        Args:
            db: in the transaction.
            event: the revision, which the table of events has.
            images: its pictures, each role once.
            standing: what became of a message for a sink while the disk took nothing.
        """
        now = self._now()
        self._save(db, now)
        listed = self._storms.lists(event, now.ns)
        step, word = escalation.note_subject(db, event, now, listed=listed)
        debts = [
            debt for debt in escalation.debts(event, self._rules, step, word) if debt.sink not in self._gone
        ]
        text = Letter(event=event, images=tuple(image_of(p) for p in images if p.role != FULL))
        key = f"{event.id}.{event.revision}"
        seq = insert(db, key, kind_of(event), text, now, event=event)
        takers = owe(db, seq, key, debts, now, standing)
        for sink in takers if event.phase == "updated" else ():
            if coalesce(db, seq, key, sink, "m.event = ? AND m.kind IN ('updated', 'alerted')", (event.id,)):
                db.execute("UPDATE message SET kind = 'alerted' WHERE seq = ?", (seq,))
        for image in images:
            self._put_picture(db, event, image, debts, now, standing)
        if listed:
            self._list(db, event, now)
        db.execute(_FORGET)
        self._fit(db)

    def note(self, note: Note) -> None:
        """Owe a message about the tower to the sinks that want such; it takes the place of one that was not sent.

        Raises:
            StoreError: the disk is full or failing.
        """
        debts = [
            Debt(route.name)
            for route in self._rules.routes
            if route.maintenance and route.escalation is None and route.name not in self._gone
        ]
        with self._writing(f"cannot store a message about {note.subject}") as (db, now):
            self._database.make_room(len(note.text) + 1000)
            self._put_note(db, "note", note, debts, now)
            self._fit(db)

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
        try:
            with self._writing("cannot note what is sent", wait_s) as (db, _):
                db.execute(
                    "UPDATE delivery SET sent = 1 WHERE message = ? AND sink = ? AND NOT sent",
                    (found.seq, sink),
                )
        except StoreError:
            self._unsaved.setdefault((found.line.key, sink), (None, ""))
        with self._database.reading("cannot read the outbox", wait_s) as db:
            if find(db, found.line.key, sink) is None:
                self._unsaved.pop((found.line.key, sink), None)
                return None
            try:
                return read(db, found.seq, sink, stored=self._stored)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                why = f"it cannot be read: {error}"
        _log.error("message %s: %s", found.line.key, why)
        self.settle(found.line.key, sink, "refused", why, wait_s)
        return None

    def settle(self, key: str, sink: str, word: Word, why: str, wait_s: float) -> None:
        """Note what became of a delivery; where the disk does not take that, later."""
        self._unsaved[key, sink] = (word, why)
        try:
            with self._writing("cannot note what was sent", wait_s):
                pass
        except StoreError as error:
            _log.warning("message %s to '%s': %s: %s", key, sink, word, error)

    def tick(self, wait_s: float) -> list[str]:
        """Do what is due: escalate, renew what a storm lists, end what nobody heard for a day.

        Returns:
            What was escalated, for the log.
        Raises:
            StoreError: the disk is full or failing, or another thread had it for longer than `wait_s`.
        """
        with self._writing("cannot keep the outbox", wait_s) as (db, now):
            steps = escalation.escalate_due(db, self._rules, now)
            self._expire(db, now)
            db.execute(
                "UPDATE delivery SET state = 'waiting' WHERE state = 'timed' AND (boot != ? OR since_ns <= ?)",
                (now.boot, now.ns),
            )
            listing.end(db, self._storms, self._rules, now, self._put_note)
        return [f"event {event_id}: nobody acknowledged it: step {step}" for event_id, step in steps]

    def review(self, event_id: str, said: Review) -> bool:
        """Note what a person said of an event, and owe it to the sinks; return whether it was known and this is news.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing(f"cannot store what was said of event {event_id}") as (db, now):
            self._database.make_room(4000)
            return escalation.review(db, event_id, said, self._rules, now)

    def request(self, event_id: str, sink: str) -> bool:
        """Owe the newest full frame of an event to a sink; return whether there is one.

        Raises:
            StoreError: the disk is full or failing.
        """
        with self._writing(f"cannot ask for the frame of event {event_id}") as (db, now):
            row = db.execute(
                "SELECT seq, key FROM message WHERE event = ? AND role = ? ORDER BY seq DESC LIMIT 1",
                (event_id, FULL),
            ).fetchone()
            if row is not None:
                owe(db, row[0], row[1], [Debt(sink)], now)
        return row is not None

    def queue(self, wait_s: float | None = None) -> Queue:
        """Count what waits.

        Raises:
            StoreError: the file cannot be read, or not in that time.
        """
        with self._database.reading("cannot count the outbox", wait_s) as db:
            unsent, unheard, oldest_ns = db.execute(_COUNT, (self._rules.boot,)).fetchone()
            candidates, since_ns = db.execute(_CANDIDATES, (self._rules.boot,)).fetchone()
            (size,) = db.execute("SELECT ifnull(sum(bytes), 0) FROM message").fetchone()
            words = db.execute("SELECT word, sum(count) FROM tally GROUP BY word").fetchall()
        now_ns = self._clock.mono_ns()
        return Queue(
            unsent=unsent,
            oldest_s=None if oldest_ns is None else (now_ns - oldest_ns) / 1e9,
            unheard=unheard,
            candidates=candidates,
            candidate_s=None if since_ns is None else (now_ns - since_ns) / 1e9,
            bytes=size,
            words=dict(words),
        )

    def leave(self, sink: str, why: str, wait_s: float) -> None:
        """Let go of a sink that wants nothing any more, for as long as this process runs."""
        self._gone.add(sink)
        try:
            with self._writing("cannot let go of a sink", wait_s) as (db, now):
                left = db.execute(
                    "SELECT message, event FROM delivery JOIN message ON seq = message WHERE sink = ?",
                    (sink,),
                ).fetchall()
                for seq, event_id in left:
                    lose(db, seq, sink, "gone", why)
                    if event_id is not None:
                        escalation.escalate_first(db, event_id, self._rules, now)
        except StoreError as error:
            _log.warning("sink '%s': %s", sink, error)

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

    def _put_picture(
        self,
        db: sqlite3.Connection,
        event: Event,
        image: Picture,
        debts: Sequence[Debt],
        now: Moment,
        standing: Standing,
    ) -> None:
        takes = {route.name for route in self._rules.routes if route.pictures}
        owed = [debt for debt in debts if debt.sink in takes and image.role != FULL]
        key = f"{event.id}.{event.revision}.{image.role}"
        letter = Letter(event=event, images=(image_of(image),))
        seq = insert(db, key, "picture", letter, now, event=event, role=image.role, jpeg=image.jpeg)
        if image.role == FULL:
            return
        older = "m.event = ? AND m.role = ? AND m.kind = 'picture' AND m.revision BETWEEN 2 AND ?"
        for sink in owe(db, seq, key, owed, now, standing):
            coalesce(db, seq, key, sink, older, (event.id, image.role, event.revision - 1))

    def _put_note(
        self,
        db: sqlite3.Connection,
        kind: Literal["note", "storm"],
        note: Note,
        debts: Sequence[Debt],
        now: Moment,
    ) -> str:
        self._number = max(self._number + 1, now.ns // 1_000_000)
        key = f"note.{now.boot.replace('-', '')[:8]}.{self._number}"
        role = f"{note.subject} {note.camera or ''}"
        seq = insert(db, key, kind, note, now, role=role)
        for sink in owe(db, seq, key, debts, now):
            coalesce(db, seq, key, sink, "m.event IS NULL AND m.role = ?", (role,))
        return key

    def _list(self, db: sqlite3.Connection, event: Event, now: Moment) -> None:
        """List a revision in its camera's storm, in place of sending it."""
        key = listing.enlist(db, event, self._rules, now, self._put_note)
        rows = db.execute(
            "SELECT message, sink, state FROM delivery JOIN message ON seq = message WHERE event = ? AND revision = ?",
            (event.id, event.revision),
        ).fetchall()
        for seq, sink, state in rows:
            if state == "held":
                remove(db, seq, sink)
            else:
                lose(db, seq, sink, "coalesced", key)

    @contextmanager
    def _writing(self, what: str, wait_s: float | None = None) -> Iterator[tuple[sqlite3.Connection, Moment]]:
        """Hold the connection in a transaction that also has what the disk did not take before."""
        with self._database.writing(what, wait_s) as db:
            now, saved = self._now(), dict(self._unsaved)
            self._save(db, now)
            yield db, now
        for fate, word in saved.items():
            if self._unsaved.get(fate) == word:
                del self._unsaved[fate]

    def _save(self, db: sqlite3.Connection, now: Moment) -> None:
        """Write down what the disk did not take before; twice changes nothing."""
        for (key, sink), (word, why) in list(self._unsaved.items()):
            found = find(db, key, sink)
            if found is None:
                continue
            seq, event_id, kind, _, state = found
            db.execute(
                "UPDATE delivery SET sent = 1 WHERE message = ? AND sink = ? AND NOT sent", (seq, sink)
            )
            if word == "delivered":
                count(db, sink, word)
                remove(db, seq, sink)
                continue
            if word == "unheard" and state != "unheard":
                count(db, sink, word)
                db.execute(
                    "UPDATE delivery SET state = 'unheard', boot = ?, since_ns = ? WHERE message = ? AND sink = ?",
                    (now.boot, now.ns, seq, sink),
                )
            elif word in ("refused", "gone"):
                lose(db, seq, sink, word, why)
            if word is not None and event_id is not None and kind != "picture":
                escalation.escalate_first(db, event_id, self._rules, now)

    def _expire(self, db: sqlite3.Connection, now: Moment) -> None:
        """End what nobody heard for a day; of the time in another boot nothing is known."""
        db.execute(
            "UPDATE delivery SET boot = ?1, since_ns = ?2 WHERE state = 'unheard' AND boot != ?1",
            (now.boot, now.ns),
        )
        rows = db.execute(
            "SELECT message, sink FROM delivery WHERE state = 'unheard' AND ? - since_ns >= ?",
            (now.ns, round(UNHEARD_S * 1e9)),
        ).fetchall()
        for seq, sink in rows:
            lose(db, seq, sink, "expired", "nobody listened for 24 h")

    def _fit(self, db: sqlite3.Connection) -> None:
        """Give up what is too much for the bound of the outbox."""
        spare = (gone for rule in (pictures, texts) for gone in rule(db))
        while db.execute("SELECT ifnull(sum(bytes), 0) FROM message").fetchone()[0] > self._rules.queue_bytes:
            if not next(spare, False):
                return
