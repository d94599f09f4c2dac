"""What becomes of deliveries, and how many there are. Called within somebody's transaction."""

from __future__ import annotations

import sqlite3
from typing import Literal, TypeAlias

import msgspec

from edge.alert import drill, escalation
from edge.alert.delivery import Moment, find
from edge.alert.route import UNHEARD_S, Queue, Rules
from edge.alert.shedding import count, lose, remove

Word: TypeAlias = Literal["delivered", "unheard", "refused", "shed", "gone"]

_FORGET = """
DELETE FROM subject WHERE NOT open AND NOT EXISTS (SELECT 1 FROM event WHERE id = subject.event)
AND NOT EXISTS (SELECT 1 FROM message WHERE message.event = subject.event)
"""
_COUNT = """
SELECT ifnull(sum(d.state IN ('waiting', 'timed')), 0), ifnull(sum(d.state = 'unheard'), 0),
    iif(max(d.state = 'waiting' AND m.boot != ?1), NULL, min(iif(d.state = 'waiting', m.since_ns, NULL)))
FROM delivery d JOIN message m ON m.seq = d.message
"""
_CANDIDATES = (
    "SELECT count(*), iif(max(boot != ?1), NULL, min(since_ns)) FROM subject WHERE NOT alert AND word IS NULL "
    "AND event NOT GLOB 'drill.*'"
)


def adopt(db: sqlite3.Connection, rules: Rules) -> None:
    """Take over what an earlier process left, by the sinks that there are now; a drill of it is over."""
    drill.end(db, "the daemon was started anew")
    escalation.adopt(db, rules)
    names = msgspec.json.encode([route.name for route in rules.routes]).decode()
    left = db.execute(
        "SELECT message, sink FROM delivery WHERE sink NOT IN (SELECT value FROM json_each(?))", (names,)
    ).fetchall()
    for seq, sink in left:
        lose(db, seq, sink, "gone", "no such sink is configured any more")
    for route in rules.routes:
        if route.escalation is None:
            released = db.execute(
                "UPDATE delivery SET state = 'waiting' WHERE state = 'held' AND sink = ? "
                "AND message IN (SELECT seq FROM message JOIN subject USING (event) WHERE alert)",
                (route.name,),
            ).rowcount
            count(db, route.name, "committed", released)


def settle(
    db: sqlite3.Connection, key: str, sink: str, word: Word | None, why: str, rules: Rules, now: Moment
) -> None:
    """Note what became of a delivery; None: it was handed over. Twice changes nothing."""
    found = find(db, key, sink)
    if found is None:
        return
    seq, event_id, kind, _, state = found
    db.execute("UPDATE delivery SET sent = 1 WHERE message = ? AND sink = ? AND NOT sent", (seq, sink))
    if word == "delivered":
        count(db, sink, word)
        remove(db, seq, sink)
        return
    if word == "unheard" and state != "unheard":
        count(db, sink, word)
        db.execute(
            "UPDATE delivery SET state = 'unheard', boot = ?, since_ns = ? WHERE message = ? AND sink = ?",
            (now.boot, now.ns, seq, sink),
        )
    elif word in ("refused", "shed", "gone"):
        lose(db, seq, sink, word, why)
    if word is not None and event_id is not None and kind != "picture":
        escalation.escalate_first(db, event_id, rules, now)


def leave(db: sqlite3.Connection, sink: str, why: str, rules: Rules, now: Moment) -> None:
    """Let go of a sink that wants nothing any more; its alerts escalate at once."""
    left = db.execute(
        "SELECT message, event, state FROM delivery JOIN message ON seq = message WHERE sink = ?", (sink,)
    ).fetchall()
    for seq, event_id, state in left:
        lose(db, seq, sink, "gone", why)
        if event_id is not None and state != "held":
            escalation.escalate_first(db, event_id, rules, now)


def expire(db: sqlite3.Connection, now: Moment) -> None:
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


def forget_subjects(db: sqlite3.Connection) -> None:
    """Forget the events of which nothing is left."""
    db.execute(_FORGET)


def count_queue(db: sqlite3.Connection, now: Moment) -> Queue:
    """Count what waits."""
    unsent, unheard, oldest_ns = db.execute(_COUNT, (now.boot,)).fetchone()
    candidates, since_ns = db.execute(_CANDIDATES, (now.boot,)).fetchone()
    (size,) = db.execute("SELECT ifnull(sum(bytes), 0) FROM message").fetchone()
    words = db.execute("SELECT word, sum(count) FROM tally GROUP BY word").fetchall()
    return Queue(
        unsent=unsent,
        oldest_s=None if oldest_ns is None else (now.ns - oldest_ns) / 1e9,
        unheard=unheard,
        candidates=candidates,
        candidate_s=None if since_ns is None else (now.ns - since_ns) / 1e9,
        bytes=size,
        words=dict(words),
    )
