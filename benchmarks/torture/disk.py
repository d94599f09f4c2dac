"""Disks: full, read-only, unreadable, renamed away, and files with turned bits, under a daemon that has events."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from benchmarks.torture.attack import Attack, Ground, Outcome, eager_bundle, eventful
from benchmarks.tower import MERE, Tower, TowerError, stored
from edge.alert.event import Announcement

_DISK_BYTES = 4 << 20
_VERSION_AT = 18  # in the header: "file format write version"; 2 for a write-ahead log
_WAL_HEAD_BYTES, _WAL_FRAME_HEAD_BYTES = 32, 24


class Disk:
    """A tmpfs of its own size, in a mount namespace that ends with this object; needs root.

    Args:
        place: an existing folder, where it is mounted for those who are started with `prefix`.
        size_bytes: its size.

    Attributes:
        folder: the same place, as this process sees it.
        prefix: starts a program that sees it.
    """

    def __init__(self, place: Path, size_bytes: int = _DISK_BYTES) -> None:
        self._place = place
        mount = 'mount -t tmpfs -o size="$1",mode=0777 torture "$2" && echo mounted && exec cat'
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mount, "sh", str(size_bytes), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            self.__exit__()
            raise TowerError("no tmpfs can be mounted")
        self.folder = Path(f"/proc/{self._holder.pid}/root{place}")
        self.prefix = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._holder.kill()
        self._holder.communicate()

    def remount(self, how: str) -> None:
        """Make it read-only (`ro`) or writable (`rw`)."""
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{how}", str(self._place)], check=True)

    def take_out(self, name: str) -> Path:
        """Return a copy of a store on it: SQLite resolves links, and would look for it in this process's own mounts."""
        copy = self._place.with_name("taken-out")
        copy.mkdir(exist_ok=True)
        for end in ("", "-wal"):
            if (self.folder / (name + end)).exists():
                shutil.copyfile(self.folder / (name + end), copy / (name + end))
        return copy / name

    def fill(self) -> None:
        """Take all of its room."""
        with (self.folder / "filler").open("wb") as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
                    filler.flush()
            except OSError:
                pass

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink()


def _write(ground: Ground, store: Path) -> Path:
    file = ground.folder / "tower.toml"
    bundle = eager_bundle(ground.folder, excited=True)
    file.write_text(
        f'[model]\nbundle = "{bundle}"\n[web]\nport = 0\n[store]\npath = "{store}"\n[cameras.a]\n{eventful()}'
    )
    return file


def _opened(announced: Sequence[Announcement]) -> list[str]:
    return [a.event.id for a in announced if a.event.phase == "opened"]


def _judge(outcome: Outcome, announced: Sequence[Announcement], store: Path) -> None:
    """Compare what was announced with what is on disk: whole, once, and in its order."""
    outcome.survived += 1
    keys = [(a.event.id, a.event.revision) for a in announced]
    outcome.doubled += len(keys) - len(set(keys))
    there = stored(store)
    ids = [event.id for event in there]
    promised = {a.event.id for a in announced if a.stored}
    missing = promised - set(ids)
    outcome.lost += len(missing)
    outcome.why += [f"event {name}: announced as stored, and not there" for name in sorted(missing)]
    order = [name for name in _opened(announced) if name in set(ids)]
    ours = [name for name in ids if name in set(order)]
    if ours != order:
        outcome.wrong += 1
        outcome.why.append("events are stored in another order than they were opened")
    outcome.measured |= {
        "announced": len(keys),
        "announced_unstored": sum(not a.stored for a in announced),
        "events": len(ids),
    }


def _suffer(tower: Tower, mend: Callable[[], None], outcome: Outcome, reason: str) -> None:
    """See that it watches and says why it stores nothing; then mend the disk, and see that it stores again."""
    status = tower.wait(lambda status: status["events"]["unstored"] > 2, "events are announced as not stored")
    trouble = tower.trouble() or ""
    if reason not in trouble:
        outcome.wrong += 1
        outcome.why.append(f"health says {trouble!r}; expected something of {reason!r}")
    if tower.ask("health")[0] != 503:
        outcome.wrong += 1
        outcome.why.append("health is not 503")
    if status["health"]["cameras"]["a"]["state"] != "ok":
        outcome.wrong += 1
        outcome.why.append("the camera is not watched meanwhile")
    mend()
    _store_again(tower)


