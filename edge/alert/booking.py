"""What a revision, its pictures and notes owe to the sinks, as it is booked in somebody's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from edge.alert import drill, escalation, fate, listing
from edge.alert.delivery import Debt, Moment, Standing, coalesce, insert, owe, unknown
from edge.alert.escalation import Elsewhere
from edge.alert.event import Event
from edge.alert.evidence import FULL, SERIES, Picture, is_drill, kind
from edge.alert.route import Letter, Lost, Note, Route, Rules, image_of, kind_of
from edge.alert.shedding import lose, pictures, texts
from edge.alert.storm import Storms

Holds: TypeAlias = Callable[[Event, int], bool]


def nothing_held(_event: Event, _now_ns: int) -> bool:
    """Hold nothing back."""
    return False


class Booking:
    """Books what is owed.

    Args:
        rules: by what it decides.
        storms: what is known of them.
        gone: the sinks that want nothing any more; it may grow.
        holds: whether a revision is held back since a person silenced its camera; asked with monotonic time.
    """

    def __init__(self, rules: Rules, storms: Storms, gone: set[str], holds: Holds) -> None:
        self._rules = rules
        self._storms = storms
        self._gone = gone
        self._holds = holds
        self._number = 0

    def revision(
        self,
        db: sqlite3.Connection,
        event: Event,
        images: Sequence[Picture],
        elsewhere: Elsewhere,
        now: Moment,
    ) -> None:
        """Owe a revision and its pictures. A live event ends a drill; no drill is held back or listed.

        Args:
            db: in the transaction.
            event: the revision, which the table of events has.
            images: its pictures, each role once.
            elsewhere: what the outbox knows that had the revision before.
            now: the moment.
        """
        drilled = is_drill(event)
        if not drilled and self._rules.origins.get(event.camera, "live") == "live":
            drill.end(db, f"event {event.id} goes first")
        silenced = not drilled and self._holds(event, now.ns)
        listed = self._storms.lists(event, now.ns) and not silenced
        about = escalation.note_subject(
            db, event, now, listed=listed or silenced, elsewhere=elsewhere.subject
        )
        debts = self._debts(db, event, about)
        text = Letter(event=event, images=tuple(image_of(p) for p in images if p.role != FULL))
        key = f"{event.id}.{event.revision}"
        seq = insert(db, key, kind_of(event), text, now, event=event)
        takers = owe(db, seq, key, debts, now, elsewhere.standing)
        for sink in takers if event.phase == "updated" else ():
            if coalesce(db, seq, key, sink, "m.event = ? AND m.kind IN ('updated', 'alerted')", (event.id,)):
                db.execute("UPDATE message SET kind = 'alerted' WHERE seq = ?", (seq,))
        for image in images:
            self._put_picture(db, event, image, about, now, elsewhere.standing)
        escalation.release_series(db, event, self._rules, now, listed=listed or silenced)
        if silenced:
            self._withhold(db, event, "snoozed", "its camera is silenced")
        elif listed:
            key = listing.enlist(db, event, self._storms, self._rules, now, self.put_note)
            self._withhold(db, event, "coalesced", key)
        fate.forget_subjects(db)
        self.fit(db)

    def further(self, db: sqlite3.Connection, event: Event, images: Sequence[Picture], now: Moment) -> None:
        """Owe further pictures of a revision that was booked before; one that is there already changes nothing."""
        about = escalation.subject(db, event.id)
        if about is None or about.listed:
            return
        for image in images:
            key = f"{event.id}.{event.revision}.{image.role}"
            if db.execute("SELECT 1 FROM message WHERE key = ?", (key,)).fetchone() is None:
                self._put_picture(db, event, image, about, now, unknown)
        self.fit(db)

    def note(self, db: sqlite3.Connection, note: Note, now: Moment) -> None:
        """Owe a message about the tower to the sinks that want such; it takes the place of one that was not sent.

        One that lists events goes to all that would have got one of them, too.
        """
        routes = [
            route for route in self._rules.routes if route.escalation is None and route.name not in self._gone
        ]
        debts = [
            Debt(route.name) for route in routes if route.maintenance or self._takes_one(route, note.events)
        ]
        self.put_note(db, "note", note, debts, now)
        self.fit(db)

    def _takes_one(self, route: Route, events: Sequence[Event]) -> bool:
        return any(route.takes(event, self._rules.origins.get(event.camera, "live")) for event in events)

    def put_note(
        self,
        db: sqlite3.Connection,
        kind: Literal["note", "storm"],
        note: Note,
        debts: Sequence[Debt],
        now: Moment,
    ) -> str:
        """Put a note in, in the place of one that was not sent and lists nothing else; return its key."""
        self._number = max(self._number + 1, now.ns // 1_000_000)
        key = f"note.{now.boot.replace('-', '')[:8]}.{self._number}"
        role = f"{note.subject} {note.camera or ''}"
        seq = insert(db, key, kind, note, now, role=role)
        told = _without_what_it_lists(db, role, note)
        older = f"m.event IS NULL AND m.role = ? AND m.seq NOT IN ({', '.join('?' * len(told))})"
        for sink in owe(db, seq, key, debts, now):
            coalesce(db, seq, key, sink, older, (role, *told))
        return key

    def _debts(
        self, db: sqlite3.Connection, event: Event, about: escalation.Subject, *, series: bool = False
    ) -> list[Debt]:
        made = (
            escalation.series_debts(event, self._rules, about)
            if series
            else escalation.debts(event, self._rules, about.step, about.word)
        )
        drilled = is_drill(event)
        return [
            debt
            for debt in made
            if debt.sink not in self._gone and not (drilled and not drill.has_begun_for(db, event, debt.sink))
        ]

    def _put_picture(
        self,
        db: sqlite3.Connection,
        event: Event,
        image: Picture,
        about: escalation.Subject,
        now: Moment,
        standing: Standing,
    ) -> None:
        takes = {route.name for route in self._rules.routes if route.pictures}
        debts = self._debts(db, event, about, series=kind(image.role) == SERIES)
        owed = [debt for debt in debts if debt.sink in takes and image.role != FULL]
        key = f"{event.id}.{event.revision}.{image.role}"
        letter = Letter(event=event, images=(image_of(image),))
        seq = insert(db, key, "picture", letter, now, event=event, role=image.role, jpeg=image.jpeg)
        if image.role == FULL:
            return
        older = "m.event = ? AND m.role = ? AND m.kind = 'picture' AND m.revision BETWEEN 2 AND ?"
        for sink in owe(db, seq, key, owed, now, standing):
            coalesce(db, seq, key, sink, older, (event.id, image.role, event.revision - 1))

    def _withhold(self, db: sqlite3.Connection, event: Event, word: Lost, detail: str) -> None:
        """Do not send a revision, which is told in another way."""
        rows = db.execute(
            "SELECT message, sink FROM delivery JOIN message ON seq = message WHERE event = ? AND revision = ?",
            (event.id, event.revision),
        ).fetchall()
        for seq, sink in rows:
            lose(db, seq, sink, word, detail)

    def fit(self, db: sqlite3.Connection) -> None:
        """Give up what is too much for the bound of the outbox."""
        spare = (gone for rule in (pictures, texts) for gone in rule(db))
        while db.execute("SELECT ifnull(sum(bytes), 0) FROM message").fetchone()[0] > self._rules.queue_bytes:
            if not next(spare, False):
                return


def _without_what_it_lists(db: sqlite3.Connection, role: str, note: Note) -> list[int]:
    """Return the numbers of notes that list an event which a newer one does not."""
    listed = {event.id for event in note.events}
    rows = db.execute(
        "SELECT seq, document FROM message WHERE event IS NULL AND role = ?", (role,)
    ).fetchall()
    return [seq for seq, document in rows if not _ids(document) <= listed]


def _ids(document: str) -> set[str]:
    try:
        return {event.id for event in msgspec.json.decode(document, type=Note).events}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return set()  # of what cannot be read nobody gets anything
