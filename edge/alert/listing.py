"""The message of a storm: it lists what is not sent singly, and is renewed. Called within somebody's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from edge.alert import fact
from edge.alert.delivery import Debt, Moment
from edge.alert.event import Event
from edge.alert.route import Note, Rules
from edge.alert.storm import LISTED, RENEW_S, Storms

_TIMED = """
SELECT seq FROM message WHERE key = ?1 AND EXISTS (SELECT 1 FROM delivery WHERE message = seq)
AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = seq AND state != 'timed')
"""

_State: TypeAlias = Literal["raging", "over", "rebooted"]
_BEGINS: dict[_State, str] = {
    "raging": "",
    "over": "The storm of alerts is over: ",
    "rebooted": "The tower was started anew in a storm of alerts and sends them singly again: ",
}


class PutNote(Protocol):
    """Puts a message in and returns its key."""

    def __call__(
        self,
        db: sqlite3.Connection,
        kind: Literal["note", "storm"],
        note: Note,
        debts: Sequence[Debt],
        now: Moment,
    ) -> str:
        """Put it in."""
        ...


class _Kept(msgspec.Struct, frozen=True):
    """The newest message of a storm, and when its alerts began.

    Attributes:
        key: of the message.
        note: what it says.
        boot: that `begun_ns` belongs to.
        begun_ns: monotonic.
    """

    key: str
    note: Note
    boot: str = ""
    begun_ns: tuple[int, ...] = ()


def enlist(
    db: sqlite3.Connection, event: Event, storms: Storms, rules: Rules, now: Moment, put: PutNote
) -> str:
    """List a revision in its camera's storm: at once where it is the first, else with the next renewal; return its key.

    A renewal that is not due yet takes it in.
    """
    kept = _kept(db, event.camera)
    before = () if kept is None else kept.note.events
    known = any(each.id == event.id for each in before)
    events = (*(each for each in before if each.id != event.id), event)[-LISTED:]
    total = (0 if kept is None else kept.note.count) + (not known)
    note = _note(event.camera, "raging", events, total)
    timed = None if kept is None else db.execute(_TIMED, (kept.key,)).fetchone()
    if kept is not None and timed is not None:
        text = msgspec.json.encode(note).decode()
        db.execute(
            "UPDATE message SET document = ?1, bytes = bytes - length(document) + length(?1) WHERE seq = ?2",
            (text, timed[0]),
        )
        key = kept.key
    else:
        renewal = Moment(now.boot, now.ns + round(RENEW_S * 1e9))
        if kept is None:
            key = put(db, "storm", note, _debts(event.camera, rules, "waiting"), now)
        else:
            key = put(db, "storm", note, _debts(event.camera, rules, "timed"), renewal)
    _keep(db, event.camera, _Kept(key, note, now.boot, storms.begun_ns(event.camera)))
    return key


def resume(db: sqlite3.Connection, storms: Storms, now: Moment) -> None:
    """Go on with the storms of an earlier process of this boot; of another boot's time nothing is known."""
    for (name,) in db.execute("SELECT name FROM fact WHERE name GLOB 'storm *'").fetchall():
        camera = name.partition(" ")[2]
        kept = _kept(db, camera)
        if kept is not None and kept.boot == now.boot:
            storms.resume(camera, kept.begun_ns, kept.note.events)


def end(db: sqlite3.Connection, storms: Storms, rules: Rules, now: Moment, put: PutNote) -> None:
    """Say of each storm that it is over, once; of one before a reboot, which nobody knows, that alerts go singly."""
    storms.over(now.ns)
    rows = db.execute("SELECT name FROM fact WHERE name GLOB 'storm *'").fetchall()
    for (name,) in rows:
        camera = name.partition(" ")[2]
        if camera in storms.raging:
            continue
        kept = _kept(db, camera)
        if kept is not None:
            why: _State = "over" if kept.boot == now.boot else "rebooted"
            note = _note(camera, why, kept.note.events, kept.note.count)
            put(db, "storm", note, _debts(camera, rules, "waiting"), now)
        db.execute("DELETE FROM fact WHERE name = ?", (name,))


def _note(camera: str, state: _State, events: tuple[Event, ...], total: int) -> Note:
    opened = sum(event.phase != "closed" for event in events)
    text = f"{total} alerts of camera {camera} are listed, not sent singly; {opened} of them are open"
    return Note(
        subject="storm",
        state=state,
        text=_BEGINS[state] + text,
        at=events[-1].updated,
        camera=camera,
        events=events,
        count=total,
    )


def _debts(camera: str, rules: Rules, state: Literal["waiting", "timed"]) -> list[Debt]:
    origin = rules.origins.get(camera, "live")
    return [
        Debt(route.name, state)
        for route in rules.routes
        if route.escalation is None and "alert" in route.severities and origin in route.origins
    ]


def _kept(db: sqlite3.Connection, camera: str) -> _Kept | None:
    row = db.execute("SELECT value FROM fact WHERE name = ?", (f"storm {camera}",)).fetchone()
    return None if row is None else fact.read(f"storm {camera}", row[0], _Kept)


def _keep(db: sqlite3.Connection, camera: str, kept: _Kept) -> None:
    db.execute(
        "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        (f"storm {camera}", msgspec.json.encode(kept).decode()),
    )
