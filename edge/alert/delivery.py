"""The rows of the outbox: messages, and to which sinks each is still owed. Called within somebody's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Event
from edge.alert.evidence import DRILL_PREFIX
from edge.alert.route import Kind, Letter, Line, Lost, Message, Note
from edge.alert.shedding import count, lose

State: TypeAlias = Literal["waiting", "unheard", "timed", "held"]
_ROW_BYTES = 300  # of a message beside its text and its picture

# open alerts, closed alerts, open candidates, messages about the tower, the rest; of events the newest first, of these
# text before thumbnails before crops; of one event and of the rest in the order of their commit
_CLASS = f"""CASE
    WHEN m.event GLOB '{DRILL_PREFIX}*' OR m.role = 'full' OR m.role GLOB 'series.*' THEN 4
    WHEN m.kind = 'storm' OR (s.alert AND s.open) THEN 0
    WHEN s.alert THEN 1
    WHEN s.open THEN 2
    WHEN m.kind = 'note' THEN 3
    ELSE 4 END"""
_STAGE = "CASE WHEN m.kind != 'picture' THEN 0 WHEN m.role = 'thumbnail' THEN 1 WHEN m.role = 'crop' THEN 2 ELSE 3 END"
_WAITING = f"""
SELECT m.seq, m.key, m.kind, m.role, m.bytes, ifnull(s.alert, m.kind = 'storm'), d.state = 'unheard', {_CLASS},
    {_STAGE}, s.opening
FROM delivery d JOIN message m ON m.seq = d.message LEFT JOIN subject s ON s.event = m.event
WHERE d.sink = ?1 AND (d.state = 'waiting' OR (?2 AND d.state = 'unheard'))
ORDER BY 7, 8, 9, -s.opening, m.seq
"""  # noqa: S608 — ours
_WHOLE = """
SELECT m.key, m.kind, m.role, m.document, m.jpeg, e.document, ifnull(s.alert AND s.open, 0), d.step,
    d.state = 'unheard', s.word, m.boot, m.since_ns
FROM delivery d JOIN message m ON m.seq = d.message
LEFT JOIN subject s ON s.event = m.event LEFT JOIN event e ON e.id = m.event
WHERE d.message = ? AND d.sink = ?
"""
_UNSENT = """
SELECT m.seq, m.kind FROM delivery d JOIN message m ON m.seq = d.message
WHERE d.sink = ? AND NOT d.sent AND m.seq < ? AND """
_SETTLED = """
SELECT m.seq, m.event, m.kind, d.sent, d.state FROM delivery d JOIN message m ON m.seq = d.message
WHERE m.key = ? AND d.sink = ?
"""

Rank: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """Monotonic time, and the boot that it belongs to."""

    boot: str
    ns: int


@dataclass(frozen=True, slots=True)
class Debt:
    """How one sink is owed a message.

    Attributes:
        sink: its name.
        state: of the delivery.
        step: of escalation that sends it; 0: none.
        sent: whether it was ever handed over; of one that stands elsewhere.
    """

    sink: str
    state: State = "waiting"
    step: int = 0
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """A debt that is none any more.

    Attributes:
        word: what became of it; None where it was delivered.
        sent: whether it was ever handed over.
        detail: of what was lost.
    """

    word: Lost | None = None
    sent: bool = True
    detail: str = ""


Standing = Callable[[str, str], Debt | Settled | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery, and where it stands in the order: the smaller rank goes first."""

    seq: int
    line: Line
    rank: Rank


def unknown(_key: str, _sink: str) -> None:
    """Know nothing of a delivery."""
    return


def insert(
    db: sqlite3.Connection,
    key: str,
    kind: Kind,
    document: msgspec.Struct,
    now: Moment,
    *,
    event: Event | None = None,
    role: str = "",
    jpeg: bytes | None = None,
) -> int:
    """Put a message in and return its number; one that is there stays as it is."""
    text = msgspec.json.encode(document).decode()
    db.execute(
        "INSERT INTO message (key, kind, event, revision, role, boot, since_ns, bytes, document, jpeg) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        (
            *(key, kind, event and event.id, event.revision if event else 0, role, now.boot, now.ns),
            *(_ROW_BYTES + len(text) + len(jpeg or b""), text, jpeg),
        ),
    )
    (seq,) = db.execute("SELECT seq FROM message WHERE key = ?", (key,)).fetchone()
    return int(seq)


