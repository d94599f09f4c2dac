"""The lives of one tower with its receivers: what it committed in all of them, and what became of that."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import cv2
import msgspec
import numpy as np

from benchmarks.delivery.judge import Outbox, judge, key_of, look, record, recovery_s
from benchmarks.delivery.station import Station
from benchmarks.torture.attack import Ground, Outcome, eager_bundle
from benchmarks.tower import HANG_S, Tower, TowerError
from edge.alert.event import Event

SINKS = ("broker", "hook")
_CADENCE_S = 1.0
CAMERAS = ("a", "b")
_PICTURES = 8
_SIZE_PX = (240, 320)
_POLL_S = 0.3
_DRAIN_S = 2 * HANG_S
_RECOVER_S = 900.0  # tries are up to five minutes apart


class Campaign:
    """One tower over all its lives.

    Args:
        ground: where it stands.
        station: who hears it.
        broker_port: where it finds the broker; there itself if absent.
        host: where it finds both.
        store: its file of events, as the daemon sees it.
        seen: the same file, as this process sees it; the same place if absent.
        uplink: lines of `[uplink]`.
        sinks, cameras: that it has.
        cadence_s: between two pictures of a camera, while there is something to see.
        prefix, environment: of the daemon.
    """

    def __init__(  # noqa: PLR0913 — every part is handed in
        self,
        ground: Ground,
        station: Station,
        *,
        broker_port: int | None = None,
        host: str = "127.0.0.1",
        store: Path | None = None,
        seen: Path | None = None,
        uplink: Sequence[str] = ("heartbeat_s = 30",),
        sinks: Sequence[str] = SINKS,
        cameras: Sequence[str] = CAMERAS,
        cadence_s: float = _CADENCE_S,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.ground = ground
        self.station = station
        self.committed: dict[str, Event] = {}
        self.excused: set[str] = set()
        self._faults: list[tuple[dict[str, set[str]], float]] = []
        self.unstored = 0
        self.store = ground.folder / "events.sqlite" if store is None else store
        self._seen = seen or self.store
        broker = f"mqtt://{host}:{broker_port or station.broker_port}"
        hook = f"https://{host}:{station.hook_port}/torture"
        self._names, self._cameras, self._cadence_s = sinks, cameras, cadence_s
        self._sinks = {
            "broker": f'[sinks.broker]\nurl = "{broker}"\norigins = ["recording"]',
            "hook": f'[sinks.hook]\nurl = "{hook}"\norigins = ["recording"]\n'
            f'secret_file = "{station.secret_file}"\nca_file = "{station.certificate}"',
        }
        self._uplink = "".join(f"{line}\n" for line in uplink)
        self._prefix, self._environment = prefix, environment
        self._file = ground.folder / "tower.toml"
        self._life = 0
        (ground.folder / "quiet").mkdir()
        (ground.folder / "excited").mkdir()
        self._quiet = eager_bundle(ground.folder / "quiet")
        self._excited = eager_bundle(ground.folder / "excited", excited=True, candidates=True, tested=False)

    def live(self, *, quiet: bool = False) -> Tower:
        """Start the next life: with events that no life had before, or with none."""
        self._life += 1
        folder = self.ground.folder / f"pictures-{self._life}"
        for old in self.ground.folder.glob("pictures-*"):
            shutil.rmtree(old)
        lines = [f'[model]\nbundle = "{self._quiet if quiet else self._excited}"']
        lines.append(f'[tower]\nid = "tower-7"\n[store]\npath = "{self.store}"\n[web]\nport = 0')
        lines.append(f"[uplink]\n{self._uplink}")
        lines += [self._sinks[name] for name in self._names]
        for number, name in enumerate(self._cameras):
            place = folder / name
            _draw(place, self._life * len(CAMERAS) + number, smoke=not quiet)
            cadence_s = 60 if quiet else self._cadence_s
            lines.append(f'[cameras.{name}]\nuri = "folder:{place}"\npace = "clip"\nloop = true')
            lines.append(f"cadence_s = {cadence_s}\nfolder_cadence_s = {cadence_s}")
        self._file.write_text("\n".join(lines) + "\n")
        return Tower(self._file, prefix=self._prefix, environment=self._environment)

    def note(self, tower: Tower) -> set[str]:
        """Take note of what it has announced so far; return its keys."""
        announced = tower.announced()
        for one in announced:
            self.committed[key_of(one.event)] = one.event
        return {key_of(one.event) for one in announced}

    def enter(self, tower: Tower) -> Outbox:
        """Take note of what a life that is over has announced and stored."""
        self.note(tower)
        self.unstored += sum(not one.stored for one in tower.announced())
        outbox = self.outbox()
        self.committed |= outbox.events
        return outbox

    def outbox(self) -> Outbox:
        """Return what the store says, of a daemon that is alive as well."""
        return look(self._seen, self.ground.folder / "copy")

    def owed(self) -> dict[str, set[str]]:
        """Return what was committed and is not there, by sink."""
        return {sink: set(self.committed) - self.got(sink) for sink in SINKS}

    def got(self, sink: str) -> set[str]:
        """Return the keys that the receiver of a sink has."""
        return {one.key for one in self.station.taken(sink)}

    def end_fault(self, sinks: Sequence[str] = SINKS) -> dict[str, set[str]]:
        """Take note that a fault ends now, and return what these sinks are owed."""
        owed = {sink: keys for sink, keys in self.owed().items() if sink in sinks}
        self._faults.append((owed, time.monotonic()))
        return owed

    def recover(self, tower: Tower, owed: Mapping[str, set[str]]) -> None:
        """Wait until all that was owed at the end of a fault is there or given up.

        Raises:
            TowerError: the daemon ended, or not all is there after a long time.
        """

        def settled() -> bool:
            lost = self._lost()
            return all(not keys - self.got(sink) - lost.get(sink, set()) for sink, keys in owed.items())

        late_s = time.monotonic() + _RECOVER_S
        while not settled():
            if tower.process.poll() is not None:
                raise TowerError(f"the daemon ended with {tower.process.returncode}: {tower.log[-2000:]}")
            if time.monotonic() > late_s:
                raise TowerError(f"not within {_RECOVER_S:g} s: all that was owed has arrived")
            time.sleep(_POLL_S)

    def recoveries(self) -> list[float]:
        """Return how long it took after each fault, for each sink that was owed something."""
        taken = {sink: self.station.taken(sink) for sink in SINKS}
        took = [
            recovery_s(keys, taken[sink], ended_s)
            for owed, ended_s in self._faults
            for sink, keys in owed.items()
        ]
        return [one for one in took if one is not None]

    def drain(self, most_s: float = _DRAIN_S) -> Outbox:
        """Live once more, without anything new to see, until nothing waits for the sinks; return what the store says.

        Args:
            most_s: after which what still waits is judged as that.

        Raises:
            TowerError: the daemon ended.
        """
        with self.live(quiet=True) as tower:
            tower.begin()
            late_s, empty = time.monotonic() + most_s, 0
            while empty < 2:  # a copy of a file in use may be torn
                if tower.process.poll() is not None:
                    raise TowerError(f"the daemon ended: {tower.log[-2000:]}")
                if time.monotonic() > late_s:
                    break
                time.sleep(_POLL_S)
                empty = empty + 1 if self._is_empty() else 0
            tower.end()
            return self.enter(tower)

    def judge(self, outcome: Outcome, outbox: Outbox, *, counted: bool = True) -> None:
        """Add to an outcome what became of all messages, sink by sink."""
        taken = {sink: self.station.taken(sink) for sink in SINKS}
        verdicts = {
            sink: judge(sink, self.committed, came, outbox, excused=self.excused, counted=counted)
            for sink, came in taken.items()
        }
        record(outcome, verdicts)
        if not self.committed:
            outcome.why.append("nothing was committed: the attack tried nothing")
        outcome.measured |= {
            "unstored": self.unstored,
            "damaged": len(self.excused),
            "recovery_s": self.recoveries(),
        }

    def _is_empty(self) -> bool:
        try:
            return not any(self.outbox().waiting.values())
        except (sqlite3.DatabaseError, msgspec.MsgspecError):
            return False

    def _lost(self) -> dict[str, set[str]]:
        try:
            return {sink: set(lost) for sink, lost in self.outbox().lost.items()}
        except (sqlite3.DatabaseError, msgspec.MsgspecError):
            return {}


def _draw(folder: Path, seed: int, *, smoke: bool) -> None:
    """Draw the pictures of a camera: a hill of its own, and smoke that rises from it."""
    folder.mkdir(parents=True)
    random, (height, width) = Random(seed), _SIZE_PX  # noqa: S311 — no secret
    noise = np.random.default_rng(seed)
    hill = cv2.GaussianBlur(noise.integers(80, 170, (height, width, 3), np.uint8), (0, 0), 5)
    x, y = random.randrange(60, width - 60), random.randrange(height // 2, height - 40)
    for number in range(_PICTURES):
        picture = cv2.add(hill, noise.integers(0, 6, hill.shape, np.uint8))
        grown = number - 1
        if smoke and grown > 0:
            center, axes = (x, y - 8 * grown), (8 + 4 * grown, 10 + 6 * grown)
            cv2.ellipse(picture, center, axes, 0, 0, 360, (235, 235, 235), -1)
            picture = cv2.GaussianBlur(picture, (0, 0), 2)
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
