"""The log of a disk's writes, the disks rebuilt from it, and what a cut of the power leaves owed."""

import json
import random
import struct
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm64.system import power_cut, service, write_log
from arm64.system.power_cut import Cut, Promise
from edge.alert.database import Database
from edge.alert.event import Stamp
from edge.alert.store import Store
from tests.alert.event import event
from tests.alert.owing import Owing, photo
from tests.arm64.event import an_event

SECTOR, SECTORS = 512, 8
FLUSH, DISCARD = 1, 4
LINE = '[  61.2] firetower[312]: {"event":{"id":"ab12","revision":3,"phase":"updated"}}\r'

writes = st.lists(
    st.tuples(st.integers(0, SECTORS - 1), st.integers(1, 255), st.sampled_from([0, 0, FLUSH, DISCARD])),
    max_size=12,
)


def a_log(path, entries, *, claimed=None, magic=0x6A736677736872):
    """Write a log of (sector, byte, flags); a flush is an entry without data, as QEMU writes it."""
    packed = struct.pack("<QQQI", magic, 1, len(entries) if claimed is None else claimed, SECTOR).ljust(
        SECTOR, b"\0"
    )
    for sector, byte, flags in entries:
        count = 0 if flags == FLUSH else 1
        packed += struct.pack("<QQQQ", sector, count, flags, 0).ljust(SECTOR, b"\0")
        packed += bytes([byte]) * SECTOR if count and flags != DISCARD else b""
    path.write_bytes(packed)
    return path


def a_disk(path):
    path.write_bytes(bytes(SECTOR * SECTORS))
    return path


def after(entries):
    disk = bytearray(SECTORS)
    for sector, byte, flags in entries:
        if flags == 0:
            disk[sector] = byte
    return bytes(disk)


@given(entries=writes)
def test_a_disk_is_rebuilt_as_it_was_after_any_write(entries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    log, base = a_log(folder / "log", entries), a_disk(folder / "base")
    found = write_log.read(log)
    assert len(found) == len(entries)
    for point in range(len(entries) + 1):
        assert write_log.rebuild(base, log, found[:point], folder / "image") == 0
        assert (folder / "image").read_bytes()[::SECTOR] == after(entries[:point])


@given(entries=writes, seed=st.integers(0, 9))
def test_a_careless_card_keeps_what_was_flushed(entries, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    log, base = a_log(folder / "log", entries), a_disk(folder / "base")
    kept = max((number for number, entry in enumerate(entries) if entry[2] == FLUSH), default=-1)
    lost = write_log.rebuild(base, log, write_log.read(log), folder / "image", random.Random(seed))
    assert 0 <= lost <= sum(flags == 0 for _, _, flags in entries[kept + 1 :])
    if lost == 0:
        assert (folder / "image").read_bytes()[::SECTOR] == after(entries)
    untouched = set(range(SECTORS)) - {sector for sector, _, _ in entries[kept + 1 :]}
    flushed = after(entries[: kept + 1])
    found = (folder / "image").read_bytes()[::SECTOR]
    assert all(found[sector] == flushed[sector] for sector in untouched)


def test_a_careless_card_does_lose(tmp_path):
    log = a_log(
        tmp_path / "log", [(0, 1, 0), (0, 0, FLUSH), *((sector, 2, 0) for sector in range(1, SECTORS))]
    )
    lost = write_log.rebuild(
        a_disk(tmp_path / "base"), log, write_log.read(log), tmp_path / "image", random.Random(1)
    )
    assert 0 < lost < SECTORS - 1


def test_a_log_that_was_cut_off_ends_with_its_last_whole_entry(tmp_path):
    log = a_log(tmp_path / "log", [(0, 1, 0), (1, 2, 0)], claimed=5)
    assert len(write_log.read(log)) == 2
    log.write_bytes(log.read_bytes()[:-1])
    assert [write.at for write in write_log.read(log)] == [0]


@pytest.mark.parametrize("content", [b"", b"short", bytes(SECTOR)])
def test_another_file_is_no_log(content, tmp_path):
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(write_log.WriteLogError, match="expected a write log"):
        write_log.read(tmp_path / "log")


def test_promises_are_read_from_the_console():
    assert power_cut.parse(LINE, 7) == Promise("ab12", 3, 7)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[ 1.0] systemd[1]: Started",
        LINE[:60],
        '{"event":{"id":"a"}}',
        '{"event":3}',
        '{"event":{"id":"a","revision":1},"stored":false}',
    ],
)
def test_other_lines_of_the_console_promise_nothing(line):
    assert power_cut.parse(line, 7) is None


def test_cuts_are_spread_over_the_log_and_every_second_is_careless(tmp_path):
    log = a_log(tmp_path / "log", [(n % SECTORS, n + 1, 0) for n in range(40)])
    cuts = power_cut.make_cuts(a_disk(tmp_path / "base"), log, tmp_path / "cuts", 10, seed=3)
    assert [cut.writes for cut in cuts] == sorted({cut.writes for cut in cuts})
    assert [cut.careless for cut in cuts] == [False, True] * 5
    assert all(cut.image.stat().st_size == SECTOR * SECTORS for cut in cuts)
    with pytest.raises(write_log.WriteLogError, match="40 writes, expected at least 41"):
        power_cut.make_cuts(tmp_path / "base", log, tmp_path / "cuts", 41, seed=3)


