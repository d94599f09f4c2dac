import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.alert import database as module
from edge.alert.database import MIN_BYTES, Database
from edge.alert.event import Darkness, Stamp
from edge.alert.schema import MIGRATIONS
from edge.alert.sqlite import check_file
from edge.alert.store import Store
from edge.errors import StoreError
from tests.alert.event import event

ROOT = Path(__file__).parents[2]


@contextmanager
def opened(path, max_bytes=64 << 20):
    with Database(path, max_bytes) as database:
        yield Store(database)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.db"


def test_a_committed_event_is_there_after_reopening(path):
    with opened(path) as store:
        assert store.commit(event(), b"jpeg")
        assert store.commit(event("b"))
    with opened(path) as store:
        assert store.events() == [event("b"), event()]
        assert store.events(limit=1) == [event("b")]
        assert store.evidence("a") == b"jpeg"
        assert store.evidence("b") is None
        assert store.evidence("unknown") is None


def test_a_revision_is_stored_once_and_never_goes_back(path):
    with opened(path) as store:
        assert store.commit(event(revision=2), b"two")
        assert not store.commit(event(revision=2, seconds=9), b"other")
        assert not store.commit(event(revision=1), b"one")
        assert store.events() == [event(revision=2)]
        assert store.evidence("a") == b"two"
        assert store.commit(event(revision=3, phase="closed"))
        assert store.events() == [event(revision=3, phase="closed")]


def test_the_first_and_the_newest_evidence_stay(path):
    with opened(path) as store:
        for revision in range(1, 6):
            store.commit(event(revision=revision), b"%d" % revision)
        assert [store.evidence("a", revision) for revision in range(1, 6)] == [b"1", None, None, None, b"5"]
        assert store.evidence("a") == b"5"
        assert store.counts().evidence == 2


def test_counts(path):
    with opened(path) as store:
        store.commit(event("a"), b"x")
        store.commit(event("b"), b"x")
        store.commit(event("b", 2, "closed"))
        store.commit(event("c", 1, "updated"))
        counts = store.counts()
        assert (counts.open_events, counts.closed_events, counts.evidence) == (2, 1, 2)
        assert (counts.shed_evidence, counts.shed_events) == (0, 0)
        assert counts.bytes == sum(file.stat().st_size for file in path.parent.iterdir())


def test_alerts_are_counted_among_all_events(path):
    with opened(path) as store:
        assert (store.counts().open_alerts, store.counts().closed_alerts) == (0, 0)
        store.commit(event("a", severity="candidate"))
        store.commit(event("b"))
        store.commit(event("c", severity="candidate"))
        store.commit(event("c", 2, "closed", severity="candidate"))
        for name in "de":
            store.commit(event(name, severity="candidate"))
            store.commit(event(name, 2, "updated", alerted=2))
        store.commit(event("e", 3, "closed", alerted=2))
        counts = store.counts()
        assert (counts.open_events, counts.open_alerts) == (3, 2)
        assert (counts.closed_events, counts.closed_alerts) == (2, 1)


def test_an_event_of_a_store_from_before_severities_is_an_alert(path):
    with opened(path) as store:
        store.commit(event("a"))
        store.commit(event("b", 2, "closed"))
        store._database._db.execute(
            "UPDATE event SET document = json_remove(document, '$.severity', '$.alerted')"
        )
        rows = store._database._db.execute("SELECT document FROM event").fetchall()
        assert not [document for (document,) in rows if "severity" in document or "alerted" in document]
        assert store.events() == [event("b", 2, "closed"), event("a")]
        assert (store.counts().open_alerts, store.counts().closed_alerts) == (1, 1)
        assert [e.severity for e in store.close_orphans()] == ["alert"]