def _store_again(tower: Tower) -> None:
    closed = tower.wait(
        lambda status: status["events"]["closed"] and tower.trouble() is None, "it stores again"
    )
    tower.wait(
        lambda status: status["events"]["closed"] > closed["events"]["closed"] + 2,
        "it goes on to store events",
    )


def _end(tower: Tower, outcome: Outcome) -> list[Announcement]:
    """End it; a traceback in its log counts."""
    tower.end()
    if "Traceback" in tower.log:
        outcome.wrong += 1
        outcome.why.append("a traceback in the log")
    return tower.announced()


def full(ground: Ground, *, from_start: bool) -> Outcome:
    """Fill a tmpfs, before the daemon starts or while it runs, and give the room back."""
    outcome = Outcome(tried=1)
    place = ground.folder / "disk"
    place.mkdir()
    with Disk(place) as disk:
        if from_start:
            disk.fill()
        with Tower(_write(ground, place / "events.sqlite"), prefix=disk.prefix) as tower:
            tower.begin()
            if not from_start:
                tower.wait(lambda status: status["events"]["closed"], "an event is closed")
                disk.fill()
            _suffer(tower, disk.free, outcome, "free some space")
            _judge(outcome, _end(tower, outcome), disk.take_out("events.sqlite"))
    return outcome


def read_only(ground: Ground) -> Outcome:
    """Start on a disk that is mounted read-only, and make it writable later."""
    outcome = Outcome(tried=1)
    place = ground.folder / "disk"
    place.mkdir()
    with Disk(place) as disk:
        disk.remount("ro")
        with Tower(_write(ground, place / "events.sqlite"), prefix=disk.prefix) as tower:
            tower.begin()
            _suffer(tower, partial(disk.remount, "rw"), outcome, "store")
            _judge(outcome, _end(tower, outcome), disk.take_out("events.sqlite"))
    return outcome


def unreadable(ground: Ground) -> Outcome:
    """Start on a folder that may not be searched, and give the rights later."""
    outcome = Outcome(tried=1)
    place = ground.folder / "state"
    place.mkdir()
    place.chmod(0o600)
    with Tower(_write(ground, place / "events.sqlite"), before=MERE) as tower:
        tower.begin()
        _suffer(tower, partial(place.chmod, 0o700), outcome, "store")
        _judge(outcome, _end(tower, outcome), place / "events.sqlite")
    return outcome


def renamed(ground: Ground) -> Outcome:
    """Rename the store away while events are committed; a new one goes on, and nothing is lost between the two."""
    outcome = Outcome(tried=1)
    store, away = ground.folder / "events.sqlite", ground.folder / "away.sqlite"
    with Tower(_write(ground, store)) as tower:
        tower.begin().wait(lambda status: status["events"]["closed"], "an event is closed")
        store.rename(away)
        tower.until(store.exists, "a new store is made")
        _store_again(tower)
        announced = _end(tower, outcome)
    _judge(outcome, [a for a in announced if a.event.id in {e.id for e in stored(store)}], store)
    outcome.measured["events_away"] = len(stored(away))
    there = {event.id for name in (store, away) for event in stored(name)}
    lost = {a.event.id for a in announced} - there
    if lost:
        outcome.lost += len(lost)
        outcome.why.append(f"{len(lost)} events are in neither store")
    return outcome


def damaged_header(ground: Ground) -> Outcome:
    """Turn one bit of the header between two runs: the file is kept aside, and a new one goes on."""
    outcome = Outcome(tried=1)
    store = _filled(ground)
    before = {event.id for event in stored(store)}
    _flip(store, _VERSION_AT, 7)  # a negative version
    with Tower(_write(ground, store)) as tower:
        _store_again(tower.begin())
        _judge(outcome, _end(tower, outcome), store)
        _told(outcome, tower, "is damaged")
    (aside,) = _aside(ground, store, outcome)
    _flip(aside, _VERSION_AT, 7)
    if before - {event.id for event in stored(aside)}:
        outcome.lost += 1
        outcome.why.append("what was kept aside does not hold what was there")
    return outcome


