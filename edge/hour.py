"""The memories of the hour of all cameras: what may be learned, what is held back and what breaks through.

Nothing is learned without a trusted clock, while an alert or a confirmed event is open, and where something broke
through. What alerts, confirmed events and what broke through taught before is struck.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event, Stamp
from edge.clock import Trusted, wall_synchronised
from edge.detect.memory import Memory
from edge.detect.tracker import Change
from edge.frame import Box, Frame
from edge.model.manifest import Manifest, Threshold
from edge.model.memory import MemoryRule
from edge.past import Past

_log = logging.getLogger(__name__)

SAVE_S = 21_600  # between two writes of a memory: an SD card wears
_DAY_S = 86_400
_DAYS_MOST = 65_535  # since 1970, as a memory counts them


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


@dataclass(frozen=True, slots=True)
class Saved:
    """A memory that is to be written.

    Attributes:
        data: as `recall` takes it.
        urgent: whether it forgot something that may be on disk.
    """

    data: bytes
    urgent: bool


class Hours:
    """The memory of the hour of any number of cameras. Thread-safe; frames of one camera come in their order.

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
        self._whole: Box = (0, 0, *grid)
        self._rule = rule
        self._wall_s: Callable[[Frame], float | None] = lambda frame: _plausible(wall_s(frame))
        self._lock = threading.Lock()
        self._memories: dict[str, Memory] = {}
        self._saved_s: dict[str, float] = {}
        self._trusted: dict[
            str, tuple[float, float]
        ] = {}  # model and wall time of the newest frame that has both
        self._confirmed: dict[str, set[str]] = {}  # by camera, the ids of events that may still be open
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
        """Go on with a memory."""
        self._memories[camera] = memory

    def memory(self, camera: str) -> Memory | None:
        """Return a camera's memory."""
        return self._memories.get(camera)

    def recall(
        self, camera: str, data: bytes, alerts: Sequence[tuple[Event, Box | None]], confirmed: Sequence[Event]
    ) -> None:
        """Go on with a memory as `save` gave it; a damaged one is none, which is logged.

        What was forgotten meanwhile stays forgotten: all of a view that changed, what was struck, and what these events
        strike, since a power cut may have come between an event's and the memory's way to the disk.

        Args:
            camera: its name.
            data: of `save`, before this process.
            alerts: of the camera, with the hull of their cells, as for `Memory.strike`; None where it is unknown.
            confirmed: those of which a person said so.
        """
        if self._rule is None:
            return
        try:
            known = Memory.decode(data, self._grid, self._rule, self._bundle)
        except ValueError as error:
            _log.warning("camera '%s': its memory of the hour starts anew: %s", camera, error)
            return
        for event, cells in (*alerts, *((event, None) for event in confirmed)):
            known.strike(self._whole if cells is None else cells, *_span(event))
        with self._lock:
            self._memory(camera).resume(known)

    def restart(self, camera: str) -> None:
        """Forget a camera's: its view changed."""
        if self._rule is not None:
            with self._lock:
                self._memory(camera).restart()

    def confirm(self, event: Event) -> None:
        """Strike what the whole picture taught during an event that a person confirmed; learn nothing while it is open.

        Where its smoke ever was nobody knows afterwards, and such events are few.

        Args:
            event: its newest revision.
        """
        if self._rule is None:
            return
        with self._lock:
            if event.phase != "closed":
                self._confirmed.setdefault(event.camera, set()).add(event.id)
            self._memory(event.camera).strike(self._whole, *_span(event))

    def lift(self, camera: str, frame: Frame) -> NDArray[np.float32] | None:
        """Return (rows, cols) float32 logits by which thresholds are raised in a frame; None: by nothing."""
        if self._rule is None:
            return None
        wall_s = self._wall_s(frame)
        with self._lock:
            self._counts.setdefault(camera, Counter())
            if wall_s is not None:
                self._trusted[camera] = frame.model_ns / 1e9, wall_s
            memory = self._memory(camera)
            return None if wall_s is None else memory.lift(wall_s)

    def release(self, camera: str, frame: Frame, past: Past, changes: Sequence[Change]) -> list[Change]:
        """Return what is to be told of a frame: all but what is held back; what broke through is open.

        Args:
            camera: its name.
            frame: that was scored, for which `lift` was asked.
            past: of the camera, its tracker after the frame, its events before it.
            changes: of the tracker.
        """
        if self._rule is None:
            return list(changes)
        now_s, wall_s = frame.model_ns / 1e9, self._wall_s(frame)
        holding, tracker = past.holding, past.tracker
        with self._lock:
            confirmed = self._confirmed.get(camera, set())
            confirmed &= {event.id for event in past.events.values()}
            holding.confirmed |= {track for track, event in past.events.items() if event.id in confirmed}
            held = holding.see(changes, tracker, now_s)
            broken = holding.outgrown(self._memories[camera], wall_s, now_s, self._rule.least_s)
        self._counts[camera]["held"] += held
        self._counts[camera]["released"] += len(broken)
        told = [change for change in changes if change.kind != "held"]
        opened = tracker.release([change.track for change in broken])
        return sorted([*told, *opened], key=lambda change: change.track)

    def learn(
        self,
        camera: str,
        frame: Frame,
        past: Past,
        scores: NDArray[np.float32],
        thresholds: Mapping[str, Threshold],
    ) -> None:
        """Strike what alerts and what broke through taught before; learn from a frame, if it may be.

        Args:
            camera: its name.
            frame: that was scored, after `release`.
            past: of the camera after it.
            scores: (rows, cols, classes) float32 logits.
            thresholds: by label, that were in force for the frame.
        """
        if self._rule is None:
            return
        now_s, wall_s, holding = frame.model_ns / 1e9, self._wall_s(frame), past.holding
        alerts = [track for track, event in past.events.items() if event.severity == "alert"]
        with self._lock:
            memory = self._memories[camera]
            self._strike(camera, memory, holding.to_strike(alerts))
            confirmed = self._confirmed.get(camera, set())
            known = any(event.id in confirmed for event in past.events.values())
            if wall_s is None or alerts or holding.confirmed or known:
                return
            memory.learn(wall_s, self._excess(scores, thresholds), holding.runs(now_s), holding.spared())
        self._counts[camera]["learned"] += 1

    def save(self, *, last: bool = False) -> dict[str, Saved]:
        """Return the memories that are to be written now, by camera.

        Args:
            last: all that changed since they were written; else those that forgot something, and what else changed
                once in SAVE_S at most, by the frames' own clock.
        """
        due = {}
        with self._lock:
            for camera, memory in self._memories.items():
                newest_s, urgent = memory.newest_s, memory.forgot
                if not memory.is_news(last=last):
                    continue
                late = newest_s is not None and abs(newest_s - self._saved_s.get(camera, -SAVE_S)) >= SAVE_S
                if last or urgent or late:
                    due[camera] = Saved(memory.encode(last=last), urgent)
                    if newest_s is not None:
                        self._saved_s[camera] = newest_s
        return due

    def _memory(self, camera: str) -> Memory:
        assert self._rule is not None
        if camera not in self._memories:
            self._memories[camera] = Memory(self._grid, self._rule, self._bundle)
        return self._memories[camera]

    def _strike(self, camera: str, memory: Memory, places: Sequence[tuple[Box, float]]) -> None:
        """Forget what some places taught since a model time; without a trusted clock ever they taught nothing."""
        if camera not in self._trusted:
            return
        model_s, wall_s = self._trusted[camera]
        for box, since_s in places:
            memory.strike(box, wall_s - (model_s - since_s), max(wall_s, memory.newest_s or wall_s))

    def _excess(
        self, scores: NDArray[np.float32], thresholds: Mapping[str, Threshold]
    ) -> NDArray[np.float32]:
        """Return (rows, cols): score less `open` where `keep` is reached, of the label where it is most."""
        most = np.full(scores.shape[:2], -np.inf, np.float32)
        for index, label in enumerate(self._manifest.labels):
            threshold = thresholds.get(label)
            if threshold is not None:
                plane = scores[:, :, index]
                most = np.maximum(most, np.where(plane >= threshold.keep, plane - threshold.open, -np.inf))
        return most


