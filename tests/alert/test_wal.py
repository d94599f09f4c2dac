"""A log as SQLite writes it, damaged at each of its frames."""

import random
import shutil
import sqlite3

import pytest

from edge.alert.database import Database
from edge.alert.store import Store
from edge.alert.wal import Damage, damage
from edge.errors import StoreError
from tests.alert.event import event

COMMITS = 6
HEADER, FRAME, PAGE = 32, 24, 4096


class Killed:
    """A store that a killed daemon left: its file, its log, and which frames of that end a transaction."""

    def __init__(self, folder, commits=COMMITS):
        self.path = folder / "left" / "e.db"
        self.log = self.path.with_name("e.db-wal")
        self.path.parent.mkdir(parents=True)
        with Database(folder / "e.db") as database:
            database.fold()
            for number in range(commits):
                Store(database).commit(event(f"e{number}"), bytes([number]) * 9000)
            shutil.copy(folder / "e.db", self.path)
            shutil.copy(folder / "e.db-wal", self.log)
        self.whole = self.log.read_bytes()
        self.frames = (len(self.whole) - HEADER) // (FRAME + PAGE)
        sizes = [self.whole[self.at(frame) + 4 : self.at(frame) + 8] for frame in range(1, self.frames + 1)]
        self.ends = [number for number, size in enumerate(sizes, 1) if any(size)]
        assert len(self.ends) == commits

    @staticmethod
    def at(frame):
        return HEADER + (frame - 1) * (FRAME + PAGE)

    def flip(self, *offsets):
        data = bytearray(self.whole)
        for offset in offsets:
            data[offset] ^= 0x10
        self.log.write_bytes(data)
        return bytes(data)

    def behind(self, frame):
        return sum(end >= frame for end in self.ends)

    def events(self):
        with Database(self.path) as database:
            return len(Store(database).events())

    def asides(self):
        return sorted(file.name for file in self.path.parent.iterdir() if "corrupt" in file.name)


@pytest.fixture
def killed(tmp_path):
    return Killed(tmp_path)


def test_a_whole_log_and_none_are_no_damage(killed):
    assert damage(killed.log, PAGE) is None
    assert killed.events() == COMMITS
    assert damage(killed.log, PAGE) is None
    assert killed.asides() == []


@pytest.mark.parametrize("offset", [0, 1, 8, 11, 15, 16, 20, FRAME, FRAME + 2000, FRAME + PAGE - 1])
def test_damage_in_each_frame_is_found_with_all_commits_that_it_still_shows(killed, offset):
    for frame in range(1, killed.ends[-2] + 1):
        killed.flip(killed.at(frame) + offset)
        assert damage(killed.log, PAGE) == Damage(frame, killed.behind(frame)), frame


def test_a_torn_last_transaction_is_no_damage(killed):
    for frame in range(killed.ends[-2] + 1, killed.frames + 1):
        killed.flip(killed.at(frame) + FRAME)  # one of its pages never arrived
        assert damage(killed.log, PAGE) is None
        for length in (1, FRAME, FRAME + 1, FRAME + PAGE - 1):  # or the rest of it
            killed.log.write_bytes(killed.whole[: killed.at(frame) + length])
            assert damage(killed.log, PAGE) is None
    assert killed.events() == COMMITS - 1
    assert killed.asides() == []


def test_a_log_that_is_cut_at_any_length_is_no_damage(killed):
    chance = random.Random(3)
    for length in (0, 1, 31, 32, 33, *(chance.randrange(len(killed.whole)) for _ in range(30))):
        killed.log.write_bytes(killed.whole[:length])
        assert damage(killed.log, PAGE) is None


@pytest.mark.parametrize("page_bytes", [PAGE, None])
def test_a_damaged_header_of_the_log_is_damage(killed, page_bytes):
    for offset in range(HEADER):
        killed.flip(offset)
        lost = offset in range(8, 12) and page_bytes is None  # its page size, and nobody knows it otherwise
        assert damage(killed.log, page_bytes) == Damage(0, None if lost else COMMITS), offset


def test_a_log_of_nothing_that_can_be_read_is_damage_unless_it_is_blank(killed):
    killed.log.write_bytes(random.Random(1).randbytes(9000))
    assert damage(killed.log, PAGE) == Damage(0, None)
    assert str(Damage(0, None)) == "its header is damaged, commits behind it: unknown"
    killed.log.write_bytes(bytes(9000))
    assert damage(killed.log, PAGE) is None


def test_an_older_log_that_lies_behind_is_no_damage(killed):
    with sqlite3.connect(
        killed.path.with_name("x.db")
    ) as db:  # with frames of an older generation at the end
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        for _ in range(20):
            db.execute("INSERT INTO t VALUES (?)", ("x" * 5000,))
            db.commit()
        db.execute("PRAGMA wal_checkpoint(RESTART)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()
        log = killed.path.with_name("x.db-wal")
        assert log.stat().st_size > 40 * PAGE
        assert damage(log, PAGE) is None
        data = bytearray(log.read_bytes())
        data[HEADER + FRAME] ^= 1  # the one transaction of the new generation
        copy = killed.path.with_name("y.db-wal")
        copy.write_bytes(data)
        assert damage(copy, PAGE) is None
    db.close()


def test_what_failed_transactions_left_behind_is_no_damage(killed):
    """Each wrote its frames, and was overwritten from its beginning by the next, shorter one."""
    first, second = killed.ends[-3] + 1, killed.ends[-2] + 1
    data = bytearray(killed.whole)
    data[killed.at(first) : killed.at(first) + FRAME + PAGE] = bytes(FRAME + PAGE)
    data[killed.at(second) : killed.at(second) + FRAME + PAGE] = bytes(FRAME + PAGE)
    killed.log.write_bytes(data)
    assert damage(killed.log, PAGE) is None


def test_a_damaged_log_is_kept_aside_told_once_and_the_store_goes_on(killed, caplog):
    frame = killed.ends[2]
    data = killed.flip(killed.at(frame) + FRAME)
    assert killed.events() == 2
    assert killed.asides() == ["e.db.corrupt-1-wal"]
    assert (killed.path.parent / "e.db.corrupt-1-wal").read_bytes() == data
    assert f"its write-ahead log is damaged: frame {frame} is damaged, commits behind it: 4" in caplog.text
    with Database(killed.path) as database:
        assert Store(database).commit(event("new"))
    assert killed.events() == 3
    assert killed.asides() == ["e.db.corrupt-1-wal"]


def test_a_damaged_log_is_copied_once_however_often_the_opening_fails(killed):
    killed.flip(killed.at(1) + FRAME)
    with sqlite3.connect(killed.path, isolation_level=None) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        data = killed.log.read_bytes()
        holder.execute("BEGIN IMMEDIATE")
        killed.log.write_bytes(data)
        for _ in range(3):
            with pytest.raises(StoreError, match="another process holds it"):
                Database(killed.path, busy_s=0)
        holder.execute("ROLLBACK")
    holder.close()
    assert killed.asides() == ["e.db.corrupt-1-wal"]
