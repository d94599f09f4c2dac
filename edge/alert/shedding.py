"""What goes first when there is no room for all that waits for the sinks, and the list of what sinks do not get."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from edge.alert.route import Lost

LIST_ROWS = 10_000  # of what was lost; the counts know of more

_OWED = "SELECT EXISTS (SELECT 1 FROM message JOIN delivery ON delivery.message = message.seq WHERE message.event = ?)"
_WAITS = "EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND d.state != 'held')"
_FIRST = f"""
SELECT m.seq FROM message m LEFT JOIN subject s ON s.event = m.event WHERE m.kind %s 'picture'
ORDER BY {_WAITS}, ifnull(m.event NOT GLOB 'drill.*', 1), CASE m.kind
    WHEN 'picture' THEN CASE m.role WHEN 'full' THEN 0 WHEN 'crop' THEN 2 WHEN 'thumbnail' THEN 3 ELSE 1 END
    WHEN 'note' THEN 4
    WHEN 'updated' THEN 5
    WHEN 'reviewed' THEN 6
    WHEN 'closed' THEN 7
    ELSE 8 END,
    ifnull(s.alert, 0), ifnull(s.open, 0), m.seq
LIMIT 1
"""  # noqa: S608 — ours


def owed(db: sqlite3.Connection, event_id: str) -> bool:
    """Say whether a sink is still owed something of an event."""
    return bool(db.execute(_OWED, (event_id,)).fetchone()[0])


def pictures(db: sqlite3.Connection) -> Iterator[bool]:
    """Give up one picture at a time: what nobody waits for, drills, full frames, series, crops, thumbnails.

    Of these those of candidates before those of alerts, of closed events before open ones, older ones first.
    """
    return _give_up(db, _FIRST % "=")


def texts(db: sqlite3.Connection) -> Iterator[bool]:
    """Give up one text at a time: drills, notes, updates, reviews, closings; openings and what made an alert last."""
    return _give_up(db, _FIRST % "!=")


def _give_up(db: sqlite3.Connection, query: str) -> Iterator[bool]:
    while (row := db.execute(query).fetchone()) is not None:
        (seq,) = row
        for (sink,) in db.execute("SELECT sink FROM delivery WHERE message = ?", (seq,)).fetchall():
            lose(db, seq, sink, "shed", "no room for it")
        db.execute("DELETE FROM message WHERE seq = ?", (seq,))
        yield True


def lose(db: sqlite3.Connection, seq: int, sink: str, word: Lost, detail: str) -> None:
    """Take a delivery out, list it and count it; what is held was promised to nobody, and is not listed."""
    listed = db.execute(
        "INSERT INTO lost (key, sink, word, sent, detail) SELECT m.key, d.sink, ?3, d.sent, ?4 FROM delivery d "
        "JOIN message m ON m.seq = d.message WHERE d.message = ?1 AND d.sink = ?2 AND d.state != 'held'",
        (seq, sink, word, detail),
    ).rowcount
    if listed:
        db.execute("DELETE FROM lost WHERE seq <= (SELECT max(seq) FROM lost) - ?", (LIST_ROWS,))
        count(db, sink, word)
    remove(db, seq, sink)


def remove(db: sqlite3.Connection, seq: int, sink: str) -> None:
    """Take a delivery out, and the message with the last one; a full frame stays for whoever asks for it."""
    db.execute("DELETE FROM delivery WHERE message = ? AND sink = ?", (seq, sink))
    db.execute(
        "DELETE FROM message WHERE seq = ?1 AND role != 'full' "
        "AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = ?1)",
        (seq,),
    )


def count(db: sqlite3.Connection, sink: str, word: str, times: int = 1) -> None:
    """Count deliveries."""
    db.execute(
        "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT (sink, word) DO UPDATE SET count = count + ?3",
        (sink, word, times),
    )