def _plausible(wall_s: float | None) -> float | None:
    """Return a wall time that a memory can keep; None where it has no such day."""
    return wall_s if wall_s is not None and _DAY_S <= wall_s < _DAYS_MOST * _DAY_S else None


def _span(event: Event) -> tuple[float, float]:
    """Return when an event began and ended, in seconds since 1970 UTC; from ever, or to ever, where nobody knows."""
    begin_s, end_s = _epoch(event.opened), None if event.closed is None else _epoch(event.closed)
    begin_s, end_s = begin_s or 0.0, end_s or float(_DAYS_MOST * _DAY_S)
    return min(begin_s, end_s), max(begin_s, end_s)


def _epoch(stamp: Stamp) -> float | None:
    try:
        known = stamp.utc is not None and stamp.utc_trusted is not False
        return dt.datetime.fromisoformat(stamp.utc or "").timestamp() if known else None
    except ValueError:
        return None


def trusted_s(frame: Frame, trusted: Trusted = wall_synchronised) -> float | None:
    """Return a frame's wall time in seconds since 1970 UTC; None where its clock is not held for true.

    Args:
        frame: whose.
        trusted: says whether its clock is synchronised; asks the kernel if absent.
    """
    return frame.captured_wall_ns / 1e9 if trusted() else None
