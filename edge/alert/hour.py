"""The memories of the hour in the tower's database: a row per camera, HOUR_BYTES_MOST at most, replaced as a whole."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from edge.alert.database import Database
from edge.alert.event import Event

HOUR_BYTES_MOST = 200_000
_STRIKING = (  # events of which nothing may be learned
    "SELECT document, ifnull(word = 'confirmed', 0) FROM event LEFT JOIN subject ON subject.event = event.id "
    "WHERE id NOT GLOB 'drill.*' AND (word = 'confirmed' OR CASE WHEN json_valid(document) "
    "THEN ifnull(json_extract(document, '$.severity'), 'alert') = 'alert' ELSE 0 END)"
)


@dataclass(frozen=True, slots=True)
class Hour:
    """What is kept of one camera.

    Attributes:
        data: its memory, as `edge.detect.memory.Memory.encode` made it; nothing says yet whether it is whole.
        alerts: its events that became alerts, as far as the file holds them.
        confirmed: those that a person confirmed.
    """

    data: bytes
    alerts: tuple[Event, ...] = ()
    confirmed: tuple[Event, ...] = ()


def keep(database: Database, camera: str, data: bytes) -> None:
    """Keep what a camera's memory holds instead of what was kept of it before; all or nothing.

    Args:
        database: of the tower.
        camera: its name.
        data: as `edge.detect.memory.Memory.encode` made it.
    Raises:
        ValueError: more than HOUR_BYTES_MOST.
        StoreError: the disk is full or failing, the file read-only or damaged; what was kept before is as it was.
    """
    if len(data) > HOUR_BYTES_MOST:
        raise ValueError(
            f"camera '{camera}': a memory of {len(data)} bytes, expected {HOUR_BYTES_MOST} or fewer"
        )
    with database.writing(f"cannot keep the memory of camera '{camera}'") as db:
        database.make_room(len(data))
        db.execute(
            "INSERT INTO hour VALUES (?, ?) ON CONFLICT (camera) DO UPDATE SET data = excluded.data",
            (camera, data),
        )


def kept(database: Database) -> dict[str, Hour]:
    """Return what is kept, by camera, with the events that strike it; one that cannot be read strikes nothing.

    Raises:
        StoreError: the file cannot be read.
    """
    alerts: defaultdict[str, list[Event]] = defaultdict(list)
    confirmed: defaultdict[str, list[Event]] = defaultdict(list)
    with database.reading("cannot read the memories of the hour") as db:
        rows = db.execute("SELECT camera, data FROM hour").fetchall()
        for document, said in db.execute(_STRIKING) if rows else ():
            with suppress(msgspec.MsgspecError, ValueError, RecursionError):
                event = msgspec.json.decode(document, type=Event)
                if said:
                    confirmed[event.camera].append(event)
                if event.severity == "alert":
                    alerts[event.camera].append(event)
    return {
        str(camera): Hour(bytes(data), tuple(alerts[camera]), tuple(confirmed[camera]))
        for camera, data in rows
    }