def test_the_board_tells_events_of_earlier_boots_that_have_their_picture(tmp_path):
    jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    now = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with Database(tmp_path / "events.sqlite") as database:
        store = Store(database)
        store.commit(an_event(id="whole", opened=Stamp(model_s=60.0, boot_id="before")), jpeg)
        store.commit(an_event(id="whole", revision=2, opened=Stamp(model_s=60.0, boot_id="before")))
        store.commit(an_event(id="no-picture", opened=Stamp(model_s=60.0, boot_id="before")))
        store.commit(an_event(id="half-a-picture", opened=Stamp(model_s=60.0, boot_id="before")), jpeg[:-1])
        store.commit(an_event(id="of-this-boot", opened=Stamp(model_s=60.0, boot_id=now)), jpeg)
    script = service._STORED.replace("/var/lib/firetower", str(tmp_path))
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    nothing = {"owed": [], "lost": {}, "unaccounted": 0}
    assert json.loads(said) == {"stored": {"whole": 2}, "integrity": "ok", **nothing}


def a_cut(tmp_path, log_bytes=1000):
    return Cut(9, log_bytes, False, 0, tmp_path / "image")


PROMISES = [Promise("a", 1, 500), Promise("a", 2, 1000), Promise("b", 1, 1001)]


OWED, LOST = ["a.1", "note.1"], {"a.2": ["coalesced", "a.4"], "a.4": ["coalesced", "note.1"]}


def found(**stored):
    return {
        "fsck": 0, "ready": True, "aside": 0, "integrity": "ok", "stored": stored, "owed": OWED, "lost": LOST,
        "unaccounted": 0,
    }  # fmt: skip


def test_only_what_was_promised_before_the_cut_is_owed(tmp_path):
    assert a_cut(tmp_path).owed(PROMISES) == {"a": 2}
    assert a_cut(tmp_path, 999).owed(PROMISES) == {"a": 1}
    assert a_cut(tmp_path, 499).owed(PROMISES) == {}


@pytest.mark.parametrize(
    ("came_back", "good"),
    [
        (found(a=2), True),
        (found(a=3, c=1), True),
        (found(a=1), False),
        (found(), False),
        ({**found(a=2), "ready": False}, False),
        ({**found(a=2), "aside": 1}, False),
        ({**found(a=2), "integrity": "row 3 missing"}, False),
        ({**found(a=2), "fsck": 4}, False),
        ({**found(a=2), "fsck": 1}, True),
        ({**found(a=2), "owed": ["a.1", "a.2"], "lost": {}}, True),
        ({**found(a=2), "owed": ["a.1"], "lost": {}}, False),
        ({**found(a=2), "owed": ["a.1"]}, False),
        ({**found(a=2), "lost": {"a.2": ["shed", "note.1"]}}, False),
        ({**found(a=2), "unaccounted": 1}, False),
    ],
)
def test_a_lost_promise_or_a_service_that_stays_away_is_seen(came_back, good, tmp_path):
    assert power_cut.judge(a_cut(tmp_path), PROMISES, came_back)["good"] is good


JPEG = b"\xff\xd8 a picture \xff\xd9"


def test_a_log_that_is_torn_anywhere_owes_what_was_committed_and_loses_nothing_that_was_settled(tmp_path):
    """The power goes while SQLite writes its log: what it had synced is there, of the rest any part, and noise."""
    chance = random.Random(5)
    owing = Owing(path=tmp_path / "events.sqlite", storm_alerts=4)
    file, log = owing.database.path, tmp_path / "events.sqlite-wal"
    base, promises, settled = file.read_bytes(), [], []
    revisions = dict.fromkeys("abcdefgh", 0)
    for _ in range(90):
        if chance.random() < 0.7:
            name = chance.choice([name for name, revision in revisions.items() if revision < 4])
            revisions[name] += 1
            phase = {1: "opened", 4: "closed"}.get(revisions[name], "updated")
            owing.store.commit(event(name, revisions[name], phase), JPEG, [photo("crop")])
            promises.append(Promise(name, revisions[name], log.stat().st_size))
        elif (message := owing.take()) is not None and chance.random() < 0.8:
            owing.settle(message)
            settled.append((message.key, log.stat().st_size))
        if all(revision == 4 for revision in revisions.values()):
            break
    whole = log.read_bytes()
    assert file.read_bytes() == base  # nothing is folded into it yet
    owing.database.close()
    came_back = 0
    for number, at in enumerate(sorted(chance.sample(range(len(whole)), 12))):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        (folder / file.name).write_bytes(base)
        noise = chance.randbytes(chance.choice([0, 100, 9000]))
        (folder / log.name).write_bytes(whole[:at] + noise)
        after = Owing(path=folder / file.name, boot="b2", storm_alerts=4)
        list(after.store.close_orphans())
        after.database.close()
        script = service._STORED.replace("/var/lib/firetower", str(folder))
        said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        state = {"fsck": 0, "ready": True, "aside": len(list(folder.glob("*corrupt*"))), **json.loads(said)}
        done = {key for key, end in settled if end <= at}
        assert done.isdisjoint({*state["owed"], *state["lost"]})
        state["owed"] += done
        judged = power_cut.judge(Cut(number, at, True, 0, folder), promises, state)
        assert judged["good"], judged
        came_back += judged["promised_revisions"]
    assert came_back > 100
