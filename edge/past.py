"""What is kept of each camera between frames, and when that starts anew."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event
from edge.detect.calm import Thresholds
from edge.detect.condition import Conditions
from edge.detect.holding import Holding
from edge.detect.mask import Polygon, blocked_cells
from edge.detect.severity import Cause, Severities
from edge.detect.tracker import Change, Tracker
from edge.frame import Frame
from edge.model.manifest import Manifest
from edge.model.preprocess import Placement
from edge.model.runtime import Runtime, State


@dataclass(slots=True)
class Past:
    """What is kept of one camera between frames.

    Attributes:
        state: the model's, after the newest frame.
        tracker: its plumes.
        severities: of the open ones.
        thresholds: in force for the next frame.
        conditions: of its scene.
        held: those of them by which its alerts are held back.
        placement: of its frames in the model's input.
        blocked: (rows, cols), True where its masks let nothing through; None where they block nothing.
        model_ns: model time of the newest frame.
        turns: how often its camera was found to look elsewhere, up to its frames.
        naps: how often its camera was closed by the governor, up to its newest frame.
        events: the newest revision of each open event, told or not, by its track.
        holding: what a memory of the hour holds back.
        made: revisions that are to be handed over, in their order.
        untold: openings and closings of which no revision could be made yet.
        unruled: closings that the rule of severity does not know of yet.
        due: the tracks that became alerts, by what, until a revision says so.
    """

    state: State
    tracker: Tracker
    severities: Severities
    thresholds: Thresholds
    conditions: Conditions
    held: frozenset[str]
    placement: Placement
    blocked: NDArray[np.bool_] | None
    model_ns: int
    turns: int
    naps: int = 0
    events: dict[int, Event] = field(default_factory=dict)
    holding: Holding = field(default_factory=Holding)
    made: list[Event] = field(default_factory=list)
    untold: list[Change] = field(default_factory=list)
    unruled: list[Change] = field(default_factory=list)
    due: dict[int, Cause] = field(default_factory=dict)

    def hand_over(self) -> tuple[Event, ...]:
        """Return the revisions that were made, once."""
        made = tuple(self.made)
        self.made.clear()
        return made

    @property
    def holds(self) -> tuple[str, ...]:
        """The conditions that stand and hold alerts back."""
        return tuple(name for name in self.conditions.standing if name in self.held)


class Pasts:
    """The past of any number of cameras of one pipeline.

    Args:
        manifest: of the model.
        runtime: whose state it is.
        grid: (rows, cols) of the score map.
        masks: polygons in fractions of the frame, by camera.
        night_alerts: cameras of which no condition holds alerts back.
    """

    def __init__(
        self,
        manifest: Manifest,
        runtime: Runtime,
        grid: tuple[int, int],
        masks: Mapping[str, Sequence[Polygon]],
        night_alerts: Collection[str],
    ) -> None:
        self._manifest = manifest
        self._runtime = runtime
        self._grid = grid
        self._masks = masks
        self._night_alerts = night_alerts
        cadence = manifest.cadence
        self._watch_s = min(manifest.state_gap_s, math.inf if cadence is None else cadence.max_s)
        self._cameras: dict[str, Past] = {}

    def of(self, camera: str) -> Past | None:
        """Return what is kept of a camera; None where nothing is. From any thread."""
        return self._cameras.get(camera)

    def keep(self, camera: str, past: Past) -> None:
        """Remember it from now on."""
        self._cameras[camera] = past

    @property
    def any_open(self) -> bool:
        """Whether an event of any camera is open. From any thread."""
        return any(past.events for past in list(self._cameras.values()))

    def forget(self, camera: str) -> Past | None:
        """Return what was kept of a camera, for the last time."""
        return self._cameras.pop(camera, None)

    def recall(self, camera: str, frame: Frame, placement: Placement) -> tuple[Past, Past | None]:
        """Return what a frame goes on from; or a new past, and the old one to be closed, where it must start anew.

        That is after a gap, a jump back, another size and another view. After a gap that was dark the open events stay;
        the state of the model, what lowers thresholds and the conditions of the scene start anew. After one in which
        the governor had closed the camera, and nothing was dark, the state of the model stays, too.
        """
        past = self.of(camera)
        if past is not None:
            elapsed_s = (frame.model_ns - past.model_ns) / 1e9
            if past.placement == placement and past.turns == frame.turns and elapsed_s >= 0:
                if elapsed_s <= self._manifest.state_gap_s:
                    return past, None
                if frame.dark_ns is not None and frame.dark_ns > past.model_ns:
                    state, thresholds = self._runtime.zero_state(), past.thresholds.anew()
                    conditions = Conditions(self._manifest.conditions)
                    past.holding.pause(frame.model_ns / 1e9)
                    return replace(past, state=state, thresholds=thresholds, conditions=conditions), None
                if frame.naps != past.naps:
                    past.holding.pause(frame.model_ns / 1e9)
                    conditions = Conditions(self._manifest.conditions)
                    return replace(past, thresholds=past.thresholds.anew(), conditions=conditions), None
        manifest = self._manifest
        new = Past(
            self._runtime.zero_state(),
            Tracker(manifest.confirmation),
            Severities(manifest.alert),
            Thresholds(manifest.calm, manifest.thresholds, manifest.labels),
            Conditions(manifest.conditions),
            self._held(camera),
            placement,
            self._blocked(camera, placement),
            frame.model_ns,
            frame.turns,
            made=[] if past is None else past.made,
        )
        return new, past

    def watched_s(self, past: Past, frame: Frame) -> float:
        """Return the seconds since the due picture before that were watched.

        They begin anew with each dark picture. Longer ones than the model's cadence count as that: whatever was due
        between was not scored.
        """
        since_ns = past.model_ns
        if frame.dark_ns is not None and since_ns < frame.dark_ns < frame.model_ns:
            since_ns = frame.dark_ns
        return min((frame.model_ns - since_ns) / 1e9, self._watch_s)

    def _held(self, camera: str) -> frozenset[str]:
        rule = self._manifest.alert
        return frozenset() if rule is None or camera in self._night_alerts else frozenset(rule.held)

    def _blocked(self, camera: str, placement: Placement) -> NDArray[np.bool_] | None:
        if self._manifest.task == "classify":
            return None
        (height, width), (y0, x0, y1, x1) = placement.input_px, placement.content_px
        content = (x0 / width, y0 / height, x1 / width, y1 / height)
        blocked = blocked_cells(self._masks.get(camera, ()), self._grid, content)
        return blocked if blocked.any() else None
