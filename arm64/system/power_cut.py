"""Power cuts at random points of what the daemon writes: it comes back by itself, and what it promised is there.

A promise is a revision of an event that the daemon has announced: it says so on the board's console, and this host
notes how long the log of all writes was when the line arrived. Every disk rebuilt from a point behind that must hold
the revision, and owe its message to the sink, which nobody ever reached.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from arm64.system import write_log
from arm64.system.write_log import Write

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Promise:
    """An announced revision.

    Attributes:
        event: its id.
        revision: which.
        log_bytes: how long the log of writes was when the announcement arrived.
    """

    event: str
    revision: int
    log_bytes: int


@dataclass(slots=True)
class Listener:
    """Notes the promises on a console while it is written; a context manager."""

    console: Path
    log: Path
    promises: list[Promise] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _listen(self) -> None:
        at, rest = 0, b""
        while not self._stopping.wait(_POLL_S):
            with self.console.open("rb") as file:
                file.seek(at)
                new = file.read()
            log_bytes = self.log.stat().st_size  # after the line was seen: never less than at the promise
            at += len(new)
            *lines, rest = (rest + new).split(b"\n")
            found = (parse(line.decode(errors="replace"), log_bytes) for line in lines)
            self.promises += [promise for promise in found if promise is not None]


def parse(line: str, log_bytes: int) -> Promise | None:
    """Return the promise of a line of the console; None if it is another, garbled, or says that it is not stored."""
    _, brace, rest = line.partition('{"event":')
    try:
        announcement = json.loads(brace + rest)
        event = announcement["event"]
        if announcement.get("stored") is False:
            return None
        return Promise(event["id"], event["revision"], log_bytes)
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Cut:
    """One point at which the power went.

    Attributes:
        writes: how many entries of the log the disk has seen.
        log_bytes: how long the log was then.
        careless: whether the disk also lost writes that it had not been told to keep.
        lost: how many.
        image: the disk as it was left.
    """

    writes: int
    log_bytes: int
    careless: bool
    lost: int
    image: Path

    def owed(self, promises: Sequence[Promise]) -> dict[str, int]:
        """Return the newest revision of each event that had been promised by then."""
        owed: dict[str, int] = {}
        for promise in promises:
            if promise.log_bytes <= self.log_bytes:
                owed[promise.event] = max(promise.revision, owed.get(promise.event, 0))
        return owed

    def missing_messages(self, promises: Sequence[Promise], found: Mapping[str, Any]) -> dict[str, str]:
        """Return the keys that had been promised by then and that are not owed, with what became of each.

        One that gave way to a later message is owed where that is.

        Args:
            promises: all of them.
            found: as for `judge`.
        """
        missing = {}
        for promise in promises:
            key = at = f"{promise.event}.{promise.revision}"
            if promise.log_bytes > self.log_bytes:
                continue
            while at not in found["owed"] and found["lost"].get(at, [""])[0] == "coalesced":
                at = found["lost"][at][1]
            if at not in found["owed"]:
                missing[key] = found["lost"].get(at, ["no trace of it"])[0]
        return missing


def make_cuts(base: Path, log: Path, folder: Path, count: int, seed: int) -> list[Cut]:
    """Rebuild the disk at random points, every second time as a careless card leaves it.

    Raises:
        write_log.WriteLogError: the log holds too few writes.
    """
    writes = write_log.read(log)
    chance = random.Random(seed)
    if len(writes) < count:
        raise write_log.WriteLogError(f"{log}: {len(writes)} writes, expected at least {count}")
    folder.mkdir(parents=True, exist_ok=True)
    points = sorted(chance.sample(range(1, len(writes) + 1), count))
    return [
        _cut(base, log, writes[:point], folder / f"{n:03}.ext4", chance, careless=bool(n % 2))
        for n, point in enumerate(points)
    ]


def _cut(
    base: Path, log: Path, writes: list[Write], image: Path, chance: random.Random, *, careless: bool
) -> Cut:
    lost = write_log.rebuild(base, log, writes, image, random.Random(chance.random()) if careless else None)
    return Cut(len(writes), writes[-1].end, careless, lost, image)


def judge(cut: Cut, promises: Sequence[Promise], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of what came back: `found` is the board's, of mounting, starting and reading the store.

    Args:
        cut: the point.
        promises: all of them.
        found: fsck (its exit status; None where the boot ran it, which mounts nothing bad), ready (whether the
            service came up), aside (databases moved aside as damaged), integrity (what SQLite says, `ok` of a sound
            file), stored (revisions of the events that have their picture), owed, lost and unaccounted
            (`arm64.system.service.stored`).
    """
    owed = cut.owed(promises)
    missing = {
        event: revision for event, revision in owed.items() if found["stored"].get(event, 0) < revision
    }
    messages = cut.missing_messages(promises, found)
    sound = not found["aside"] and found["integrity"] == "ok" and found["fsck"] in {None, 0, 1}
    good = bool(found["ready"]) and sound and not (missing or messages or found["unaccounted"])
    return {
        "writes": cut.writes,
        "careless": cut.careless,
        "lost_writes": cut.lost,
        "promised_events": len(owed),
        "promised_revisions": sum(promise.log_bytes <= cut.log_bytes for promise in promises),
        "stored_events": len(found["stored"]),
        "missing": missing,
        "owed_messages": len(found["owed"]),
        "missing_messages": messages,
        "unaccounted_messages": found["unaccounted"],
        "damaged_files": found["aside"],
        "integrity": found["integrity"],
        "fsck": found["fsck"],
        "ready": found["ready"],
        "good": good,
    }
