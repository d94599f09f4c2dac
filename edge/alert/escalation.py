"""Escalation: an alert that nobody acknowledged goes to further sinks, step by step. And what people said of events.

Called within somebody's transaction.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from edge.alert import fact
from edge.alert.delivery import Debt, Moment, Standing, insert, owe, unknown
from edge.alert.event import Event
from edge.alert.evidence import FULL, is_drill
from edge.alert.route import Letter, Review, Route, Rules
from edge.alert.shedding import count, remove
from edge.errors import StoreError

_log = logging.getLogger(__name__)

_UPSERT = """
INSERT INTO subject (event, opening, open, alert, listed, step, boot, since_ns)
VALUES (?1, (SELECT ifnull(max(opening), 0) + 1 FROM subject), ?2, ?3, ?6, 0, ?4, ?5)
ON CONFLICT (event) DO UPDATE SET open = ?2, listed = ?6,
    boot = iif(alert < ?3, ?4, boot), since_ns = iif(alert < ?3, ?5, since_ns), alert = max(alert, ?3)
"""
_PAST = "past"  # instead of a boot: an alert that goes to no further step
_DUE = f"""
SELECT event, step FROM subject WHERE alert AND word IS NULL AND NOT listed AND step < ?1 AND boot != '{_PAST}'
AND (boot != ?2 OR ?3 - since_ns >= ?4)
"""  # noqa: S608 — ours
_FRAME = """
SELECT m.seq, m.key, length(m.jpeg), m.document, e.document, ifnull(s.step, 0), s.word
FROM message m LEFT JOIN event e ON e.id = m.event LEFT JOIN subject s ON s.event = m.event
WHERE m.event = ? AND m.role = ? ORDER BY m.seq DESC LIMIT 1
"""
_LAST = "last step"  # the fact: of escalation that there was when the store was open last


@dataclass(frozen=True, slots=True)
class Subject:
    """What stands of an event.

    Attributes:
        step: of escalation that it went to; 0: none.
        word: what a person said of it last.
        since: it is an alert, or went to that step.
        alert: whether it is one, by its newest revision.
        listed: whether it is only listed in a storm.
    """

    step: int
    word: str | None
    since: Moment
    alert: bool
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another outbox knows of an event that it had.

    Attributes:
        subject: what stands of it there.
        standing: how a delivery stands there, by key and sink.
    """

    subject: Subject | None
    standing: Standing = unknown


def subject(db: sqlite3.Connection, event_id: str) -> Subject | None:
    """Return what stands of an event; None where nothing is known."""
    row = db.execute(
        "SELECT step, word, boot, since_ns, alert, listed FROM subject WHERE event = ?", (event_id,)
    ).fetchone()
    return (
        None if row is None else Subject(row[0], row[1], Moment(row[2], row[3]), bool(row[4]), bool(row[5]))
    )


def full_frame(
    db: sqlite3.Connection, event_id: str, sink: str, rules: Rules, largest_bytes: int | None
) -> tuple[int, str, Debt] | None:
    """Return number and key of the newest full frame of an event, and how a sink is owed it.

    None where there is none, where the event does not go to the sink, or where the frame is larger than it takes.
    """
    row = db.execute(_FRAME, (event_id, FULL)).fetchone()
    if row is None or (largest_bytes is not None and row[2] > largest_bytes):
        return None
    seq, key, _, document, newest, step, word = row
    event = (
        msgspec.json.decode(document, type=Letter).event
        if newest is None
        else msgspec.json.decode(newest, type=Event)
    )
    made = debts(event, rules, step, word)
    debt = next((one for one in made if one.sink == sink and one.state != "held"), None)
    return None if debt is None else (seq, key, debt)


def note_subject(
    db: sqlite3.Connection, event: Event, now: Moment, *, listed: bool, elsewhere: Subject | None = None
) -> Subject:
    """Keep in mind what an event is; return what stands of it: at least what stands of it elsewhere.

    A drill is none of the alerts, which go first and escalate.
    """
    alert = event.severity == "alert" and not is_drill(event)
    db.execute(_UPSERT, (event.id, event.phase != "closed", alert, now.boot, now.ns, listed))
    if elsewhere is not None:
        db.execute(
            "UPDATE subject SET word = ifnull(word, ?2), since_ns = iif(step < ?3, ?5, since_ns), "
            "boot = iif(step < ?3, ?4, boot), step = max(step, ?3) WHERE event = ?1",
            (event.id, elsewhere.word, elsewhere.step, elsewhere.since.boot, elsewhere.since.ns),
        )
    known = subject(db, event.id)
    assert known is not None
    return known


