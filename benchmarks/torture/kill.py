"""Kills: the daemon is ended by `kill -9` at moments of chance while it commits events."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from benchmarks.torture.attack import Attack, Ground, Outcome, eager_bundle, eventful
from benchmarks.tower import Tower, command, stored
from edge.alert.event import Event

_EARLY = 0.2  # so many of the kills hit a daemon that is not ready yet
_CAMERAS = 2


class Book:
    """What the lives of one tower have announced and stored, against each other.

    Args:
        store: the file of events.
        folder: where copies of it are looked at.
    """

    def __init__(self, store: Path, folder: Path) -> None:
        self._store = store
        self._copy = folder / "copy" / store.name
        self._copy.parent.mkdir()
        self._told: set[tuple[str, int]] = set()
        self._known: dict[str, int] = {}
        self.outcome = Outcome()

    def enter(self, tower: Tower) -> list[Event]:
        """Compare what a life that is over has announced with what is on disk; return the latter."""
        events = self._read()
        there = {event.id: event.revision for event in events}
        lost = [name for name, revision in self._known.items() if there.get(name, 0) < revision]
        for announcement in tower.announced():
            event = announcement.event
            key = (event.id, event.revision)
            if key in self._told:
                self.outcome.doubled += 1
                self.outcome.why.append(f"event {event.id}, revision {event.revision}: announced twice")
            self._told.add(key)
            if announcement.stored and there.get(event.id, 0) < event.revision:
                lost.append(event.id)
        self.outcome.lost += len(lost)
        self.outcome.why += [
            f"event {name}: announced as stored, or stored before, and not there" for name in lost
        ]
        self._known = there
        return events

    @property
    def told(self) -> int:
        """How many revisions were announced."""
        return len(self._told)

    def _read(self) -> list[Event]:
        """Read a copy, so that the daemon meets the log that the kill has left."""
        if not self._store.exists():
            return []
        for end in ("", "-wal"):
            copy = self._copy.with_name(self._copy.name + end)
            copy.unlink(missing_ok=True)
            source = self._store.with_name(self._store.name + end)
            if source.exists():
                shutil.copyfile(source, copy)
        with closing(sqlite3.connect(self._copy)) as db:
            found = db.execute("PRAGMA integrity_check").fetchall()
            empty = not db.execute("SELECT 1 FROM sqlite_master").fetchall()
        if found != [("ok",)]:
            self.outcome.wrong += 1
            self.outcome.why.append(f"the store is damaged: {found[:3]}")
        return [] if empty else stored(self._copy)


def attack(ground: Ground) -> Outcome:
    """Kill it again and again; nothing that was committed may be gone or told twice."""
    temporary = ground.folder / "tmp"
    temporary.mkdir()
    bundle = ground.folder / "model.zip"
    pack = command("", "bundle", "pack", str(eager_bundle(ground.folder, excited=True)), str(bundle))
    subprocess.run(pack, check=True, capture_output=True)
    file, store = ground.folder / "tower.toml", ground.folder / "events.sqlite"
    book = Book(store, ground.folder)
    outcome = book.outcome
    folders: list[int] = []
    times = ground.either(6, 60)
    for life in range(times):
        _write(file, bundle, life)
        with Tower(file, environment={"TMPDIR": str(temporary)}) as tower:
            outcome.tried += 1
            if life and ground.random.random() < _EARLY:
                time.sleep(ground.random.uniform(0, 1.5))
            else:
                tower.begin().wait(lambda status: status["events"]["opened"], "an event is opened")
                time.sleep(ground.random.uniform(0, 1))
            tower.kill()
            book.enter(tower)
            folders.append(sum(1 for _ in temporary.iterdir()))
            outcome.survived += "Traceback" not in tower.log
        if (life + 1) % 20 == 0:
            ground.tell(f"{life + 1} of {times} kills, {book.told} revisions announced")
    _live_on(file, bundle, times, book, temporary)
    if max(folders) > 1:
        outcome.wrong += 1
        outcome.why.append(f"{max(folders)} temporary folders were left")
    if list(ground.folder.glob("*corrupt*")):
        outcome.wrong += 1
        outcome.why.append("a store that was only killed was taken for damaged")
    outcome.measured |= {"announced": book.told, "temporary_folders": max(folders)}
    return outcome


def _live_on(file: Path, bundle: Path, life: int, book: Book, temporary: Path) -> None:
    """Let a last life end as it should: all that the killed ones left open is closed by it, and no folder stays."""
    _write(file, bundle, life)
    with Tower(file, environment={"TMPDIR": str(temporary)}) as tower:
        tower.begin().wait(lambda status: status["events"]["closed"], "an event is closed")
        tower.end()
        events = book.enter(tower)
    open_ = [event.id for event in events if event.phase != "closed"]
    if open_ or not events:
        book.outcome.wrong += 1
        book.outcome.why.append(f"{len(open_)} of {len(events)} events are open for ever")
    left = list(temporary.iterdir())
    if left:
        book.outcome.wrong += 1
        book.outcome.why.append(f"{len(left)} temporary folders are left at an orderly end")
    book.outcome.measured["events"] = len(events)


def _write(file: Path, bundle: Path, life: int) -> None:
    """Write the configuration of one life, whose scenes no other one has."""
    cameras = "".join(
        f"[cameras.c{number}]\n{eventful(1 + life * _CAMERAS + number)}" for number in range(_CAMERAS)
    )
    file.write_text(
        f'[model]\nbundle = "{bundle}"\n[store]\npath = "events.sqlite"\n[web]\nport = 0\n{cameras}'
    )


ATTACKS = (
    Attack(
        "kills",
        "kill -9",
        "killed at moments of chance while events are committed; none that was committed may be gone, none announced "
        "twice, none open for ever, and one temporary folder may be left",
        (20, 170),
        attack,
    ),
)
