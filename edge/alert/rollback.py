"""Taking a store back to the schema of an older firetower: what that does not know is taken out, the events stay.

`deploy` runs it on the board, with the firetower that knows more, before the older one starts.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from edge.alert import header
from edge.alert.schema import MIGRATIONS
from edge.alert.sqlite import known_tables, tables, translate
from edge.errors import StoreError
from edge.text import plain


def take_back(path: Path, schema: int) -> int:
    """Take a store back; nothing where there is none, or where it is old enough.

    Args:
        path: of the file; no daemon runs on it.
        schema: that the older firetower knows.
    Returns:
        How many deliveries waited in it, and are given up.
    Raises:
        StoreError: another process holds it, the disk is full or failing, or it is not ours; it is as it was.
    """
    if not 0 < schema <= len(MIGRATIONS):
        raise StoreError(f"event store '{path}': expected a schema of 1 to {len(MIGRATIONS)}, got {schema}")
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=2.0, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN IMMEDIATE")
            waiting = _take_out(db, path, schema)
            db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, StoreError):
            raise
        raise translate(path, f"cannot take it back to schema {schema}", error) from error
    return waiting


def _take_out(db: sqlite3.Connection, path: Path, schema: int) -> int:
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    known = known_tables(MIGRATIONS)
    if application_id != header.APPLICATION_ID or version >= len(known) or tables(db) != known[version]:
        raise StoreError(f"event store '{path}': it is damaged or not ours; it is left as it is")
    if version <= schema:
        return 0
    older = {(kind, name) for kind, name, _ in known[schema]}
    waiting = 0
    if ("table", "delivery") not in older:
        (waiting,) = db.execute("SELECT count(*) FROM delivery WHERE state != 'held'").fetchone()
        db.execute("DELETE FROM event WHERE id GLOB 'drill.*'")  # which the older one would take for real
    for kind, name, _ in known[version]:
        if kind == "table" and (kind, name) not in older:
            db.execute(f'DROP TABLE "{name}"')
    db.execute(f"PRAGMA user_version = {schema}")
    if tables(db) != known[schema]:
        raise StoreError(f"event store '{path}': schema {version} cannot be taken back to {schema}")
    return int(waiting)


def main(argv: Sequence[str]) -> int:
    """Run one command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m edge.alert.rollback", description=__doc__)
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument("schema", type=int, metavar="SCHEMA")
    options = parser.parse_args(argv)
    try:
        waiting = take_back(options.path, options.schema)
    except StoreError as error:
        print(plain(str(error)), file=sys.stderr)
        return 1
    if waiting:
        print(f"{waiting} messages that waited in '{options.path}' are given up", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