def owe(
    db: sqlite3.Connection,
    seq: int,
    key: str,
    debts: Iterable[Debt],
    now: Moment,
    standing: Standing = unknown,
) -> list[str]:
    """Owe a message to sinks, as far as they do not have it; return those to which it is owed."""
    owed = []
    for debt in debts:
        known = standing(key, debt.sink)
        if isinstance(known, Settled):
            _count_committed(db, debt)
            _note_settled(db, seq, debt, known, now)
            continue
        state = "unheard" if known is not None and known.state == "unheard" else debt.state
        if _owe(db, seq, Debt(debt.sink, state, debt.step, known is not None and known.sent), now):
            _count_committed(db, debt)
        owed.append(debt.sink)
    if not owed:
        db.execute(
            "DELETE FROM message WHERE seq = ?1 AND role != 'full' "
            "AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = ?1)",
            (seq,),
        )
    return owed


def coalesce(
    db: sqlite3.Connection, seq: int, key: str, sink: str, older: str, values: tuple[object, ...]
) -> bool:
    """Let a message take the place of older ones that were never handed over; return whether one was an `alerted`."""
    rows = db.execute(
        _UNSENT + older,
        (sink, seq, *values),
    ).fetchall()
    for old, _ in rows:
        lose(db, old, sink, "coalesced", key)
    return any(kind == "alerted" for _, kind in rows)


def best(
    db: sqlite3.Connection,
    sink: str,
    admit: Callable[[Line], bool],
    skip: Collection[str],
    *,
    unheard: bool,
) -> Found | None:
    """Return what goes to a sink next.

    Args:
        db: to look in.
        sink: its name.
        admit: whether the link has room for it.
        skip: keys that have to wait.
        unheard: whether what nobody heard may go, too.
    """
    for seq, key, kind, role, size, alert, again, *rank, _ in db.execute(_WAITING, (sink, unheard)):
        line = Line(key=key, kind=kind, role=role, alert=bool(alert), bytes=size, unheard=bool(again))
        if key not in skip and admit(line):
            return Found(seq, line, (int(again), rank[0], rank[1]))
    return None


def read(db: sqlite3.Connection, seq: int, sink: str, *, stored: bool, again: bool) -> Message:
    """Return a message whole.

    Raises:
        ValueError: it cannot be read; a msgspec.MsgspecError is one.
    """
    key, kind, role, document, jpeg, newest, open_alert, step, unheard, word, boot, since_ns = db.execute(
        _WHOLE, (seq, sink)
    ).fetchone()
    about_none = kind in ("note", "storm")
    return Message(
        key=key,
        sink=sink,
        kind=kind,
        role=role,
        letter=None if about_none else msgspec.json.decode(document, type=Letter),
        note=msgspec.json.decode(document, type=Note) if about_none else None,
        jpeg=jpeg,
        newest=None if newest is None else _event(newest),
        open_alert=bool(open_alert),
        step=step,
        again=again,
        unheard=bool(unheard),
        stored=stored,
        word=word,
        boot=boot,
        since_ns=since_ns,
    )


def find(db: sqlite3.Connection, key: str, sink: str) -> tuple[int, str | None, Kind, bool, State] | None:
    """Return number, event, kind, whether it was handed over, and state of a delivery; None where it is settled."""
    row = db.execute(_SETTLED, (key, sink)).fetchone()
    return None if row is None else (row[0], row[1], row[2], bool(row[3]), row[4])


def _owe(db: sqlite3.Connection, seq: int, debt: Debt, now: Moment) -> bool:
    """Owe a message to a sink; return whether it was not before."""
    made = db.execute(
        "INSERT OR IGNORE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?)",
        (debt.sink, seq, debt.state, debt.sent, debt.step, now.boot, now.ns),
    ).rowcount
    return made > 0


def _count_committed(db: sqlite3.Connection, debt: Debt) -> None:
    if debt.state != "held":  # it is promised to none before the escalation
        count(db, debt.sink, "committed")


def _note_settled(db: sqlite3.Connection, seq: int, debt: Debt, settled: Settled, now: Moment) -> None:
    """Note what became of a delivery while the disk took nothing."""
    if settled.word is None:
        count(db, debt.sink, "delivered")
        return
    _owe(db, seq, Debt(debt.sink, debt.state, debt.step, settled.sent), now)
    lose(db, seq, debt.sink, settled.word, settled.detail)


def _event(document: str) -> Event | None:
    try:
        return msgspec.json.decode(document, type=Event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
