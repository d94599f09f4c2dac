"""A drill: a test event of which nothing is real, made to see that an alarm reaches people; and how it ends.

It goes the way of an alert of its camera and counts nowhere. `end` and `has_begun_for` are called within somebody's
transaction.
"""

from __future__ import annotations

import sqlite3

import msgspec

from edge.alert.event import Event, Stamp
from edge.alert.evidence import DRILL_PREFIX
from edge.alert.shedding import lose

LABEL = "smoke"
_ID_CHARS = 24
# Of whom the opening was not told, nothing is told; who knows of it gets the closing.
_UNSENT = """
SELECT d.message, d.sink FROM delivery d JOIN message m ON m.seq = d.message
WHERE m.event GLOB 'drill.*' AND NOT d.sent AND (m.kind != 'closed' OR EXISTS (
    SELECT 1 FROM delivery o JOIN message p ON p.seq = o.message
    WHERE o.sink = d.sink AND p.event = m.event AND p.kind = 'opened' AND NOT o.sent))
"""


def id_of(order: str) -> str:
    """Return the id of the drill that an order asks for, so that whoever gave it knows what to wait for."""
    return f"{DRILL_PREFIX}{order[:_ID_CHARS]}"


def begun(event_id: str, camera: str, size_px: tuple[int, int], model: str, at: Stamp) -> Event:
    """Return the opening of a drill, in the middle of the picture.

    Args:
        event_id: by `id_of`.
        camera: its name.
        size_px: (height, width) of the picture that goes with it.
        model: bundle that would have seen it.
        at: now.
    """
    height, width = size_px
    box_px = (3 * width // 8, 3 * height // 8, max(1, 5 * width // 8), max(1, 5 * height // 8))
    return Event(
        id=event_id, revision=1, phase="opened", camera=camera, label=LABEL, bundle=model, opened=at, updated=at,
        closed=None, peak=0.0, box_px=box_px, opening_box_px=box_px, sightings=0, severity="alert", frame_px=size_px,
    )  # fmt: skip


def ended(event: Event, at: Stamp) -> Event:
    """Return the closing of a drill."""
    return msgspec.structs.replace(event, revision=event.revision + 1, phase="closed", closed=at)


def end(db: sqlite3.Connection, why: str) -> None:
    """Give up what was never handed over of any drill, and list it."""
    for seq, sink in db.execute(_UNSENT).fetchall():
        lose(db, seq, sink, "ended", why)


def has_begun_for(db: sqlite3.Connection, event: Event, sink: str) -> bool:
    """Say whether a sink may know of a drill; not where the opening was given up before it went."""
    row = db.execute(
        "SELECT 1 FROM lost WHERE key = ? AND sink = ? AND NOT sent", (f"{event.id}.1", sink)
    ).fetchone()
    return row is None
