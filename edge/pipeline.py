"""From a frame to events: preprocessing, inference, regions, tracks; the same for the daemon and a replay.

One thread owns a pipeline. It reads no clock but to time its stages. What is kept per camera is in `edge.past`, what is
told of events in `edge.alert.revision`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event, Stamp
from edge.alert.hour import Hour
from edge.alert.revision import Revisions
from edge.detect.heatmap import regions
from edge.detect.mask import Polygon
from edge.detect.severity import Risk
from edge.detect.tracker import Change
from edge.frame import Box, Frame
from edge.horizon import Horizons
from edge.hour import Hours
from edge.model.loaded import Model
from edge.model.manifest import FileSpec, Manifest
from edge.model.memory import MemoryRule, fits
from edge.model.preprocess import Prepared, Preprocess, place
from edge.model.runtime import Runtime, Tensor
from edge.past import Past, Pasts

Record = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """What one frame gave.

    Attributes:
        scores: (rows, cols, classes) float32 in the manifest's kind.
        map_px: where they lie, (x0, y0, x1, y1) in pixels of the frame; a letterbox's bars are outside of it.
        events: new revisions, in the order of their tracks; then those of events that light came back to, or that
            became alerts, without being seen. Before them what a frame made that failed, and nobody took.
        open_events: how many plumes of this camera are open after it.
        restarted: whether the camera's state started anew with this frame.
        conditions: (conditions,) float32 within 0…1, how probable each of the manifest's is in this frame; None where
            the model tells none.
    """

    camera: str
    frame: Frame
    scores: NDArray[np.float32]
    map_px: Box
    events: tuple[Event, ...]
    open_events: int
    restarted: bool
    conditions: NDArray[np.float32] | None = None


class Pipeline:
    """Scores the frames of any number of cameras with one model.

    Args:
        model: loaded.
        stamp: makes the moment of a frame for an event; the daemon adds the wall clock and the boot.
        record: told a stage's name and its time in ns.
        masks: polygons in fractions of the frame, by camera.
        risk: returns the fire risk as people named it; neutral if absent.
        night_alerts: cameras of which no condition of the scene holds alerts back, by the operator's choice.
        memory: of the hour, on or off; None: as the manifest says. None is on for a bundle that it does not work with.
        wall_s: returns seconds since 1970 UTC of a frame, for that memory; None where its clock is not trusted.
    """

    def __init__(
        self,
        model: Model,
        stamp: Callable[[Frame], Stamp],
        record: Record,
        masks: Mapping[str, Sequence[Polygon]] | None = None,
        risk: Callable[[], Risk] = lambda: "neutral",
        night_alerts: Collection[str] = (),
        *,
        memory: bool | None = None,
        wall_s: Callable[[Frame], float | None] = lambda _: None,
    ) -> None:
        self._manifest = model.bundle.manifest
        self._runtime = model.runtime
        self._preprocess = Preprocess(self._manifest, model.file.one("frame"))
        self._grid, self._stride_px = _grid(self._manifest, model.file, self._preprocess.input_px)
        self._record = record
        self._risk = risk
        self.hours = Hours(
            self._manifest, model.bundle.digest, self._grid, _rule(self._manifest, memory), wall_s
        )
        self.horizons = Horizons(self._manifest.horizon, self._grid)
        self._pasts = Pasts(self._manifest, self._runtime, self._grid, masks or {}, night_alerts)
        self._revisions = Revisions(self._manifest, model.name, model.bundle.digest, stamp, risk)

    def score(self, camera: str, frame: Frame) -> Scored:
        """Take one frame through the model and the tracker.

        From the tracker's step on nothing that opened or closed is lost: whatever fails, `owed` returns its revisions,
        or the next frame does.

        Raises:
            FrameError: the picture or its scores are unfit; the camera's memory is as before.
            RuntimeModelError: the backend failed; the camera's memory is as before.
        """
        started = time.perf_counter_ns()
        prepared = self._preprocess.fit(frame.image)
        past, left = self._pasts.recall(camera, frame, prepared.placement)
        written = _Timed(prepared)
        fitted = time.perf_counter_ns()
        inference = self._runtime.infer(written.write, past.state)
        inferred = time.perf_counter_ns()
        if left is not None and left.turns != past.turns:
            self.hours.restart(camera)
        found = regions(
            inference.scores,
            self._manifest.labels,
            past.thresholds.now,
            past.blocked,
            lambda cells: past.placement.cell_box(cells, self._stride_px),
            self.hours.lift(camera, frame),
            self.horizons.lift(camera, frame, past.placement),
        )
        watched_s = self._pasts.watched_s(past, frame)
        past.state, past.model_ns, past.naps = inference.state, frame.model_ns, frame.naps
        restarted = self._pasts.of(camera) is not past
        if left is not None:
            self._revisions.close(left, camera, frame)
        if restarted:
            past.tracker.forget_candidates()
        past.conditions.update(inference.conditions)
        self._pasts.keep(camera, past)
        self._decide(past, camera, frame, past.tracker.update(found), inference.scores, watched_s)
        finished = time.perf_counter_ns()
        self._record("preprocess", fitted - started + written.ns)
        self._record("invoke", inference.invoke_ns)
        self._record("handover", inferred - fitted - written.ns - inference.invoke_ns)
        self._record("detect", finished - inferred)
        map_px = past.placement.map_box(self._grid, self._stride_px)
        open_events = past.tracker.open_count
        return Scored(
            camera,
            frame,
            inference.scores,
            map_px,
            past.hand_over(),
            open_events,
            restarted,
            inference.conditions,
        )

    def use(self, runtime: Runtime) -> None:
        """Go on with another runtime of the same file, such as one with fewer threads."""
        self._runtime = runtime

    @property
    def any_open(self) -> bool:
        """Whether an event of any camera is open. From any thread."""
        return self._pasts.any_open

    def close(self, camera: str, frame: Frame) -> tuple[Event, ...]:
        """End a recording: close its open events at its last frame and forget the camera."""
        past = self._pasts.forget(camera)
        self.horizons.forget(camera)
        if past is None:
            return ()
        self._revisions.close(past, camera, frame)
        return past.hand_over()

    def owed(self, camera: str) -> tuple[Event, ...]:
        """Return the revisions that a frame made which then failed, once."""
        past = self._pasts.of(camera)
        return () if past is None else past.hand_over()

    def darken(self, camera: str, dusk: Frame) -> tuple[Event, ...]:
        """Say of the open events of a camera that it is dark, once; they stay open until it is light again.

        Args:
            camera: its name.
            dusk: the first frame of its latest darkness; its pixels are not looked at.
        """
        past = self._pasts.of(camera)
        if past is None:
            return ()
        self._revisions.darken(past, dusk)
        return past.hand_over()

    def conditions(self, camera: str) -> tuple[str, ...] | None:
        """Return the scene conditions that stand for a camera; None where the model tells none. From any thread."""
        if not self._manifest.conditions:
            return None
        past = self._pasts.of(camera)
        return () if past is None else past.conditions.standing

    def holds(self, camera: str) -> tuple[str, ...]:
        """Return the conditions that stand for a camera and hold its alerts back. From any thread."""
        past = self._pasts.of(camera)
        return () if past is None else past.holds

    def recall(self, camera: str, kept: Hour) -> None:
        """Go on with what was kept of a camera's memory of the hour. From any thread."""
        alerts = [(event, self._cells(event)) for event in kept.alerts]
        self.hours.recall(camera, kept.data, alerts, kept.confirmed)

    def confirm(self, event: Event) -> None:
        """Take note that a person confirmed an event: it is not usual. From any thread."""
        self.hours.confirm(event)

    def sight(self, event: Event) -> Stamp | None:
        """Return the newest sight of an open event, told or not; None where it is not open. From any thread."""
        past = self._pasts.of(event.camera)
        known = () if past is None else past.events.copy().values()
        return next((one.updated for one in known if one.id == event.id), None)

    def _decide(
        self,
        past: Past,
        camera: str,
        frame: Frame,
        changes: Sequence[Change],
        scores: NDArray[np.float32],
        watched_s: float,
    ) -> None:
        """Take what the tracker says of a frame through the rules, and make the revisions of it."""
        thresholds = past.thresholds.now
        try:
            seen = self.horizons.told(camera, changes, past.tracker.numbers)
            told = self.hours.release(camera, frame, past, seen)
            past.thresholds.learn(scores, past.blocked, past.tracker.confirmed_labels)
            ruled = [*past.unruled, *told]
            past.due |= past.severities.update(ruled, watched_s, self._risk(), held=bool(past.holds))
        except Exception:  # whichever rule it is, an opening does not wait for it
            past.unruled += [change for change in changes if change.kind == "closed"]
            told = [change for change in changes if change.kind not in ("held", "far")]
            self._revisions.tell(past, camera, frame, told, scores)
            raise
        past.unruled.clear()
        self._revisions.tell(past, camera, frame, told, scores)
        self.hours.learn(camera, frame, past, scores, thresholds)

    def _cells(self, event: Event) -> Box | None:
        """Return the hull of an event's boxes as (row0, col0, row1, col1), ends excluded; None where it is unknown."""
        if event.frame_px is None:
            return None
        letterbox = self._manifest.fit == "letterbox"
        placement = place(event.frame_px, self._preprocess.input_px, letterbox=letterbox)
        map_px = placement.map_box(self._grid, self._stride_px)
        return _cells((event.box_px, event.opening_box_px), map_px, self._grid)


def _cells(boxes_px: Sequence[Box], map_px: Box, grid: tuple[int, int]) -> Box:
    """Return the hull of boxes in pixels as (row0, col0, row1, col1), ends excluded."""
    x0, y0, x1, y1 = map_px
    across, down = grid[1] / (x1 - x0), grid[0] / (y1 - y0)
    lefts, tops, rights, bottoms = zip(*boxes_px, strict=True)
    left, top = int((min(lefts) - x0) * across), int((min(tops) - y0) * down)
    return top, left, math.ceil((max(bottoms) - y0) * down), math.ceil((max(rights) - x0) * across)


def _rule(manifest: Manifest, wanted: bool | None) -> MemoryRule | None:  # noqa: FBT001 — on, off or as it says
    if wanted is None or not fits(
        task=manifest.task, kind=manifest.kind, thresholds=len(manifest.thresholds)
    ):
        return manifest.memory
    return (manifest.memory or MemoryRule()) if wanted else None


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
