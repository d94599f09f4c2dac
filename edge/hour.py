"""The memories of the hour of all cameras: what may be learned, what is held back and what breaks through.

Nothing is learned without a trusted clock, while an alert or a confirmed event is open, and where something broke
through; what a person confirms is struck. One thread owns it; `recall`, `confirm` and `restart` are for any.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event, Stamp
from edge.clock import wall_synchronised
from edge.detect.holding import Holding
from edge.detect.memory import Memory
from edge.detect.tracker import Change, Tracker
from edge.frame import Box, Frame
from edge.model.manifest import Manifest
from edge.model.memory import MemoryRule

_log = logging.getLogger(__name__)

SAVE_S = 21_600  # between two writes of a memory: an SD card wears
_DAY_S = 86_400
_DAYS_MOST = 65_535  # since 1970, as a memory counts them
_LATER_MOST = 256  # requests that wait for a camera's next frame


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera's memory did, in this process.

    Attributes:
        held: plumes that would have opened without it, and did not at once.
        released: those of them that opened, since they were wider or lasted longer than ever about that hour.
        learned: frames that it learned from.
    """

    held: int
    released: int
    learned: int


class Hours:
    """The memory of the hour of any number of cameras.

    Args:
        manifest: of the bundle.
        bundle: its digest.
        grid: (rows, cols) of the score map.
        rule: None: off, and nothing below does anything.
        wall_s: returns seconds since 1970 UTC of a frame; None where its clock is not trusted.
    """

    def __init__(
        self,
        manifest: Manifest,
        bundle: str,
        grid: tuple[int, int],
        rule: MemoryRule | None,
        wall_s: Callable[[Frame], float | None],
    ) -> None:
        self._manifest, self._bundle, self._grid = manifest, bundle, grid
        self._rule = rule
        self._wall_s: Callable[[Frame], float | None] = lambda frame: _plausible(wall_s(frame))
        self._memories: dict[str, Memory] = {}
        self._saved_s: dict[str, float] = {}
        self._confirmed: dict[str, set[str]] = {}  # by camera, the ids of events that may still be open
        self._later: deque[tuple[str, Callable[[Memory, float | None], None]]] = deque(maxlen=_LATER_MOST)
        self._counts: dict[str, Counter[str]] = {}

    @property
    def on(self) -> bool:
        """Whether there is one at all."""
        return self._rule is not None

    @property
    def counted(self) -> dict[str, Held]:
        """What was done so far, by camera; empty where it is off. From any thread."""
        return {
            camera: Held(held=counts["held"], released=counts["released"], learned=counts["learned"])
            for camera, counts in self._counts.copy().items()
        }

    def adopt(self, camera: str, memory: Memory) -> None:
        """Go on with a memory; of the thread that owns this."""
        self._memories[camera] = memory

    def memory(self, camera: str) -> Memory | None:
        """Return a camera's memory; of the thread that owns this."""
        return self._memories.get(camera)

    def recall(self, camera: str, data: bytes) -> None:
        """Go on, from the next frame on, with a memory as `save` gave it; a damaged one is none, which is logged."""
        rule = self._rule
        if rule is None:
            return
        try:
            known = Memory.decode(data, self._grid, rule, self._bundle)
        except ValueError as error:
            _log.warning("camera '%s': its memory of the hour starts anew: %s", camera, error)
            return
        self._later.append((camera, lambda memory, _: memory.resume(known)))

    def restart(self, camera: str) -> None:
        """Forget a camera's: its view changed."""
        self._later.append((camera, lambda memory, _: memory.restart()))

    def confirm(self, event: Event, cells: Box | None) -> None:
        """Strike what an event taught, which a person confirmed; and learn nothing while it is open.

        Args:
            event: its newest revision.
            cells: hull of its cells, (row0, col0, row1, col1), ends excluded; None where unknown: all are struck.
        """
        box = (0, 0, *self._grid) if cells is None else cells
        since_s = _epoch(event.opened)
        until_s = None if event.closed is None else _epoch(event.closed)

        def strike(memory: Memory, wall_s: float | None) -> None:
            if event.phase != "closed":
                self._confirmed.setdefault(event.camera, set()).add(event.id)
            end_s = wall_s if until_s is None else until_s
            begin_s = end_s - _DAY_S if since_s is None and end_s is not None else since_s
            if begin_s is not None:
                memory.strike(box, begin_s, max(begin_s, end_s or begin_s))

        self._later.append((event.camera, strike))

    def lift(self, camera: str, frame: Frame) -> NDArray[np.float32] | None:
        """Return (rows, cols) float32 logits by which thresholds are raised in a frame; None: by nothing."""
        if self._rule is None:
            return None
        memory = self._memories.get(camera)
        if memory is None:
            memory = self._memories[camera] = Memory(self._grid, self._rule, self._bundle)
            self._counts.setdefault(camera, Counter())
        wall_s = self._wall_s(frame)
        self._catch_up(camera, memory, wall_s)
        return None if wall_s is None else memory.lift(wall_s)

    def release(
        self, camera: str, frame: Frame, holding: Holding, tracker: Tracker, changes: Sequence[Change]
    ) -> list[Change]:
        """Return what is to be told of a frame: all but what is held back; what broke through is open.

        Args:
            camera: its name.
            frame: that was scored.
            holding: of the tracker.
            tracker: after the frame.
            changes: as the tracker gave them.
        """
        if self._rule is None:
            return list(changes)
        memory, now_s, wall_s = self._memories[camera], frame.model_ns / 1e9, self._wall_s(frame)
        counts = self._counts.setdefault(camera, Counter())
        counts["held"] += holding.see(changes, tracker.numbers, now_s)
        broken = holding.outgrown(memory, wall_s, now_s, self._rule.least_s)
        counts["released"] += len(broken)
        if wall_s is not None:
            for change in broken:
                memory.strike_today(change.cell_box, wall_s - (now_s - holding.since_s[change.track]))
        told = [change for change in changes if change.kind != "held"]
        opened = tracker.release([change.track for change in broken])
        return sorted([*told, *opened], key=lambda change: change.track)

    def learn(
        self,
        camera: str,
        frame: Frame,
        holding: Holding,
        scores: NDArray[np.float32],
        events: Sequence[Event],
    ) -> None:
        """Learn from a frame, if it may be.

        Args:
            camera: its name.
            frame: that was scored.
            holding: after it.
            scores: (rows, cols, classes) float32 logits.
            events: that are open after it.
        """
        wall_s = None if self._rule is None else self._wall_s(frame)
        if wall_s is None:
            return
        confirmed = self._confirmed.get(camera, set())
        confirmed &= {event.id for event in events}
        if confirmed or any(event.severity == "alert" for event in events):
            return
        now_s = frame.model_ns / 1e9
        self._memories[camera].learn(wall_s, self._excess(scores), holding.runs(now_s), holding.spared())
        self._counts[camera]["learned"] += 1

    def save(self, *, last: bool = False) -> dict[str, bytes]:
        """Return the memories that are to be written now, by camera.

        Args:
            last: all that changed since they were written; else once in SAVE_S at most, by the frames' own clock.
        """
        due = {}
        for camera, memory in self._memories.items():
            newest_s = memory.newest_s
            if newest_s is None or not memory.is_news(last=last):
                continue
            if last or abs(newest_s - self._saved_s.get(camera, -SAVE_S)) >= SAVE_S:
                self._saved_s[camera] = newest_s
                due[camera] = memory.encode(last=last)
        return due

    def _catch_up(self, camera: str, memory: Memory, wall_s: float | None) -> None:
        """Do what other threads asked for."""
        for _ in range(len(self._later)):
            whose, do = self._later.popleft()
            if whose == camera:
                do(memory, wall_s)
            else:
                self._later.append((whose, do))

    def _excess(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (rows, cols): score less `open` where `keep` is reached, of the label where it is most."""
        most = np.full(scores.shape[:2], -np.inf, np.float32)
        for index, label in enumerate(self._manifest.labels):
            threshold = self._manifest.thresholds.get(label)
            if threshold is not None:
                plane = scores[:, :, index]
                most = np.maximum(most, np.where(plane >= threshold.keep, plane - threshold.open, -np.inf))
        return most


def _plausible(wall_s: float | None) -> float | None:
    """Return a wall time that a memory can keep; None where it has no such day."""
    return wall_s if wall_s is not None and _DAY_S <= wall_s < _DAYS_MOST * _DAY_S else None


def _epoch(stamp: Stamp) -> float | None:
    try:
        return None if stamp.utc is None else dt.datetime.fromisoformat(stamp.utc).timestamp()
    except ValueError:
        return None


def trusted_s(frame: Frame) -> float | None:
    """Return a frame's wall time in seconds since 1970 UTC; None where the kernel does not hold the clock for true."""
    return frame.captured_wall_ns / 1e9 if wall_synchronised() else None