def damaged_log(ground: Ground) -> Outcome:
    """Turn one bit in the middle of a write-ahead log that a kill has left: what is before it stays, and it is told."""
    outcome = Outcome(tried=1)
    store = ground.folder / "events.sqlite"
    with Tower(_write(ground, store)) as tower:
        tower.begin().wait(lambda status: status["events"]["closed"] > 4, "events are closed")
        tower.kill()
    log = store.with_name(store.name + "-wal")
    size = log.stat().st_size
    frames = (size - _WAL_HEAD_BYTES) // (4096 + _WAL_FRAME_HEAD_BYTES)
    outcome.measured["log_frames"] = frames
    _flip(log, _WAL_HEAD_BYTES + frames // 2 * (4096 + _WAL_FRAME_HEAD_BYTES) + 2000, 3)
    whole = ground.folder / "before.sqlite"
    shutil.copyfile(store, whole)
    shutil.copyfile(log, whole.with_name(whole.name + "-wal"))
    before = {event.id for event in stored(whole)}  # SQLite stops at the damage
    with Tower(_write(ground, store)) as tower:
        _store_again(tower.begin())
        _judge(outcome, _end(tower, outcome), store)
        _told(outcome, tower, "log")
    if before - {event.id for event in stored(store)}:
        outcome.lost += 1
        outcome.why.append("an event from before the damage is gone")
    _aside(ground, store, outcome)
    return outcome


def foreign(ground: Ground) -> Outcome:
    """Have a file of somebody else at the store's place: it stays as it is, and the daemon watches."""
    outcome = Outcome(tried=1)
    store = ground.folder / "events.sqlite"
    content = b"This is somebody's diary, and no database.\n" * 100
    store.write_bytes(content)

    def clear() -> None:
        if store.read_bytes() != content:
            outcome.lost += 1
            outcome.why.append("somebody else's file was changed")
        store.unlink()

    with Tower(_write(ground, store)) as tower:
        tower.begin()
        _suffer(tower, clear, outcome, "store")
        _judge(outcome, _end(tower, outcome), store)
    return outcome


def _filled(ground: Ground) -> Path:
    """Return a store that a daemon has left in order."""
    store = ground.folder / "events.sqlite"
    with Tower(_write(ground, store)) as tower:
        tower.begin().wait(lambda status: status["events"]["closed"], "an event is closed")
        tower.end()
    return store


def _flip(file: Path, at: int, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1 << bit
    file.write_bytes(content)


def _told(outcome: Outcome, tower: Tower, what: str) -> None:
    if what not in tower.log:
        outcome.wrong += 1
        outcome.why.append(f"the log does not tell: {what}")


def _aside(ground: Ground, store: Path, outcome: Outcome) -> list[Path]:
    found = sorted(ground.folder.glob(f"{store.name}.corrupt-*"))
    if len(found) != 1:
        outcome.wrong += 1
        outcome.why.append(f"{len(found)} files were kept aside; expected one")
    return found


def as_root(run: Callable[[Ground], Outcome]) -> Callable[[Ground], Outcome]:
    """Return the attack as one that says what it takes where it cannot be run."""

    def attack(ground: Ground) -> Outcome:
        missing = [name for name in ("unshare", "nsenter", "mount") if shutil.which(name) is None]
        if os.geteuid() != 0:
            return Outcome(left_out="it mounts a tmpfs: run as root")
        if missing:
            return Outcome(left_out=f"it needs {', '.join(missing)}: apt-get install util-linux mount")
        return run(ground)

    return attack


ATTACKS = tuple(
    Attack("disks", name, does, seconds, run)
    for name, does, seconds, run in (
        (
            "disk full at the start",
            "a full tmpfs that gets room later",
            (12, 12),
            as_root(partial(full, from_start=True)),
        ),
        (
            "disk full",
            "a tmpfs that fills up and gets room later",
            (0, 13),
            as_root(partial(full, from_start=False)),
        ),
        ("disk read-only", "a tmpfs that is read-only and becomes writable", (0, 12), as_root(read_only)),
        (
            "disk unreadable",
            "a folder that may not be searched and gets its rights later",
            (0, 12),
            unreadable,
        ),
        ("store renamed away", "the store is renamed while events are committed", (8, 8), renamed),
        (
            "store's header damaged",
            "one bit of the header is turned between two runs",
            (10, 10),
            damaged_header,
        ),
        (
            "store's log damaged",
            "one bit of the write-ahead log is turned after a kill",
            (12, 12),
            damaged_log,
        ),
        ("somebody else's file", "a file that is not SQLite lies at the store's place", (0, 12), foreign),
    )
)
