"""The memories of the hour in the tower's database: a row per camera, HOUR_BYTES_MOST at most, replaced as a whole."""

from __future__ import annotations

from edge.alert.database import Database

HOUR_BYTES_MOST = 200_000


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


def kept(database: Database) -> dict[str, bytes]:
    """Return what is kept, by camera; nothing says yet whether it is whole.

    Raises:
        StoreError: the file cannot be read.
    """
    with database.reading("cannot read the memories of the hour") as db:
        return {str(camera): bytes(data) for camera, data in db.execute("SELECT camera, data FROM hour")}
