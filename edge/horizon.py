"""The horizons of all cameras: by what they raise thresholds, and what they held back.

A horizon is of one view: it starts anew when the camera was turned, gives another size or goes back in time; not after
a night. One thread owns it; `counted` is for any.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detect.horizon import Floats, Horizon, lift
from edge.detect.tracker import Change
from edge.frame import Frame
from edge.model.horizon import HorizonRule
from edge.model.preprocess import Placement


class Banded(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera's horizon did, in this process.

    Attributes:
        known: whether there is one now.
        held: plumes that would have opened but for the horizon, and did not at once.
    """

    known: bool
    held: int


@dataclass(slots=True)
class _View:
    """What is known of one view; `raised` goes with `line`."""

    turns: int
    placement: Placement
    newest_ns: int
    horizon: Horizon = field(default_factory=Horizon)
    line: Floats | None = None
    raised: NDArray[np.float32] | None = None
    held: frozenset[int] = frozenset()


class Horizons:
    """The horizons of any number of cameras.

    Args:
        rule: of the manifest; None: off, no picture is looked at.
        grid: (rows, cols) of the score map.
    """

    def __init__(self, rule: HorizonRule | None, grid: tuple[int, int]) -> None:
        self._rule, self._grid = rule, grid
        self._views: dict[str, _View] = {}
        self._counts: dict[str, Banded] = {}

    @property
    def on(self) -> bool:
        """Whether the manifest has the rule."""
        return self._rule is not None

    @property
    def counted(self) -> dict[str, Banded]:
        """What was done so far, by camera; empty where it is off."""
        return self._counts.copy()

    def adopt(self, camera: str, frame: Frame, placement: Placement, horizon: Horizon) -> None:
        """Go on, from a frame on, with a horizon that is known."""
        self._views[camera] = _View(frame.turns, placement, frame.model_ns, horizon)

    def forget(self, camera: str) -> None:
        """Forget a camera's: its recording ended. What was counted stays."""
        self._views.pop(camera, None)

    def lift(self, camera: str, frame: Frame, placement: Placement) -> NDArray[np.float32] | None:
        """Return (rows, cols) float32 logits by which thresholds are raised in a frame; None: by nothing.

        Args:
            camera: its name.
            frame: that is scored; it is looked at where that is due.
            placement: of it in the model's input.
        """
        if self._rule is None:
            return None
        view = self._views.get(camera)
        at = frame.turns, placement
        if view is None or (view.turns, view.placement) != at or frame.model_ns < view.newest_ns:
            view = self._views[camera] = _View(frame.turns, placement, frame.model_ns)
        view.newest_ns = frame.model_ns
        view.horizon.see(frame.image, frame.model_ns / 1e9)
        line = view.horizon.line
        if line is not view.line:
            (height, width), (y0, x0, y1, x1) = placement.input_px, placement.content_px
            content = (x0 / width, y0 / height, x1 / width, y1 / height)
            view.raised = None if line is None else lift(line, self._rule, self._grid, content)
            view.line = line
        known, before = line is not None, self._counts.get(camera)
        if before is None or before.known != known:
            held = 0 if before is None else before.held
            self._counts[camera] = Banded(known=known, held=held)
        return view.raised

    def told(self, camera: str, changes: Sequence[Change], alive: Collection[int]) -> list[Change]:
        """Return what is left of a tracker's changes: all but what the horizon holds back, which is counted.

        Args:
            camera: its name.
            changes: of a frame for which `lift` was asked.
            alive: the tracks that the tracker follows after it.
        """
        if self._rule is None:
            return list(changes)
        view, far = self._views[camera], {change.track for change in changes if change.kind == "far"}
        if new := far - view.held:
            before = self._counts[camera]
            self._counts[camera] = msgspec.structs.replace(before, held=before.held + len(new))
        view.held = (view.held | far) & frozenset(alive)
        return [change for change in changes if change.kind != "far"]
