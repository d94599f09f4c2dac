"""From a frame to events: preprocessing, inference, regions, tracks; the same for the daemon and a replay.

One thread owns a pipeline. It reads no clock but to time its stages, and keeps per camera what the model and the
tracker must remember.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Alerted, Darkness, Event, Stamp
from edge.detect.heatmap import regions
from edge.detect.mask import Polygon, blocked_cells
from edge.detect.severity import Cause, Risk, Severities
from edge.detect.tracker import Change, Tracker
from edge.frame import Box, Frame
from edge.model.loaded import Model
from edge.model.manifest import FileSpec, Manifest
from edge.model.preprocess import Placement, Prepared, Preprocess
from edge.model.runtime import State, Tensor
from edge.model.scores import probability

Record = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """What one frame gave.

    Attributes:
        scores: (rows, cols, classes) float32 in the manifest's kind.
        map_px: where they lie, (x0, y0, x1, y1) in pixels of the frame; a letterbox's bars are outside of it.
        events: new revisions, in the order of their tracks; then those of events that light came back to, or that
            became alerts, without being seen.
        open_events: how many plumes of this camera are open after it.
        restarted: whether the camera's state started anew with this frame.
    """

    camera: str
    frame: Frame
    scores: NDArray[np.float32]
    map_px: Box
    events: tuple[Event, ...]
    open_events: int
    restarted: bool


@dataclass(slots=True)
class _Memory:
    """What is kept of one camera between frames."""

    state: State
    tracker: Tracker
    severities: Severities
    placement: Placement
    blocked: NDArray[np.bool_] | None
    model_ns: int
    events: dict[int, Event] = field(default_factory=dict)


class Pipeline:
    """Scores the frames of any number of cameras with one model.

    Args:
        model: loaded.
        stamp: makes the moment of a frame for an event; the daemon adds the wall clock and the boot.
        record: told a stage's name and its time in ns.
        masks: polygons in fractions of the frame, by camera.
        risk: returns the fire risk as people named it; neutral if absent.
    """

    def __init__(
        self,
        model: Model,
        stamp: Callable[[Frame], Stamp],
        record: Record,
        masks: Mapping[str, Sequence[Polygon]] | None = None,
        risk: Callable[[], Risk] = lambda: "neutral",
    ) -> None:
        self._manifest = model.bundle.manifest
        self._digest = model.bundle.digest
        self._name = model.name
        self._runtime = model.runtime
        self._preprocess = Preprocess(self._manifest, model.file.one("frame"))
        self._grid, self._stride_px = _grid(self._manifest, model.file, self._preprocess.input_px)
        self._stamp = stamp
        self._record = record
        cadence = self._manifest.cadence
        self._watch_s = min(self._manifest.state_gap_s, math.inf if cadence is None else cadence.max_s)
        self._masks = masks or {}
        self._risk = risk
        self._cameras: dict[str, _Memory] = {}

    def score(self, camera: str, frame: Frame) -> Scored:
        """Take one frame through the model and the tracker.

        Raises:
            FrameError: the picture or its scores are unfit; the camera's memory is as before.
            RuntimeModelError: the backend failed; the camera's memory is as before.
        """
        started = time.perf_counter_ns()
        prepared = self._preprocess.fit(frame.image)
        memory, left = self._memory(camera, frame, prepared)
        written = _Timed(prepared)
        fitted = time.perf_counter_ns()
        inference = self._runtime.infer(written.write, memory.state)
        inferred = time.perf_counter_ns()
        found = regions(
            inference.scores,
            self._manifest.labels,
            self._manifest.thresholds,
            memory.blocked,
            lambda cells: memory.placement.cell_box(cells, self._stride_px),
        )
        watched_s = self._watched_s(memory, frame)
        memory.state, memory.model_ns = inference.state, frame.model_ns
        restarted = self._cameras.get(camera) is not memory
        closed = () if left is None else self._closings(left, camera, frame)
        if restarted:
            memory.tracker.forget_candidates()
        lit = self._lighten(memory, frame)
        changes = memory.tracker.update(found)
        alerts = memory.severities.update(changes, watched_s, self._risk())
        seen = ((c, self._likely(c, inference.scores)) for c in changes)
        told = (
            self._event(memory, camera, frame, c, p, c.track in lit, alerts.get(c.track)) for c, p in seen
        )
        unseen = (lit | alerts.keys()) - {change.track for change in changes}
        events = (*closed, *(e for e in told if e is not None), *self._retell(memory, frame, unseen, alerts))
        finished = time.perf_counter_ns()
        self._record("preprocess", fitted - started + written.ns)
        self._record("invoke", inference.invoke_ns)
        self._record("handover", inferred - fitted - written.ns - inference.invoke_ns)
        self._record("detect", finished - inferred)
        self._cameras[camera] = memory
        map_px = memory.placement.map_box(self._grid, self._stride_px)
        open_events = memory.tracker.open_count
        return Scored(camera, frame, inference.scores, map_px, events, open_events, restarted)

    def close(self, camera: str, frame: Frame) -> tuple[Event, ...]:
        """End a recording: close its open events at its last frame and forget the camera."""
        memory = self._cameras.pop(camera, None)
        if memory is None:
            return ()
        return self._closings(memory, camera, frame)

    def darken(self, camera: str, dusk: Frame) -> tuple[Event, ...]:
        """Say of the open events of a camera that it is dark, once; they stay open until it is light again.

        Args:
            camera: its name.
            dusk: the first frame of its latest darkness; its pixels are not looked at.
        """
        memory = self._cameras.get(camera)
        if memory is None:
            return ()
        since_s = dusk.model_ns / 1e9
        hidden = {
            track
            for track, event in memory.events.items()
            if event.opened.model_s <= since_s
            and (event.darkness is None or event.darkness.since.model_s < since_s)
        }
        for track in hidden:
            darkness = Darkness(since=self._stamp(dusk))
            memory.events[track] = msgspec.structs.replace(memory.events[track], darkness=darkness)
        return self._retell(memory, dusk, hidden, {})

    def sight(self, event: Event) -> Stamp | None:
        """Return the newest sight of an open event, told or not; None where it is not open. From any thread."""
        memory = self._cameras.get(event.camera)
        known = () if memory is None else memory.events.copy().values()
        return next((one.updated for one in known if one.id == event.id), None)

    def _memory(self, camera: str, frame: Frame, prepared: Prepared) -> tuple[_Memory, _Memory | None]:
        """Return what is remembered; or a new memory, and the old one to be closed, where it must start anew.

        After a gap that was dark only the state of the model starts anew: the open events stay.
        """
        memory = self._cameras.get(camera)
        if memory is not None:
            elapsed_s = (frame.model_ns - memory.model_ns) / 1e9
            if memory.placement == prepared.placement and elapsed_s >= 0:
                if elapsed_s <= self._manifest.state_gap_s:
                    return memory, None
                if frame.dark_ns is not None and frame.dark_ns > memory.model_ns:
                    return replace(memory, state=self._runtime.zero_state()), None
        new = _Memory(
            self._runtime.zero_state(),
            Tracker(self._manifest.confirmation),
            Severities(self._manifest.alert),
            prepared.placement,
            self._blocked(camera, prepared.placement),
            frame.model_ns,
        )
        return new, memory

    def _blocked(self, camera: str, placement: Placement) -> NDArray[np.bool_] | None:
        if self._manifest.task == "classify":
            return None
        (height, width), (y0, x0, y1, x1) = placement.input_px, placement.content_px
        content = (x0 / width, y0 / height, x1 / width, y1 / height)
        blocked = blocked_cells(self._masks.get(camera, ()), self._grid, content)
        return blocked if blocked.any() else None

    def _closings(self, memory: _Memory, camera: str, frame: Frame) -> tuple[Event, ...]:
        changes = memory.tracker.reset()
        told = (self._event(memory, camera, frame, change, 0.0, told=True, cause=None) for change in changes)
        return tuple(event for event in told if event is not None)

    def _watched_s(self, memory: _Memory, frame: Frame) -> float:
        """Return the seconds since the due picture before that were watched.

        They begin anew with each dark picture. Longer ones than the model's cadence count as that: whatever was due
        between was not scored.
        """
        since_ns = memory.model_ns
        if frame.dark_ns is not None and since_ns < frame.dark_ns < frame.model_ns:
            since_ns = frame.dark_ns
        return min((frame.model_ns - since_ns) / 1e9, self._watch_s)

    def _lighten(self, memory: _Memory, frame: Frame) -> set[int]:
        """Note that light came back with a frame; return the tracks of the events that were in the dark."""
        lit = set()
        for track, event in memory.events.items():
            dark = event.darkness
            if dark is not None and dark.until is None and dark.since.model_s < frame.model_ns / 1e9:
                darkness = msgspec.structs.replace(dark, until=self._stamp(frame))
                memory.events[track] = msgspec.structs.replace(event, darkness=darkness)
                lit.add(track)
        return lit

    def _retell(
        self, memory: _Memory, frame: Frame, tracks: set[int], alerts: Mapping[int, Cause]
    ) -> tuple[Event, ...]:
        """Return the next revision of events that changed, though nothing was seen of them."""
        for track in tracks:
            event = memory.events[track]
            later = msgspec.structs.replace(event, revision=event.revision + 1, phase="updated")
            memory.events[track] = self._alerted(later, frame, alerts.get(track))
        return tuple(memory.events[track] for track in sorted(tracks))

    def _alerted(self, event: Event, frame: Frame, cause: Cause | None) -> Event:
        """Return a revision that says, where there is a cause, that the event became an alert with this frame."""
        if cause is None:
            return event
        alerted = Alerted(
            at=self._stamp(frame), by=cause, revision=event.revision, box_px=event.box_px, risk=self._risk()
        )
        return msgspec.structs.replace(event, severity="alert", alerted=alerted)

    def _event(
        self,
        memory: _Memory,
        camera: str,
        frame: Frame,
        change: Change,
        likely: float,
        told: bool,  # noqa: FBT001 — told in any case
        cause: Cause | None,
    ) -> Event | None:
        """Turn a change into the event's next revision; None where nothing is worth telling."""
        stamp = self._stamp(frame)
        known = memory.events.get(change.track)
        if known is None:
            event = Event(
                id=self._identify(camera, frame, change.label, change.track),
                revision=1,
                phase="opened",
                camera=camera,
                label=change.label,
                bundle=self._name,
                opened=stamp,
                updated=stamp,
                closed=None,
                peak=change.peak,
                box_px=change.box_px,
                opening_box_px=change.box_px,
                sightings=change.sightings,
                severity="alert" if self._manifest.alert is None else "candidate",
                frame_px=memory.placement.source_px,
                probability=likely,
            )
            event = memory.events[change.track] = self._alerted(event, frame, cause)
            return event
        closing = change.kind == "closed"
        event = msgspec.structs.replace(
            known,
            phase="closed" if closing else "updated",
            updated=known.updated if closing else stamp,
            closed=stamp if closing else None,
            peak=change.peak,
            box_px=change.box_px,
            sightings=change.sightings,
            probability=max(likely, known.probability or 0.0),
        )
        told = told or closing or change.grew or cause is not None
        if told:
            event = msgspec.structs.replace(event, revision=known.revision + 1)
            event = self._alerted(event, frame, cause)
        if closing:
            del memory.events[change.track]
        else:
            memory.events[change.track] = event
        return event if told else None

    def _likely(self, change: Change, scores: NDArray[np.float32]) -> float:
        """Return the probability of a plume that was seen; 0 where it was not."""
        if change.kind == "closed":
            return 0.0
        return round(probability(change.label, change.peak, scores, self._manifest), 6)

    def _identify(self, camera: str, frame: Frame, label: str, track: int) -> str:
        """Derive an event's id from content, so that a replay gives the same one."""
        digest = hashlib.sha256(f"{self._digest}\0{camera}\0{label}\0{track}\0{frame.model_ns}\0".encode())
        digest.update(frame.image.rgb().data)
        return digest.hexdigest()[:24]


class _Timed:
    """Writes a prepared frame and remembers how long that took."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self.ns = 0

    def write(self, buffer: Tensor) -> None:
        """Fill the backend's buffer."""
        started = time.perf_counter_ns()
        self._prepared.write(buffer)
        self.ns = time.perf_counter_ns() - started


def _grid(manifest: Manifest, file: FileSpec, input_px: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Return (rows, cols) of the score map and the side of a cell in pixels of the model's input."""
    if manifest.task == "cells":
        rows, cols = file.one("scores").shape[1:3]
        return (rows, cols), float(manifest.cell_stride_px or 1)
    return (1, 1), float(max(input_px))
