"""Rows whose names are damaged: no key, sink or event can be found by them. Each is given up when the file is opened.

Documents are not looked at here: who reads one sees whether it can be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from edge.alert.shedding import lose

_KINDS = frozenset({"opened", "alerted", "updated", "closed", "reviewed", "picture", "storm", "note"})
_STATES = frozenset({"waiting", "unheard", "timed", "held"})
_WHY = "its row is damaged"
_NAMES = {
    "subject": "event",
    "fact": "name",
    "tally": "sink || ' ' || word",
    "lost": "key || sink || word || detail",
}


def give_up(db: sqlite3.Connection) -> Iterator[str]:
    """Give up what is damaged, within a transaction; say what it was, for the log."""
    for seq, name in db.execute("SELECT seq, id FROM event").fetchall():
        if not _is_text(name):
            db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            yield f"event {name!a}"
    if _has(db, "message"):
        yield from _of_outbox(db)
    if _has(db, "hour"):
        for seq, name in db.execute("SELECT rowid, camera FROM hour").fetchall():
            if not _is_text(name):
                db.execute("DELETE FROM hour WHERE rowid = ?", (seq,))
                yield f"memory of camera {name!a}"


def _of_outbox(db: sqlite3.Connection) -> Iterator[str]:
    for table in ("message", "delivery", "subject"):  # of a boot that nobody knows, the time counts as over
        _forget(db, table, "boot", "''")
    _forget(db, "subject", "word", "NULL")
    yield from _messages(db)
    yield from _deliveries(db)
    for table, named in _NAMES.items():
        for (name,) in db.execute(f"SELECT {named} FROM {table}").fetchall():  # noqa: S608 — ours
            if not _is_text(name):
                db.execute(f"DELETE FROM {table} WHERE CAST({named} AS BLOB) = ?", (_raw(name),))  # noqa: S608 — ours
                yield f"{table} {name!a}"


def _messages(db: sqlite3.Connection) -> Iterator[str]:
    for seq, key, kind, about in db.execute(
        "SELECT seq, key, kind, ifnull(event, '') || role FROM message"
    ).fetchall():
        if _is_text(key) and kind in _KINDS and _is_text(about):
            continue
        if not _is_text(key):
            db.execute("UPDATE message SET key = 'damaged.' || seq WHERE seq = ?", (seq,))
        for (sink,) in db.execute("SELECT sink FROM delivery WHERE message = ?", (seq,)).fetchall():
            if _is_text(sink):
                lose(db, seq, sink, "refused", _WHY)
        db.execute("DELETE FROM message WHERE seq = ?", (seq,))
        yield f"message {key!a}"


def _deliveries(db: sqlite3.Connection) -> Iterator[str]:
    for seq, sink, state in db.execute("SELECT message, sink, state FROM delivery").fetchall():
        if _is_text(sink) and state in _STATES:
            continue
        if _is_text(sink):
            lose(db, seq, sink, "refused", _WHY)
        else:
            db.execute("DELETE FROM delivery WHERE message = ? AND CAST(sink AS BLOB) = ?", (seq, _raw(sink)))
        yield f"delivery of message {seq} to sink {sink!a}"


def _forget(db: sqlite3.Connection, table: str, column: str, value: str) -> None:
    for (text,) in db.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():  # noqa: S608 — ours
        if text is not None and not _is_text(text):
            db.execute(
                f"UPDATE {table} SET {column} = {value} WHERE CAST({column} AS BLOB) = ?",  # noqa: S608 — ours
                (_raw(text),),
            )


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone() is not None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _raw(text: str) -> bytes:
    """Return the bytes of a text as they are in the file."""
    return text.encode("utf-8", "surrogateescape")
