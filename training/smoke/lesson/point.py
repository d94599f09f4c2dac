"""The operating point: what the daemon's own decision makes of score maps from heads that had not seen the groups.

False alarms are limited on sequences before their fire and on quiet streams, each for itself; streams laid closer than
they were taken tell nothing per hour and set no threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.model.alert import AlertRule
from edge.model.bundle import Bundle
from edge.model.calm import Calm
from edge.model.loaded import Model
from edge.model.manifest import FileSpec, Manifest, TensorSpec, Threshold
from edge.model.runtime import Inference, State
from scoring import gate
from scoring.day import Day
from training.gate.judged import Recorded, days_of
from training.gate.recording import Recording, Seen
from training.gate.stream import Part, Stream
from training.smoke.network import FRAME_PX, GRID

LABEL = "smoke"
CANDIDATES_PER_HOUR, ALERTS_PER_HOUR = 0.2, 0.07
OPENS = (9.0, 8.0, 7.0, 6.0, *(float(value) for value in np.arange(5.0, -1.01, -0.5)))
HYSTERESIS = 1.0
CALMS = (None, Calm(margin=2.0, fall=3.5))
ALERT_ABOVES = (0.5, 1.5, 3.0)  # logits above `open`
PERSISTENCE_S, ESCALATE_S = 600.0, 1800.0
HELD = ("night", "infrared")  # no fire by night is in any data here


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a point gave on the inner folds, for candidates or alerts.

    Attributes:
        found, views: views found, of those with boxes.
        delay_min: mean capped delay after the first box; None without views.
        before, before_h: false alarms before fires, watched hours.
        quiet, quiet_h: false alarms on quiet streams, watched hours.
    """

    found: int
    views: int
    delay_min: float | None
    before: int
    before_h: float
    quiet: int
    quiet_h: float

    def rate(self) -> float:
        """Return the larger one of both rates, false alarms per watched hour; 0 without hours."""
        rates = ((self.before, self.before_h), (self.quiet, self.quiet_h))
        return max(count / hours if hours > 0 else 0.0 for count, hours in rates)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds and rules, and what they gave on the maps that they were chosen on.

    Attributes:
        within: whether the limits of false alarms are kept; False where no point kept them.
    """

    threshold: Threshold
    alert: AlertRule
    calm: Calm | None
    candidates: Figures
    alerts: Figures
    within: bool

    def delay_min(self) -> float:
        """Return what is minimised: mean capped delay of both severities, minutes; a missed view counts 30."""
        return ((self.candidates.delay_min or 0.0) + (self.alerts.delay_min or 0.0)) / 2


@dataclass(frozen=True, slots=True)
class Scored:
    """A real sequence and what a head that had not seen its group made of it.

    Attributes:
        part: the sequence.
        maps: (frames, rows, cols, 1) smoothed logits.
        conditions: (frames, N) within 0…1; None where the head tells none.
    """

    part: Part
    maps: NDArray[np.float32]
    conditions: NDArray[np.float32] | None


def choose(scored: Sequence[Scored], manifest: Manifest) -> Point:
    """Return the point with the least delay within the limits.

    Args:
        scored: real sequences.
        manifest: all but the point; its conditions are those of the maps.

    Returns:
        The best one; where none keeps the limits, the one with the lowest rate of false alarms.
    """
    recorded = [_recorded(one) for one in scored if not one.part.truth.accelerated]
    kept: list[Point] = []
    strayed: list[Point] = []
    for calm in CALMS:
        for above in ALERT_ABOVES:
            for point in _descend(recorded, manifest, calm, above):
                (kept if point.within else strayed).append(point)
    if kept:
        return min(kept, key=Point.delay_min)
    return min(strayed, key=lambda point: (point.candidates.rate(), point.alerts.rate()))


def _descend(
    recorded: Sequence[Recorded], manifest: Manifest, calm: Calm | None, above: float
) -> Iterator[Point]:
    """Yield points from the highest threshold down to the first that breaks a limit."""
    for value in OPENS:
        yield (point := tried(recorded, manifest, value, above, calm))
        if not point.within:
            return


def tried(
    recorded: Sequence[Recorded], manifest: Manifest, value: float, above: float, calm: Calm | None
) -> Point:
    """Judge one point by the daemon's own decision."""
    threshold = Threshold(open=value, keep=value - HYSTERESIS)
    held = tuple(name for name in HELD if name in manifest.conditions)
    alert = AlertRule(
        escalate_s=ESCALATE_S, persistence_s=PERSISTENCE_S, scores={LABEL: value + above}, held=held
    )
    decided = msgspec.structs.replace(manifest, thresholds={LABEL: threshold}, alert=alert, calm=calm)
    days = days_of(_model(decided), recorded, decided)
    candidates, alerts = (_figures(days, alerts=severe) for severe in (False, True))
    within = candidates.rate() <= CANDIDATES_PER_HOUR and alerts.rate() <= ALERTS_PER_HOUR
    return Point(
        threshold=threshold, alert=alert, calm=calm, candidates=candidates, alerts=alerts, within=within
    )