def debts(event: Event, rules: Rules, step: int, word: str | None) -> list[Debt]:
    """Return to whom a revision is owed.

    Args:
        event: the revision.
        rules: the routes.
        step: of escalation that its event went to.
        word: what a person said of its event last.
    """
    origin = rules.origins.get(event.camera, "live")
    owed = []
    for route in rules.routes:
        if route.reaches(event, origin, step):
            owed.append(Debt(route.name, step=route.escalation or 0))
        elif route.takes(event, origin) and event.severity == "alert" and word is None:
            owed.append(Debt(route.name, "held"))
    return owed


def series_debts(event: Event, rules: Rules, about: Subject) -> list[Debt]:
    """Return to whom the series of an opening is owed: once it is an alert, also to who gets no candidates.

    Args:
        event: the opening.
        rules: the routes.
        about: what stands of it now.
    """
    owed = debts(event, rules, about.step, about.word)
    if event.severity == "alert":
        return owed
    origin = rules.origins.get(event.camera, "live")
    for route in rules.routes:
        if any(debt.sink == route.name for debt in owed) or not route.takes_alerts(origin):
            continue
        step = route.escalation or 0
        if about.alert and step <= about.step:
            owed.append(Debt(route.name, step=step))
        elif about.word is None or not step:
            owed.append(Debt(route.name, "held"))
    return owed


def release_series(db: sqlite3.Connection, event: Event, rules: Rules, now: Moment, *, listed: bool) -> None:
    """Let go what is held of a candidate for who gets alerts at once, where it is one now; forget it at its end."""
    if event.severity == "alert" and not listed:
        for route in rules.routes:
            if route.escalation is None:
                released = db.execute(
                    "UPDATE delivery SET state = 'waiting', boot = ?, since_ns = ? WHERE state = 'held' AND sink = ? "
                    "AND message IN (SELECT seq FROM message WHERE event = ?)",
                    (now.boot, now.ns, route.name, event.id),
                ).rowcount
                count(db, route.name, "committed", released)
    if event.phase == "closed":
        names = [
            route.name for route in rules.routes if route.escalation is None or event.severity != "alert"
        ]
        release_held(db, event.id, names)


def adopt(db: sqlite3.Connection, rules: Rules) -> None:
    """Let alerts that are over go to no step that was added since the store was open last."""
    last = _last(rules)
    row = db.execute("SELECT value FROM fact WHERE name = ?", (_LAST,)).fetchone()
    known = None if row is None else fact.read(_LAST, row[0], int)
    if known is not None and known < last:
        db.execute("UPDATE subject SET boot = ? WHERE NOT open AND step >= ?", (_PAST, known))
    if known != last:
        db.execute(
            "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", (_LAST, str(last))
        )


def _last(rules: Rules) -> int:
    return max((route.escalation or 0 for route in rules.routes), default=0)


def escalate_due(db: sqlite3.Connection, rules: Rules, now: Moment) -> list[tuple[str, int]]:
    """Send each alert that nobody acknowledged in time to its next step; return the events and their steps.

    The time that passed in another boot is not known, and counts as over.
    """
    due = db.execute(_DUE, (_last(rules), now.boot, now.ns, round(rules.acknowledge_s * 1e9))).fetchall()
    told = ((event_id, escalate(db, event_id, step, rules, now)) for event_id, step in due)
    return [(event_id, step) for event_id, step in told if step]


def escalate_first(db: sqlite3.Connection, event_id: str, rules: Rules, now: Moment) -> int:
    """Send an alert that a sink did not take, or that nobody heard, to the first step, if it went to none.

    Returns:
        The step; 0 where there is none for it.
    """
    row = db.execute(
        "SELECT step FROM subject WHERE event = ? AND alert AND word IS NULL AND NOT listed AND step = 0",
        (event_id,),
    ).fetchone()
    return 0 if row is None else escalate(db, event_id, row[0], rules, now)


