import sqlite3

import pytest

from edge.alert import database, hour
from edge.alert import database as database_module
from edge.alert.database import Database
from edge.alert.rollback import main, take_back
from edge.alert.route import Route
from edge.alert.schema import MIGRATIONS
from edge.alert.store import Store
from edge.errors import StoreError
from tests.alert.event import event
from tests.alert.owing import Owing


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.db"


@pytest.fixture
def older(monkeypatch):
    """What a firetower of the first schema does with a file."""

    def run(path, *commits):
        with monkeypatch.context() as patch:
            patch.setattr(database, "MIGRATIONS", MIGRATIONS[:1])
            with Database(path) as opened:
                store = Store(opened)
                for one in commits:
                    store.commit(one, b"jpeg")
                return [one.id for one in store.events()]

    return run


def filled(path):
    owing = Owing(Route("a"), Route("step", escalation=1), path=path)
    owing.store.commit(event("drill.a"), None)  # which an older firetower would take for real
    owing.store.commit(event("e"), b"jpeg")
    owing.commit(event("f"), "crop")
    owing.database.close()


def test_an_older_firetower_refuses_the_store_and_reads_it_once_it_is_taken_back(path, older):
    older(path, event("before"))
    filled(path)
    with pytest.raises(
        StoreError, match=r"schema 3 was written by a newer firetower, this one knows up to 1"
    ):
        older(path)
    assert take_back(path, 1) == 3  # what is held for an escalation was promised to nobody
    assert older(path, event("g")) == ["g", "f", "e", "before"]
    again = Owing(path=path)
    assert [one.id for one in again.store.events()] == ["g", "f", "e", "before"]
    assert again.store.evidence("e") == b"jpeg"
    assert again.drain() == []
    again.commit(event("h"))
    assert again.drain() == ["h.1"]
    again.database.close()
    assert not list(path.parent.glob("*corrupt*"))


def test_a_firetower_without_a_memory_of_the_hour_goes_on_with_what_waits(path, monkeypatch):
    filled(path)
    with Database(path) as database:
        hour.keep(database, "north", b"memory")
    monkeypatch.setattr(database_module, "MIGRATIONS", MIGRATIONS[:2])
    with pytest.raises(StoreError, match="schema 3 was written by a newer firetower, this one knows up to 2"):
        Database(path)
    assert take_back(path, 2) == 0  # what waits is not given up
    owing = Owing(Route("a"), Route("step", escalation=1), path=path)
    assert owing.drain() != []
    assert [one.id for one in owing.store.events()] == ["f", "e", "drill.a"]
    owing.database.close()
    monkeypatch.undo()
    with Database(path) as database:
        assert hour.kept(database) == {}


def test_what_is_in_the_log_of_a_killed_daemon_is_taken_back_too(path, older):
    owing = Owing(path=path)
    owing.commit(event("e"))
    log = path.with_name(path.name + "-wal")
    killed = path.read_bytes(), log.read_bytes()
    owing.database.close()
    path.write_bytes(killed[0])
    log.write_bytes(killed[1])
    assert take_back(path, 1) == 1
    assert older(path) == ["e"]


def test_there_is_nothing_to_do_without_a_store_or_with_an_old_one(path, older):
    assert take_back(path, 1) == 0
    assert not path.exists()
    older(path, event("e"))
    before = path.read_bytes()
    assert take_back(path, 1) == 0
    assert path.read_bytes() == before


def test_what_is_not_whole_or_not_ours_is_left_as_it_is(path):
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged or not ours"):
        take_back(path, 1)
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="expected a schema of 1 to 3, got 4"):
        take_back(path, 4)


def test_a_file_of_another_program_is_left_as_it_is(path):
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 7")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not ours"):
        take_back(path, 1)
    assert path.read_bytes() == before


def test_a_store_that_a_daemon_holds_is_refused(path, capsys):
    with Database(path):
        assert main([str(path), "1"]) == 1
    assert "locked" in capsys.readouterr().err
    filled(path)
    assert main([str(path), "1"]) == 0
    assert "3 messages that waited" in capsys.readouterr().err
    assert main([str(path), "1"]) == 0