def judged(scored: Sequence[Scored], chosen: Point, manifest: Manifest) -> list[Day]:
    """Judge sequences by the daemon's own decision at a point that is chosen already; a day each.

    Args:
        scored: at true times.
        chosen: the point.
        manifest: all but the point; its conditions are those of the maps.
    """
    decided = msgspec.structs.replace(
        manifest, thresholds={LABEL: chosen.threshold}, alert=chosen.alert, calm=chosen.calm
    )
    return days_of(_model(decided), [_recorded(one) for one in scored], decided)


def _figures(days: Sequence[Day], *, alerts: bool) -> Figures:
    boxed = [day for day in days if day.result.boxed]
    found = [gate.found_s_of(day, alerts=alerts) for day in boxed]
    delays = [gate.capped_s(one, day.result.first_box_s) / 60 for one, day in zip(found, boxed, strict=True)]
    judged = [day for day in days if day.result.judged]
    sides = [[day for day in judged if day.quiet is quiet] for quiet in (False, True)]
    counts = [sum(gate.false_alarms_of(day, alerts=alerts) for day in side) for side in sides]
    hours = [sum(day.quiet_h for day in side) for side in sides]
    return Figures(
        found=sum(one is not None for one in found),
        views=len(boxed),
        delay_min=sum(delays) / len(delays) if delays else None,
        before=counts[0],
        before_h=hours[0],
        quiet=counts[1],
        quiet_h=hours[1],
    )


def _recorded(one: Scored) -> Recorded:
    """Return a stream of one sequence, all of its frames scored."""
    seen = tuple(Seen(None, index, restarted=index == 0) for index in range(len(one.maps)))
    stream = Stream(one.part.truth.id, (one.part,))
    return Recorded(stream, Recording(seen, one.maps, (), None, one.conditions))


class _Silent:
    """A runtime that is never asked: the decision reads stored maps."""

    name = "none"

    def zero_state(self) -> State:
        return ()

    def infer(self, write_frame: object, state: State) -> Inference:  # noqa: ARG002 — of the Protocol
        raise AssertionError("the decision over stored maps asked a network")


def _model(manifest: Manifest) -> Model:
    """Return a model of which the decision reads the manifest and the shapes alone."""
    tensors = [
        TensorSpec(
            name="frame", role="frame", shape=(1, *FRAME_PX, 3), dtype="uint8", layout="NHWC", scale=1 / 255,
            zero_point=0,
        ),
        TensorSpec(name="scores", role="scores", shape=(1, *GRID, 1), dtype="float32"),
    ]  # fmt: skip
    if manifest.conditions:
        shape = (1, len(manifest.conditions))
        tensors.append(TensorSpec(name="conditions", role="conditions", shape=shape, dtype="float32"))
    file = FileSpec(sha256="0" * 64, bytes=0, tensors=tuple(tensors))
    return Model(Bundle(Path(), Path(), manifest, "0" * 64), file, _Silent())