def escalate(db: sqlite3.Connection, event_id: str, step: int, rules: Rules, now: Moment) -> int:
    """Send an alert to the lowest step above the one that it went to; return it, 0 where there is none."""
    steps = sorted(
        {route.escalation for route in rules.routes if route.escalation and route.escalation > step}
    )
    if not steps:
        return 0
    for route in rules.routes:
        if route.escalation == steps[0]:
            _release(db, event_id, route, rules, now)
    db.execute(
        "UPDATE subject SET step = ?, boot = ?, since_ns = ? WHERE event = ?",
        (steps[0], now.boot, now.ns, event_id),
    )
    return steps[0]


def review(db: sqlite3.Connection, event_id: str, said: Review, rules: Rules, now: Moment) -> bool:
    """Note what a person said of an event, and owe it to the sinks; return whether that is news.

    Raises:
        StoreError: the event cannot be read; nothing is changed.
    """
    row = db.execute("SELECT document FROM event WHERE id = ?", (event_id,)).fetchone()
    subject = db.execute("SELECT step, word FROM subject WHERE event = ?", (event_id,)).fetchone()
    if row is None or subject is None:
        return False
    step, word = subject
    if said.word == word or (said.word == "acknowledged" and word is not None):
        return False
    event = _event(event_id, row[0])
    db.execute("UPDATE subject SET word = ? WHERE event = ?", (said.word, event_id))
    release_held(db, event_id, [route.name for route in rules.routes if route.escalation is not None])
    key = f"{event.id}.{event.revision}.{said.word}.{said.id}"
    seq = insert(db, key, "reviewed", Letter(event=event, review=said), now, event=event, role=said.word)
    owe(db, seq, key, debts(event, rules, step, said.word), now)
    return True


def end(db: sqlite3.Connection, event_id: str) -> None:
    """Note that an event is over which nobody can read, and of which no closing is told."""
    db.execute("UPDATE subject SET open = 0 WHERE event = ?", (event_id,))


def release_held(db: sqlite3.Connection, event_id: str, sinks: Sequence[str]) -> None:
    """Forget what is held of an event for sinks that will not get it."""
    rows = db.execute(
        "SELECT message, sink FROM delivery JOIN message ON seq = message WHERE event = ? AND state = 'held' "
        "AND sink IN (SELECT value FROM json_each(?))",
        (event_id, msgspec.json.encode(sinks).decode()),
    ).fetchall()
    for seq, sink in rows:
        remove(db, seq, sink)


def _release(db: sqlite3.Connection, event_id: str, route: Route, rules: Rules, now: Moment) -> None:
    """Let go what is held of an event for one sink; where its text was shed, the newest revision."""
    (texts,) = db.execute(
        "SELECT count(*) FROM delivery WHERE sink = ? AND message IN "
        "(SELECT seq FROM message WHERE event = ? AND kind != 'picture')",
        (route.name, event_id),
    ).fetchone()
    released = db.execute(
        "UPDATE delivery SET state = 'waiting', step = ?, boot = ?, since_ns = ? WHERE state = 'held' AND sink = ? "
        "AND message IN (SELECT seq FROM message WHERE event = ?)",
        (route.escalation, now.boot, now.ns, route.name, event_id),
    ).rowcount
    count(db, route.name, "committed", released)
    row = db.execute("SELECT document FROM event WHERE id = ?", (event_id,)).fetchone()
    if texts or row is None:
        return
    try:
        event = _event(event_id, row[0])
    except StoreError as error:
        _log.error("%s; so sink '%s' gets nothing of it at step %d", error, route.name, route.escalation)
        return
    if not route.takes(event, rules.origins.get(event.camera, "live")):
        return
    key = f"{event.id}.{event.revision}"
    seq = insert(db, key, event.phase, Letter(event=event), now, event=event)
    owe(db, seq, key, [Debt(route.name, step=route.escalation or 0)], now)


def _event(event_id: str, document: str) -> Event:
    """Read an event's newest revision.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return msgspec.json.decode(document, type=Event)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise StoreError(f"event {event_id} cannot be read: {error}") from error
