"""Memories of the hour in the tower's file: small, replaced as a whole, and whole after a power cut."""

import os
import shutil

import msgspec
import numpy as np
import pytest

from edge.alert import hour
from edge.alert.database import Database
from edge.alert.store import Store
from edge.detect import memory_file
from edge.errors import StoreError
from tests.alert.event import event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.sqlite"


def test_what_is_kept_of_each_camera_is_the_newest(path):
    with Database(path) as database:
        for camera, data in (("north", b"1"), ("south", b"2"), ("north", b"3")):
            hour.keep(database, camera, data)
    with Database(path) as database:
        assert hour.kept(database) == {"north": hour.Hour(b"3"), "south": hour.Hour(b"2")}


def test_a_camera_has_200_kb_in_the_file_and_no_more(path):
    assert hour.HOUR_BYTES_MOST == memory_file.BYTES_MOST == 200_000
    whole = np.random.default_rng(0).bytes(175_000)  # more than any memory has
    with Database(path) as database:
        database.fold()
        before = database.disk_bytes()
        for _ in range(5):
            hour.keep(database, "north", whole)
        database.fold()
        assert database.disk_bytes() - before <= 200_000
        with pytest.raises(ValueError, match="expected 200000 or fewer"):
            hour.keep(database, "north", bytes(200_001))


def test_a_power_cut_amid_a_write_leaves_the_one_before(path, tmp_path):
    """Of the log as a cut may leave it: each length that its last write had on the way."""
    with Database(path) as database:
        hour.keep(database, "north", b"before" * 1000)
        log = path.with_name(path.name + "-wal")
        committed = log.stat().st_size
        hour.keep(database, "north", os.urandom(20_000))
        files = path.read_bytes(), log.read_bytes()
    for length in range(committed, len(files[1]), 1500):
        folder = tmp_path / f"cut-{length}"
        folder.mkdir()
        (folder / path.name).write_bytes(files[0])
        (folder / log.name).write_bytes(files[1][:length])
        with Database(folder / path.name) as database:
            assert hour.kept(database) == {"north": hour.Hour(b"before" * 1000)}
        shutil.rmtree(folder)


def test_a_row_whose_camera_is_damaged_is_given_up(path, caplog):
    with Database(path) as database:
        hour.keep(database, "north", b"1")
        hour.keep(database, "south", b"2")
        with database.writing("test") as db:
            db.execute("UPDATE hour SET camera = CAST(x'ff6e' AS TEXT) WHERE camera = 'south'")
    with Database(path) as database:
        assert hour.kept(database) == {"north": hour.Hour(b"1")}
    assert "memory of camera" in caplog.text


def test_a_disk_that_refuses_leaves_what_was_kept(path):
    with Database(path) as database:
        hour.keep(database, "north", b"1")
        with database.reading("test") as db:
            db.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="cannot keep the memory of camera 'north'"):
            hour.keep(database, "north", b"2")
        assert hour.kept(database) == {"north": hour.Hour(b"1")}


def test_it_comes_with_the_events_that_strike_it(path):
    with Database(path) as database:
        hour.keep(database, "north", b"1")
        store = Store(database)
        alerts, candidates = ("a", "drill.1", "e"), ("b", "d")
        for name in (*alerts, *candidates):
            store.commit(event(name, severity="alert" if name in alerts else "candidate"))
        store.commit(msgspec.structs.replace(event("c"), camera="south"))
        with database.writing("test") as db:
            db.execute(
                "INSERT INTO subject (event, opening, open, alert, listed, word, step, boot, since_ns) "
                "VALUES ('d', 1, 0, 0, 0, 'confirmed', 0, 'b', 0), ('b', 2, 0, 0, 0, 'dismissed', 0, 'b', 0)"
            )
            db.execute("UPDATE event SET document = '{' WHERE id = 'e'")
        kept = hour.kept(database)
    assert set(kept) == {"north"}
    assert [one.id for one in kept["north"].alerts] == ["a"]
    assert [one.id for one in kept["north"].confirmed] == ["d"]
