"""Clocks: the wall clock jumps by years, forth and back, while events are committed and a camera falls silent.

The clock of this machine stays as it is. The daemon's own is shifted by a library that is loaded before the C library
(clock.c), for all that asks for the wall time: Python, SQLite, FFmpeg.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.torture.attack import Attack, Ground, Outcome, eager_bundle, eventful
from benchmarks.torture.faulty import HttpCamera
from benchmarks.tower import HANG_S, Tower, stored
from edge.health import limit_s

_SOURCE = Path(__file__).with_name("clock.c")
_YEAR_S = 365.25 * 86_400
_BACK_TO_1970_S = -1e18  # further than the clock can go: it is cut to 1970
_LATE_S = 20.0  # what a busy machine may take to score the last picture that a camera sent
_JUMP_S = 0.5
_CADENCE_S = 0.2


class ShiftedClock:
    """The wall clock of programs that are started with `environment`.

    Args:
        folder: where its library and its file are.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shift"
        self._file.write_bytes(bytes(8))
        library = folder / "clock.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"], check=True
        )
        self.environment = {"LD_PRELOAD": str(library), "TORTURE_CLOCK": str(self._file)}

    def shift(self, seconds: float) -> None:
        """Let the clock be wrong by so much, not before 1970."""
        least_ns = -time.time_ns()
        with self._file.open("r+b") as file:  # the same file, for it is mapped
            file.write(struct.pack("=q", max(least_ns, round(seconds * 1e9))))


def attack(ground: Ground) -> Outcome:
    """Let the clock jump while one camera shows events and another one falls silent."""
    if shutil.which("gcc") is None:
        return Outcome(left_out="it compiles a library that shifts the clock: apt-get install gcc libc6-dev")
    outcome = Outcome()
    clock = ShiftedClock(ground.folder)
    store = ground.folder / "events.sqlite"
    with ExitStack() as stack:
        camera = stack.enter_context(closing(HttpCamera(ground.random)))
        file, bundle = ground.folder / "tower.toml", eager_bundle(ground.folder, excited=True)
        file.write_text(
            f'[model]\nbundle = "{bundle}"\n[web]\nport = 0\n[store]\npath = "{store}"\n'
            f'[cameras.live]\nuri = "{camera.uri}"\ncadence_s = {_CADENCE_S}\ntimeout_s = 300\n'
            f"[cameras.scene]\n{eventful()}"
        )
        tower = stack.enter_context(Tower(file, environment=clock.environment))
        tower.begin().wait(
            lambda status: all(camera["scored"] > 3 for camera in status["cameras"].values()),
            "both are scored",
        )
        _jump(tower, clock, camera, ground, outcome)
        opened = tower.status()["events"]["opened"]
        tower.wait(
            lambda status: status["events"]["opened"] > opened, "events are stored after the last jump"
        )
        tower.end()
    _judge_order(tower, store, outcome)
    return outcome


def _jump(tower: Tower, clock: ShiftedClock, camera: HttpCamera, ground: Ground, outcome: Outcome) -> None:
    """Jump, in the full run until the silent camera is called stale; each look at health in between must be true."""
    camera.ask("stall")
    tower.until(lambda: camera.asked() is None, "the camera falls silent")
    silent_s, limit = time.monotonic(), limit_s(_CADENCE_S)
    stale = False
    shifts = [_YEAR_S, -_YEAR_S, _BACK_TO_1970_S, 30 * _YEAR_S, -3600.0, 3600.0, 0.0]
    while outcome.tried < ground.either(20, 100) or not (stale or ground.short):
        clock.shift(ground.random.choice(shifts) + ground.random.uniform(-600, 600))
        outcome.tried += 1
        time.sleep(_JUMP_S)
        asked_s = time.monotonic() - silent_s
        health = tower.fetch("health")
        answered_s = time.monotonic() - silent_s
        stale = health["cameras"]["live"]["state"] == "stale"
        lies = []
        if stale and answered_s < limit:
            lies.append(f"'live' is called stale after {answered_s:.0f} s")
        if not stale and asked_s > limit + _LATE_S:
            lies.append(
                f"'live' is silent for {asked_s:.0f} s and called {health['cameras']['live']['state']}"
            )
        if health["cameras"]["scene"]["state"] != "ok":
            lies.append(f"'scene' is called {health['cameras']['scene']['state']}")
        outcome.why += lies
        outcome.wrong += bool(lies)
        outcome.survived += not lies
        if asked_s > HANG_S:
            outcome.lost += 1
            return
    outcome.measured["silent_s"] = round(time.monotonic() - silent_s, 1)


def _judge_order(tower: Tower, store: Path, outcome: Outcome) -> None:
    """See that events lie in the order in which they were opened, by the clock that never jumps, and each once."""
    announced, there = tower.announced(), stored(store)
    keys = [(a.event.id, a.event.revision) for a in announced]
    outcome.doubled += len(keys) - len(set(keys))
    opened = [a.event.id for a in announced if a.event.phase == "opened"]
    if [event.id for event in there] != opened:
        outcome.wrong += 1
        outcome.why.append(f"{len(there)} events are stored, {len(opened)} were opened, or in another order")
    for camera in {event.camera for event in there}:
        mono = [event.opened.mono_ns or 0 for event in there if event.camera == camera]
        if mono != sorted(mono):
            outcome.wrong += 1
            outcome.why.append(f"events of '{camera}' are not in the order of the monotonic clock")
    years = {(event.opened.utc or "?")[:4] for event in there}
    if len(years) < 2:
        outcome.wrong += 1
        outcome.why.append(f"the clock did not jump: all events are of {years}")
    outcome.measured |= {"events": len(there), "years": sorted(years)}
    if "Traceback" in tower.log:
        outcome.wrong += 1
        outcome.why.append("a traceback in the log")


ATTACKS = (
    Attack(
        "clocks",
        "wall clock jumps",
        "the wall clock jumps by years twice a second; events must keep their order, a camera that falls silent must "
        "be called stale in its time, and one that is well must not",
        (18, 65),
        attack,
    ),
)