def test_a_store_with_severities_is_one_that_an_older_firetower_reads(path):
    """Back after a rollback, for which `edge.alert.rollback` takes the schema back: no field is missing that it had."""
    with opened(path) as store:
        store.commit(event("a", 2, "updated", alerted=2))
        (document,) = store._database._db.execute("SELECT document FROM event").fetchone()
        fields = msgspec.json.decode(document).keys() - {"severity", "alerted", "frame_px", "probability"}
        assert fields == {
            *("id", "revision", "phase", "camera", "label", "bundle", "opened", "updated", "closed", "peak"),
            *("box_px", "opening_box_px", "sightings", "darkness"),
        }


def test_orphans_keep_their_severity(path):
    with opened(path) as store:
        store.commit(event("a", severity="candidate"))
        store.commit(event("b", 3, "updated", alerted=2))
        candidate, alert = store.close_orphans()
        assert (candidate.severity, candidate.alerted) == ("candidate", None)
        assert (alert.severity, alert.alerted.revision, alert.is_new_alert) == ("alert", 2, False)
        assert store.events() == [alert, candidate]


def test_orphans_are_closed_at_their_last_sight(path):
    with opened(path) as store:
        store.commit(event("a", 2, "updated", seconds=7.0))
        store.commit(event("b", 3, "closed"))
        store.commit(event("c"))
    with opened(path) as store:
        closed = list(store.close_orphans())
        assert [(e.id, e.revision, e.phase) for e in closed] == [("a", 3, "closed"), ("c", 2, "closed")]
        assert closed[0].closed == closed[0].updated == event("a", 2, seconds=7.0).updated
        assert {e.phase for e in store.events()} == {"closed"}
        assert list(store.close_orphans()) == []


def test_an_event_of_a_store_from_before_darkness_is_read(path):
    with opened(path) as store:
        store.commit(event("a"))
        store._database._db.execute("UPDATE event SET document = json_remove(document, '$.darkness')")
        assert "darkness" not in store._database._db.execute("SELECT document FROM event").fetchone()[0]
        assert store.events() == [event("a")]
        assert [e.darkness for e in store.close_orphans()] == [None]


def test_an_event_keeps_its_darkness(path):
    night = Darkness(since=Stamp(model_s=60.0, utc="2024-01-01T00:00:00Z"), until=None)
    dark = msgspec.structs.replace(event("a", 2, "updated"), darkness=night)
    with opened(path) as store:
        store.commit(event("a"), b"jpeg")
        store.commit(dark)
        assert store.events() == [dark]
        assert store.evidence("a") == b"jpeg"


def test_an_event_that_does_not_decode_stops_nobody(path, caplog):
    with opened(path) as store:
        store.commit(event("a"))
        store.commit(event("b"))
        store._database._db.execute("UPDATE event SET document = '{' WHERE id = 'a'")
        assert store.counts().open_alerts == 2
        assert store.events() == [event("b")]
        assert [e.id for e in store.close_orphans()] == ["b"]
    assert "event a cannot be read" in caplog.text


def test_the_bound_holds_on_disk_and_old_evidence_goes_first(path):
    with opened(path, MIN_BYTES) as store:
        store.commit(event("open"), b"o" * 40_000)
        for number in range(60):
            store.commit(event(f"e{number}"), random.Random(number).randbytes(30_000))
            store.commit(event(f"e{number}", 2, "closed"))
            assert sum(file.stat().st_size for file in path.parent.iterdir()) <= MIN_BYTES
        counts = store.counts()
        assert (counts.open_events, counts.closed_events, counts.shed_events) == (1, 60, 0)
        kept = [number for number in range(60) if store.evidence(f"e{number}")]
        assert kept == list(range(60 - len(kept), 60))
        assert counts.shed_evidence == 60 - len(kept) > 30
        assert len(kept) >= 10
        assert store.evidence("open") == b"o" * 40_000


def test_then_the_oldest_closed_events_go_whole(path):
    long = "x" * 20_000
    with opened(path, MIN_BYTES) as store:
        store.commit(event("open"))
        for number in range(100):
            store.commit(msgspec.structs.replace(event(f"e{number}", phase="closed"), bundle=long))
            assert sum(file.stat().st_size for file in path.parent.iterdir()) <= MIN_BYTES
        names = [e.id for e in store.events()]
        counts = store.counts()
        assert names[-1] == "open"
        assert names[:-1] == [f"e{number}" for number in range(99, 99 - counts.closed_events, -1)]
        assert counts.shed_events == 100 - counts.closed_events > 40
        assert counts.closed_events > 10


