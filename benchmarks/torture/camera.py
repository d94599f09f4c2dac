"""Cameras under fire: every fault that a camera, its cable and its server can have, and what the daemon keeps of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.torture.attack import Attack, Ground, Outcome, eager_bundle
from benchmarks.torture.faulty import TORN, Faulty, HttpCamera, Wire, drawer
from benchmarks.tower import HANG_S, Tower
from firmware_sim.serve import serving

_NAMES = ("camera-one", "camera-two")
_TIMEOUT_S = 2
_LOOK_S = 0.1
_SETTLE_S = 5.0
# how much more it may take after all faults than before
_MORE_THREADS, _MORE_DESCRIPTORS, _MORE_RSS_BYTES = 1, 4, 40_000_000


@dataclass(frozen=True, slots=True)
class Takes:
    """What the daemon takes at a moment, as the kernel counts it."""

    rss_bytes: int
    threads: int
    descriptors: int


def takes(pid: int) -> Takes:
    """Return what a process takes. Source: proc(5)."""
    process = Path(f"/proc/{pid}")
    lines = (line.split() for line in (process / "status").read_text().splitlines())
    fields = {words[0]: words[1] for words in lines if len(words) > 1}
    return Takes(
        int(fields["VmRSS:"]) * 1024, int(fields["Threads:"]), sum(1 for _ in (process / "fd").iterdir())
    )


class Duel:
    """One camera and the faults that it is to have, one after the other.

    Args:
        name: in the configuration.
        camera: the server.
        faults: their names.
    """

    def __init__(self, name: str, camera: Faulty, faults: Sequence[str]) -> None:
        self.name = name
        self.camera = camera
        self.survived: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.given_up: str | None = None
        self._faults = list(faults)
        self._fault: str | None = None
        self._since_s = 0.0
        self._landed = False
        self._before: tuple[int, int, int] = (0, 0, 0)

    @property
    def over(self) -> bool:
        """Whether all is done, or one fault was too much."""
        return self.given_up is not None or (self._fault is None and not self._faults)

    def step(self, frames: Mapping[str, Any], *, landed: bool, now_s: float) -> None:
        """Go on by what the daemon counts of this camera.

        Args:
            frames: its balance, read after `landed` was asked for.
            landed: whether the fault was dealt out by then.
            now_s: monotonic.
        """
        scored, corrupt = frames["scored"], frames["dropped"]["corrupt"]
        if self._fault is None:
            if self._faults:
                self._fault, self._since_s, self._landed = self._faults.pop(0), now_s, False
                self._before = (scored, corrupt, self.camera.connections)
                self.camera.ask(self._fault)
        elif not self._landed and landed:
            self._landed = True
            self._before = (scored, *self._before[1:])
        elif self._landed and scored >= self._before[0] + 2:
            self.survived[self._fault] += 1
            _, corrupt_before, connections = self._before
            if self._fault in TORN and corrupt == corrupt_before and self.camera.connections == connections:
                self.wrong[self._fault] += 1
            self._fault = None
        elif now_s - self._since_s > HANG_S:
            self.given_up = f"{self.name}: {self._fault}: no picture was scored for {HANG_S:g} s after it"


def attack(ground: Ground) -> Outcome:
    """Deal out faults on four cameras at a time."""
    outcome = Outcome()
    with ExitStack() as stack:
        duels = _duels(ground, stack)
        outcome.tried = sum(len(faults) for _, faults in duels)
        tower = stack.enter_context(Tower(_configuration(ground, [duel for duel, _ in duels]))).begin()
        every = [duel for duel, _ in duels]
        tower.wait(
            lambda status: all(status["cameras"][duel.name]["scored"] > 5 for duel in every), "all score"
        )
        time.sleep(_SETTLE_S)
        before = takes(tower.process.pid)
        status = _fight(tower, every, ground, outcome.tried)
        time.sleep(_SETTLE_S)
        after = takes(tower.process.pid)
        tower.end()
        _sum_up(outcome, every)
        outcome.measured |= {
            "before": vars_of(before),
            "after": vars_of(after),
            "corrupt": {duel.name: status["cameras"][duel.name]["dropped"]["corrupt"] for duel in every},
            "connections": {duel.name: duel.camera.connections for duel in every},
            "log_lines": len(tower.log.splitlines()),
        }
        if "Traceback" in tower.log:
            outcome.why.append("a traceback in the log")
        _compare(outcome, before, after)
    return outcome


def vars_of(taken: Takes) -> dict[str, int]:
    """Return it as a table."""
    return {"rss_bytes": taken.rss_bytes, "threads": taken.threads, "descriptors": taken.descriptors}


def _fight(tower: Tower, duels: Sequence[Duel], ground: Ground, tried: int) -> dict[str, Any]:
    status: dict[str, Any] = tower.status()
    told = 0
    while not all(duel.over for duel in duels):
        time.sleep(_LOOK_S)
        landed = [duel.camera.landed.is_set() for duel in duels]
        status = tower.status()
        for duel, one in zip(duels, landed, strict=True):
            if not duel.over:
                duel.step(status["cameras"][duel.name], landed=one, now_s=time.monotonic())
        done = sum(duel.survived.total() for duel in duels)
        if done >= told + 20:
            told = done
            ground.tell(f"{done} of {tried} faults")
    return status


def _duels(ground: Ground, stack: ExitStack) -> list[tuple[Duel, list[str]]]:
    """Return the cameras, and what each of them is to do."""
    for name in _NAMES:
        folder, draw = ground.folder / name, drawer(ground.random)
        folder.mkdir()
        for number in range(20):
            (folder / f"{number:03}.jpg").write_bytes(draw(_NAMES.index(name)))
    served = stack.enter_context(serving([str(ground.folder / name) for name in _NAMES], fps=5))
    ports = [int(address.split(":")[2].partition("/")[0]) for address in (served[0].rtsp, served[0].http)]
    cameras: dict[str, Faulty] = {
        "http": HttpCamera(ground.random),
        "http-too": HttpCamera(ground.random),
        "rtsp": Wire(ground.random, ports[0], _NAMES),
        "mjpeg": Wire(ground.random, ports[1], _NAMES),
    }
    found = []
    for name, camera in cameras.items():
        stack.enter_context(closing(camera))
        kinds = list(camera.faults)
        ground.random.shuffle(kinds)
        rounds = 2 if isinstance(camera, HttpCamera) else 4
        faults = kinds[:4] if ground.short else kinds * rounds
        found.append((Duel(name, camera, faults), faults))
    return found


def _configuration(ground: Ground, duels: Sequence[Duel]) -> Path:
    paths = {"http": "video.mjpg", "http-too": "video.mjpg", "rtsp": _NAMES[0], "mjpeg": f"{_NAMES[0]}.mjpg"}
    file = ground.folder / "tower.toml"
    tables = [
        f'[cameras.{duel.name}]\nuri = "{"rtsp" if duel.name == "rtsp" else "http"}://127.0.0.1:'
        f'{duel.camera.port}/{paths[duel.name]}"\ntimeout_s = {_TIMEOUT_S}\ncadence_s = 0.2\n'
        for duel in duels
    ]
    bundle = eager_bundle(ground.folder)
    file.write_text(
        f'[model]\nbundle = "{bundle}"\n[store]\npath = "events.sqlite"\n[web]\nport = 0\n' + "".join(tables)
    )
    return file


def _sum_up(outcome: Outcome, duels: Sequence[Duel]) -> None:
    for duel in duels:
        outcome.survived += duel.survived.total()
        outcome.wrong += duel.wrong.total()
        outcome.why += [f"{duel.name}: {fault}: scored as a whole picture" for fault in duel.wrong]
        if duel.given_up is not None:
            outcome.lost += 1
            outcome.why.append(duel.given_up)
    outcome.measured["faults"] = {duel.name: dict(duel.survived) for duel in duels}


def _compare(outcome: Outcome, before: Takes, after: Takes) -> None:
    for name, more in (
        ("threads", _MORE_THREADS),
        ("descriptors", _MORE_DESCRIPTORS),
        ("rss_bytes", _MORE_RSS_BYTES),
    ):
        was, now = getattr(before, name), getattr(after, name)
        if now > was + more:
            outcome.why.append(f"{name}: {was} before, {now} after; at most {more} more were expected")


ATTACKS = (
    Attack(
        "cameras",
        "cameras under fire",
        "four cameras over HTTP and RTSP refuse, stall, break off, send half pictures, noise, wrong lengths, turned "
        "bits and other sizes; each must be scored again afterwards, and nothing may pile up",
        (32, 220),
        attack,
    ),
)
