"""One sequence as a day of a camera: which of its due frames were watched, by day or night, and what was open."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from scoring.score import GAP_INTERVALS, SequenceResult
from scoring.truth import Label, TruthSequence

WARM_UP = "warm_up"  # cause of a frame that was scored, but in which no event could have opened yet


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one due frame.

    Attributes:
        cause: why nobody could have seen a fire in it; None where it was watched.
        night: whether it was taken at night; None where nobody knows.
    """

    cause: str | None
    night: bool | None = None


class DueFrame(msgspec.Struct, frozen=True, array_like=True):
    """One frame of a day.

    Attributes:
        name: of the truth's frame.
        label: of the truth.
        cause: as in `Due`.
        lasts_s: seconds that it stands for: to the next due frame, at most twice the usual interval.
        open, alert: whether an event, or an alert, was open; False where the truth is uncertain.
        night: as in `Due`.
    """

    name: str
    label: Label
    cause: str | None
    lasts_s: float
    open: bool
    alert: bool
    night: bool | None

    @property
    def quiet_s(self) -> float:
        """Watched seconds without smoke."""
        return self.lasts_s if self.cause is None and self.label == "no_smoke" else 0.0


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One sequence, judged.

    Attributes:
        stream: name of the camera's stream.
        camera: of the truth.
        date: UTC, of its first frame; empty where that is unknown.
        accelerated: its frames are laid closer than they were taken: it tells nothing per hour.
        seen: whether the bundle was trained on its group, as far as the manifest says.
        quiet: whether nothing is known to burn: there is no ignition.
        localised: whether its events say where; a classifier's do not.
    """

    stream: str
    camera: str
    date: str
    accelerated: bool
    seen: bool
    quiet: bool
    localised: bool
    result: SequenceResult
    frames: tuple[DueFrame, ...]

    @property
    def quiet_h(self) -> float:
        """Watched hours without smoke; 0 unless its events count."""
        return math.fsum(frame.quiet_s for frame in self.frames) / 3600 if self.result.judged else 0.0


def day_of(
    truth: TruthSequence,
    result: SequenceResult,
    due: Sequence[Due],
    *,
    stream: str,
    seen: bool,
    localised: bool = True,
) -> Day:
    """Put a sequence's result beside what became of its frames.

    Args:
        truth: of the sequence.
        result: of the scorer.
        due: of each frame of the truth, in its order.
        stream: its name.
        seen: in training.
        localised: whether events say where.
    """
    known = {frame.index: frame for frame in result.frames}
    frames = []
    for index, (frame, became, lasts_s) in enumerate(zip(truth.frames, due, _lasting(truth), strict=True)):
        scored = known.get(index)
        is_open = scored is not None and scored.open
        alert = is_open if scored is None or scored.alert is None else scored.alert
        frames.append(DueFrame(frame.name, frame.label, became.cause, lasts_s, is_open, alert, became.night))
    return Day(
        stream=stream,
        camera=truth.camera,
        date=_date(truth),
        accelerated=truth.accelerated,
        seen=seen,
        quiet=truth.ignition_epoch is None,
        localised=localised,
        result=result,
        frames=tuple(frames),
    )


def _lasting(truth: TruthSequence) -> list[float]:
    epochs = [frame.epoch for frame in truth.frames if frame.epoch is not None]
    if len(epochs) < max(2, len(truth.frames)):
        return [0.0] * len(truth.frames)
    steps = [after - before for before, after in pairwise(epochs)]
    usual = statistics.median(steps)
    return [*(min(step, GAP_INTERVALS * usual) for step in steps), usual]


def _date(truth: TruthSequence) -> str:
    first = truth.frames[0]
    epoch = first.epoch if first.real_epoch is None else first.real_epoch
    return "" if epoch is None else dt.datetime.fromtimestamp(epoch, dt.UTC).date().isoformat()