def test_open_events_may_exceed_the_bound_and_that_is_said_once(path, caplog):
    with opened(path, MIN_BYTES) as store:
        for number in range(50):
            store.commit(event(f"e{number}"), b"j" * 30_000)
        assert store.counts().open_events == store.counts().evidence == 50
        assert caplog.text.count("open events alone exceed") == 1
        for number in range(50):
            store.commit(event(f"e{number}", 2, "closed"))
        assert store.counts().bytes <= MIN_BYTES
        assert store.counts().shed_evidence > 0


def test_a_smaller_bound_shrinks_the_file_on_opening(path):
    with opened(path, 4 * MIN_BYTES) as store:
        for number in range(60):
            store.commit(event(f"e{number}", phase="closed"), b"j" * 40_000)
        assert store.counts().bytes > 2 * MIN_BYTES
    with opened(path, MIN_BYTES) as store:
        assert store.counts().bytes <= MIN_BYTES
        assert store.counts().closed_events == 60
    with pytest.raises(ValueError, match=r"at least 1048576 bytes, got 1000"):
        Database(path, 1000)


def test_a_full_disk_is_a_clear_error_and_earlier_events_are_intact(path):
    with opened(path) as store:
        store.commit(event("a"), b"jpeg")
        (pages,) = store._database._db.execute("PRAGMA page_count").fetchone()
        store._database._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(
            StoreError, match=r"events.db': cannot store event b revision 1: .*full; free some space"
        ):
            store.commit(event("b"), b"j" * 100_000)
        assert store.events() == [event("a")]
        assert store.commit(event("c"))
        store._database._db.execute("PRAGMA max_page_count = 100000")
        assert store.commit(event("b"), b"j" * 100_000)
    with opened(path) as store:
        assert [e.id for e in store.events()] == ["b", "c", "a"]


def test_a_commit_that_fails_half_way_leaves_all_as_it_was(path):
    with opened(path, MIN_BYTES) as store:
        for number in range(60):
            store.commit(event(f"e{number}", phase="closed"), b"j" * 30_000)
        before, events = store.counts(), store.events()
        with pytest.raises(StoreError, match=r"cannot store event new revision 1: .*BLOB"):
            store.commit(event("new"), "text" * 30_000)
        assert (store.counts(), store.events()) == (before, events)
        assert store.commit(event("new"))


CHILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.alert.event import event
from edge.alert.database import Database
from edge.alert.store import Store
from edge.errors import StoreError
"""


def child(body):
    code = CHILD.format(root=str(ROOT)) + textwrap.dedent(body)
    return [sys.executable, "-c", code]


def test_a_write_that_the_system_refuses_is_a_clear_error(path):
    body = f"""
    store = Store(Database(Path({str(path)!r})))
    store.commit(event("a"), b"jpeg")
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    stored = ["a"]
    for number in range(50):
        try:
            store.commit(event(f"e{{number}}"), b"j" * 20_000)
            stored.append(f"e{{number}}")
        except StoreError as error:
            print(error, file=sys.stderr)
            assert [e.id for e in store.events()] == stored[::-1]
            break
    print(*stored)
    """
    done = subprocess.run(child(body), capture_output=True, text=True, check=True)
    stored = done.stdout.split()
    assert 2 < len(stored) < 51
    assert "cannot store event" in done.stderr
    assert "free some space" in done.stderr
    with opened(path) as store:
        assert [e.id for e in store.events()] == stored[::-1]
        assert store.evidence("e1") == b"j" * 20_000


def test_kill_9_loses_nothing_that_was_said(path):
    body = f"""
    store = Store(Database(Path({str(path)!r}), 1 << 22))
    list(store.close_orphans())
    for number in range(10_000):
        name = f"{{sys.argv[1]}}-{{number}}"
        store.commit(event(name), name.encode() * 300)
        print(name, flush=True)
    """
    said = []
    for attempt in range(6):
        process = subprocess.Popen([*child(body), str(attempt)], stdout=subprocess.PIPE, text=True)
        wanted = random.Random(attempt).randint(1, 40)
        said += [process.stdout.readline().strip() for _ in range(wanted)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().split("\n")[:-1]  # what was said before the signal; a cut line was not
        process.stdout.close()
        process.wait()
        assert process.returncode == -signal.SIGKILL
        with opened(path, 1 << 22) as store:
            there = {e.id for e in store.events(limit=10**6)}
            assert there >= set(said)
            assert all(store.evidence(name) == name.encode() * 300 for name in said)
    assert len(said) > 6
    assert not list(path.parent.glob("*corrupt*"))


@pytest.mark.parametrize(
    "content", [b"\0" * 8192, b"\xff" * 8192, b"SQLite format 3\0" + b"\xff" * 5000, b"SQLite form"]
)
def test_a_file_of_garbage_is_moved_aside_and_said_loudly(path, content, caplog):
    path.write_bytes(content)
    with opened(path) as store:
        assert store.commit(event())
    assert (path.parent / "events.db.corrupt-1").read_bytes() == content
    assert "is damaged" in caplog.text
    assert "events.db.corrupt-1" in caplog.text
    path.write_bytes(content)
    with opened(path) as store:
        assert store.events() == []
    assert (path.parent / "events.db.corrupt-2").read_bytes() == content


@pytest.mark.parametrize("content", [b"garbage" * 2000, b"x", b"\x7fELF" + b"\0" * 5000, b"PK\3\4" * 400])
def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(
        StoreError, match=r"events.db': not a file of SQLite; name a file that is ours or new"
    ):
        Database(path)
    with pytest.raises(StoreError, match="not a file of SQLite"):
        check_file(path, MIGRATIONS)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {"events.db": content}


def filled(path):
    with opened(path) as store:
        for number in range(20):
            store.commit(event(f"e{number}", phase="closed"), bytes([number]) * 9000)
    return path.read_bytes()


def test_a_truncated_file_is_moved_aside_whole(path):
    whole = filled(path)
    for number, length in enumerate((len(whole) - 4096, len(whole) // 2, 4096, 5000, 99), 1):
        path.write_bytes(whole[:length])
        with opened(path) as store:
            assert store.events() == []
            assert store.commit(event())
        assert (path.parent / f"events.db.corrupt-{number}").read_bytes() == whole[:length]


def test_damage_in_the_middle_is_found_on_opening(path):
    data = bytearray(filled(path))
    data[20 * 4096 : 30 * 4096] = bytes(10 * 4096)
    path.write_bytes(data)
    with opened(path) as store:
        assert store.events() == []
    assert (path.parent / "events.db.corrupt-1").read_bytes() == data


def test_an_empty_file_is_a_new_store_but_not_when_its_log_has_content(path):
    path.touch()
    Database(path).close()
    assert not list(path.parent.glob("*corrupt*"))
    path.write_bytes(b"")
    path.with_name("events.db-wal").write_bytes(b"the last committed event")
    Database(path).close()
    assert (path.parent / "events.db.corrupt-1-wal").read_bytes() == b"the last committed event"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_flipped_bytes_never_end_in_another_error(seed):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        chance = random.Random(seed)
        data = bytearray(filled(path))
        start = chance.randrange(len(data))
        data[start : start + chance.choice((1, 40, 5000))] = chance.randbytes(30)
        path.write_bytes(data)
        with suppress(StoreError), opened(path) as store:
            list(store.close_orphans())
            store.events()
            store.counts()
            store.commit(event("new"), b"jpeg")
            assert store.evidence("new") == b"jpeg"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 799))
@example(60 * 8 + 7)  # a negative version
@example(63 * 8)  # version 0, with tables
@example(63 * 8 + 1)  # a newer version, with the tables of ours
@example(68 * 8)  # another owner
@example(18 * 8 + 2)  # what SQLite only reads
@example(47 * 8 + 4)  # a format that it does not know
def test_a_flipped_bit_in_the_header_is_damage_or_nothing(bit):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        data = bytearray(filled(path))
        data[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(data)
        check_file(path, MIGRATIONS)
        assert path.read_bytes() == data
        with opened(path) as store:
            aside = Path(folder) / "events.db.corrupt-1"
            assert len(store.events()) == (0 if aside.exists() else 20)
            assert not aside.exists() or aside.read_bytes() == data
            assert store.commit(event("new"), b"jpeg")


def test_a_file_that_another_daemon_holds_is_an_error(path):
    with opened(path) as store:
        store.commit(event())
        with pytest.raises(StoreError, match="another process holds it"):
            Database(path, busy_s=0)
        body = f"""
        try:
            Database(Path({str(path)!r}), busy_s=0)
        except StoreError as error:
            print(error)
        """
        done = subprocess.run(child(body), capture_output=True, text=True, check=True)
        assert "another process holds it" in done.stdout
        assert store.commit(event("b"))
    assert not list(path.parent.glob("*corrupt*"))


def test_a_newer_schema_is_refused_and_left_alone(path):
    Database(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"schema 99 was written by a newer firetower, this one knows up to 3"
    ):
        Database(path)
    assert path.read_bytes() == before


def test_an_older_schema_is_migrated(path, monkeypatch):
    with opened(path) as store:
        store.commit(event())
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE further (id INTEGER PRIMARY KEY)"))
    with opened(path) as store:
        assert store.events() == [event()]
        assert store._database._db.execute("SELECT count(*) FROM further").fetchone() == (0,)
        assert store._database._db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


def test_the_database_of_another_program_is_refused_and_left_alone(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = path.read_bytes()
    for trial in (lambda: Database(path), lambda: check_file(path, MIGRATIONS)):
        with pytest.raises(StoreError, match="of another program"):
            trial()
    assert path.read_bytes() == before
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 1")
    db.close()
    damaged = bytearray(path.read_bytes())
    damaged[2000:] = bytes(len(damaged) - 2000)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="of another program"):
        Database(path)
    assert path.read_bytes() == damaged


def test_a_path_that_cannot_be_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    before = {path.name for path in tmp_path.iterdir()}
    names = ("folder", "none/events.db", "fifo", "fifo/events.db", "loop/events.db", "x" * 300)
    for name in names:
        with pytest.raises(
            StoreError, match=r"cannot open it: .*; it must be a file, in a folder that exists"
        ):
            Database(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("mode", "folder_mode", "said"),
    [
        (0o444, 0o777, "events.db' is read-only; the daemon must be able to write the file and its folder"),
        (0o666, 0o555, "is read-only; the daemon must be able to write the file and its folder"),
        (0o222, 0o777, "events.db' cannot be read; the daemon must be able to write the file and its folder"),
        (0o666, 0o666, "Permission denied"),  # a folder that cannot be searched
        (0o666, 0o000, "Permission denied"),
    ],
)
def test_a_place_without_the_rights_is_a_clear_error(mode, folder_mode, said):
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "state"
        folder.mkdir()
        path = folder / "events.db"
        with opened(path) as store:
            store.commit(event())
        path.chmod(mode)
        folder.chmod(folder_mode)
        body = f"""
        import os
        from edge.alert.place import rehearse
        if os.geteuid() == 0:
            os.setgroups([])
            os.setegid(65534)
            os.seteuid(65534)
        for trial in (Database, rehearse):
            try:
                trial(Path({str(path)!r}))
            except StoreError as error:
                print(error)
        """
        try:
            done = subprocess.run(child(body), capture_output=True, text=True, check=True)
        finally:
            folder.chmod(0o755)
        by_run, by_check = done.stdout.splitlines()
        assert said in by_run
        assert by_run == by_check
        assert [file.name for file in folder.iterdir()] == ["events.db"]


def test_threads_share_one_store(path):
    with opened(path) as store:

        def work(name):
            for number in range(10):
                store.commit(event(f"{name}{number}"), b"jpeg")
                store.counts()

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.counts().open_events == store.counts().evidence == 40


def test_a_closed_store_is_an_error_not_a_crash(path):
    database = Database(path)
    store = Store(database)
    database.close()
    database.close()
    with pytest.raises(StoreError, match="cannot store event a revision 1"):
        store.commit(event())


def test_the_file_says_full_sync_and_log(path):
    with opened(path) as store:
        read = {name: store._database._db.execute(f"PRAGMA {name}").fetchone()[0] for name in
                ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")}  # fmt: skip
    assert read == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "auto_vacuum": 2}


def test_what_is_owed_goes_after_all_that_is_not_and_that_is_said(path, caplog):
    asked = set()

    def owed(db, name):
        asked.add(name)
        assert db.execute("SELECT count(*) FROM event WHERE id = ?", (name,)).fetchone() == (1,)
        return name in {"e0", "e1"}

    long = "x" * 20_000
    with Database(path, MIN_BYTES, owed=owed) as database:
        store = Store(database)
        for number in range(60):
            one = msgspec.structs.replace(event(f"e{number}", phase="closed"), bundle=long)
            store.commit(one, b"j" * 10_000)
            assert store.counts().bytes <= MIN_BYTES
        names = {e.id for e in store.events()}
        assert {"e0", "e1"} <= names
        assert not {"e2", "e3", "e4"} & names  # of the same age, shed whole
        assert store.evidence("e0") == store.evidence("e1") == b"j" * 10_000
        assert "still owed" not in caplog.text
        assert {"e0", "e1", "e2"} <= asked
        for number in range(60):  # open events, which stay: at last the owed ones go, evidence first
            store.commit(msgspec.structs.replace(event(f"o{number}"), bundle=long))
            names = {e.id for e in store.events()}
            if "e0" not in names:
                assert store.evidence("e1") is None
        assert not {"e0", "e1"} & names
    assert "event e0 is shed and still owed" in caplog.text


def test_owing_is_asked_once_per_thing_however_much_is_owed(path):
    asked = []
    with Database(path, MIN_BYTES, owed=lambda _db, name: asked.append(name) or True) as database:
        store = Store(database)
        for number in range(40):
            store.commit(event(f"e{number}", phase="closed"), b"j" * 30_000)
            assert store.counts().bytes <= MIN_BYTES
        asked.clear()
        store.commit(event("large", phase="closed"), b"j" * 300_000)
        assert store.counts().shed_evidence > 20
        assert len(asked) <= 3 * 41


def test_a_rule_that_fails_leaves_all_as_it_was(path):
    def broken(_db, _name):
        raise sqlite3.OperationalError("no such table: outbox")

    with Database(path, MIN_BYTES, owed=broken) as database:
        store = Store(database)
        for number in range(20):
            store.commit(event(f"e{number}", phase="closed"), b"j" * 20_000)
        with pytest.raises(StoreError, match=r"cannot store event large .*no such table: outbox"):
            store.commit(event("large"), b"j" * 400_000)
        assert store.counts().closed_events == store.counts().evidence == 20
        assert store.counts().shed_evidence == 0


def test_a_write_that_hangs_holds_up_neither_who_counts_nor_the_end(path, caplog):
    started, over = threading.Event(), threading.Event()

    def hang():
        with suppress(StoreError), database.writing("hang"):
            started.set()
            over.wait()

    database = Database(path)
    store = Store(database)
    store.commit(event())
    thread = threading.Thread(target=hang)
    thread.start()
    started.wait()
    with pytest.raises(StoreError, match=r"cannot count the events: a write takes longer than 0.01 s"):
        store.counts(wait_s=0.01)
    database.close()
    assert "a write hangs" in caplog.text
    over.set()
    thread.join()
    assert store.events() == [event()]
    database.close()
