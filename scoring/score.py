"""The one scorer: events and frame scores against the truth, counted alike in training, simulation and benchmarks.

Judges one sequence; `scoring.summary` adds up the results. What is counted:

- *Found*: an event that opened at or after ignition, its cell within two cells of the truth at its opening: of
  the boxes of the boxed frame nearest in time. The alarm's cell is the cell around the middle of its opening
  box. Beside it stands the looser count, within two cells of any box of the sequence.
- *False alarm*: an opening in a frame without smoke or before ignition, counted again for every 15 minutes of
  its age in which it is still open in a no-smoke frame. It is never a find, even if it lasts into the fire.
- *Mislocalised*: an opening elsewhere in a smoke frame of a boxed sequence. Openings in uncertain frames that
  are no finds, and those in smoke that nobody boxed, are left out.
- *Hours*: each scored no-smoke frame stands for the time to the next scored one, at most twice the median
  interval of the sequence (so gaps are left out), the last one for the median; warm-up is kept in.
- Sequences whose ignition is unreliable or unknown, or whose frames have no times, count in the figures of
  frames only; those in which nothing is labelled smoke need no ignition.
- *Frames* count where the truth is smoke or no smoke; one is positive while an event is open: from the frame
  that opened it to the one before that which closed it, or to the last where the recording ended first.
- An event that was open already when the sequence began (days of one camera run on without a reset) opens nothing in
  it; it counts again as it ages, as any other, and its frames are positive.
- *Alerts* are counted once more, apart, by the same rules: an alert counts at the frame in which its event became
  one, by the cell where it was then. It may be a find where the opening of its event is a false alarm, which it
  remains. Events of a bundle without a rule for alerts give the same figures twice.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Event, Stamp
from scoring.truth import Box, TruthError, TruthFrame, TruthSequence

NEAR_CELLS = 2.0
RECOUNT_S = 900.0
GAP_INTERVALS = 2.0
_SAME_S = 1e-6  # times that differ by less are of one frame

Verdict: TypeAlias = Literal["find", "false_alarm", "mislocalised", "left_out"]


class ScoredFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline made of one frame.

    Attributes:
        name: of the truth's frame (its file's name without the folder).
        model_s: model time, in the events' own count.
        score: the largest score of its cells.
    """

    name: str
    model_s: float
    score: float


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """How one event was judged, by its opening or as the alert that it became.

    Attributes:
        event: its id.
        frame: the name of the frame that opened it, or with which it became an alert.
        offset_s: from ignition, None where there is none.
        verdict: see the module.
        counts: how often it counts as a false alarm.
        cells_off: from the truth at that frame, None where there are no boxes.
        cells_off_any: from the nearest box of the sequence at any time.
    """

    event: str
    frame: str
    offset_s: float | None
    verdict: Verdict
    counts: int
    cells_off: float | None
    cells_off_any: float | None


class FrameResult(msgspec.Struct, frozen=True, array_like=True):
    """One frame whose truth is known.

    Attributes:
        index: in the truth's order: all that a clock knows.
        smoke: the truth.
        score: the largest score of its cells.
        open: whether an event was open.
        alert: whether an alert was; None in results from before there were severities: as `open`.
    """

    index: int
    smoke: bool
    score: float
    open: bool
    alert: bool | None = None


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one sequence's alerts; the fields are those of SequenceResult."""

    found_s: float | None
    found_any_s: float | None
    openings: tuple[Opening, ...]


class SequenceResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one sequence; results of any origin can be summarised together.

    Attributes:
        judged: whether its events count: reliable, with times.
        boxed: judged, and finding can be judged too.
        quiet_s: scored time without smoke, gaps left out; 0 unless judged.
        first_box_s: from ignition to the first box.
        found_s: from ignition to the first find; None: missed, or not boxed.
        found_any_s: the same by the looser count.
        frames_total: of the truth.
        frames_scored: by the model.
        frames: those that count.
        alerts: of the events that became alerts; None in results from before there were severities: as all events.
    """

    id: str
    fire: str
    group: str
    judged: bool
    boxed: bool
    quiet_s: float
    first_box_s: float | None
    found_s: float | None
    found_any_s: float | None
    openings: tuple[Opening, ...]
    frames_total: int
    frames_scored: int
    frames: tuple[FrameResult, ...]
    alerts: Alerts | None = None


def score_sequence(
    truth: TruthSequence,
    frames: Sequence[ScoredFrame],
    events: Sequence[Event],
    cell_px: tuple[float, float],
    carried: Sequence[Event] = (),
) -> SequenceResult:
    """Judge one sequence.

    Args:
        truth: of the sequence.
        frames: those that went through the model, in order.
        events: the newest revision of each.
        cell_px: (width, height) of a cell in pixels of the truth's files. A classifier has one cell, the whole
            frame, so that whatever it finds is localised.
        carried: events from before its first frame, which may still be open in it.
    Raises:
        TruthError: a frame that the truth does not have, or in another order; a score or a time that is not
            finite; an event from before the first frame. The message names the sequence.
    """
    try:
        return _Judge(truth, frames, events, cell_px, carried).result()
    except TruthError as error:
        raise TruthError(f"sequence '{truth.id}': {error}") from error


@dataclass(frozen=True, slots=True)
class _Span:
    """An event, or the alert that it became, among the scored frames.

    Attributes:
        event: its id.
        box_px: where it was at its first frame.
        first, last: index of its first frame, and of the first one where it is closed.
        age_s: how long it had been open at its first frame: above 0 for one that was carried into the sequence.
    """

    event: str
    box_px: tuple[int, int, int, int]
    first: int
    last: int
    age_s: float = 0.0


class _Judge:
    """One sequence while it is judged: truth and pipeline put side by side, by the index of the scored frame."""

    def __init__(
        self,
        truth: TruthSequence,
        frames: Sequence[ScoredFrame],
        events: Sequence[Event],
        cell_px: tuple[float, float],
        carried: Sequence[Event],
    ) -> None:
        self.truth = truth
        self.scored = frames
        self.cell_px = cell_px
        self.places = _places(truth, frames)
        self.seen: list[TruthFrame] = [truth.frames[place] for place in self.places]
        self.times = [frame.model_s for frame in frames]
        self.spans = [self._span(event, event.opened, event.opening_box_px) for event in events]
        self.spans += [self._carried(event, event.opened) for event in carried]
        self.alerts = [
            self._carried(event, event.alert_at)
            if event.alert_at.model_s < self.times[0] - _SAME_S
            else self._span(event, event.alert_at, event.alert_box_px)
            for event in (*events, *carried)
            if event.alert_at is not None and event.alert_box_px is not None
        ]
        self.judged = truth.reliable and truth.timed and (
            truth.ignition_epoch is not None
            or all(frame.label != "smoke" for frame in truth.frames)
        )  # fmt: skip
        self.boxed = self.judged and truth.box_annotated and truth.first_box_offset_s is not None

    def result(self) -> SequenceResult:
        events, alerts = self._verdicts(self.spans), self._verdicts(self.alerts)
        return SequenceResult(
            id=self.truth.id,
            fire=self.truth.fire,
            group=self.truth.group,
            judged=self.judged,
            boxed=self.boxed,
            quiet_s=self._quiet_s() if self.judged else 0.0,
            first_box_s=self.truth.first_box_offset_s,
            found_s=events.found_s,
            found_any_s=events.found_any_s,
            openings=events.openings,
            frames_total=len(self.truth.frames),
            frames_scored=len(self.scored),
            frames=tuple(self._frames()),
            alerts=alerts,
        )

    def _verdicts(self, spans: Sequence[_Span]) -> Alerts:
        judged = [self._opening(span) for span in spans] if self.judged else []
        openings = tuple(opening for opening in judged if opening is not None)
        ignited = [(o, o.offset_s) for o in openings if o.offset_s is not None and o.verdict != "false_alarm"]
        near = [
            s for o, s in ignited if o.cells_off_any is not None and s >= 0 and o.cells_off_any <= NEAR_CELLS
        ]
        return Alerts(
            found_s=min((s for o, s in ignited if o.verdict == "find"), default=None),
            found_any_s=min(near, default=None) if self.boxed else None,
            openings=openings,
        )

    def _span(self, event: Event, begun: Stamp, box_px: tuple[int, int, int, int]) -> _Span:
        first = bisect_right(self.times, begun.model_s + _SAME_S) - 1
        if first < 0:
            raise TruthError(f"event {event.id} opened at {begun.model_s} s, before the first scored frame")
        return _Span(event.id, box_px, first, self._last(event))

    def _carried(self, event: Event, begun: Stamp) -> _Span:
        return _Span(event.id, event.box_px, 0, self._last(event), self.times[0] - begun.model_s)

    def _last(self, event: Event) -> int:
        closed = event.closed
        if closed is None or closed.model_s > self.times[-1] - _SAME_S:  # the recording ended first
            return len(self.times)
        return bisect_left(self.times, closed.model_s - _SAME_S)

    def _opening(self, span: _Span) -> Opening | None:
        if span.age_s > 0:
            return self._aged(span)
        first = span.first
        frame, offset_s = self.seen[first], self._offset_s(first)
        here, anywhere = self._cells_off(span)
        verdict = self._verdict(frame, offset_s, here)
        counts = 0
        if verdict == "false_alarm":
            quiet = [i for i in range(first, span.last) if self.seen[i].label == "no_smoke"]
            counts = len({0, *(int((self._epoch(i) - self._epoch(first)) // RECOUNT_S) for i in quiet)})
        return Opening(
            event=span.event, frame=frame.name, offset_s=offset_s, verdict=verdict, counts=counts,
            cells_off=here, cells_off_any=anywhere,
        )  # fmt: skip

    def _aged(self, span: _Span) -> Opening | None:
        """Count an event again that was open before the sequence began; None where it does not."""
        quiet = [i for i in range(span.first, span.last) if self.seen[i].label == "no_smoke"]
        begun_s = self.times[span.first] - span.age_s
        again = {int((self.times[i] - begun_s) // RECOUNT_S) for i in quiet}
        counts = len({number for number in again if number > span.age_s // RECOUNT_S})
        if not counts:
            return None
        return Opening(
            event=span.event, frame=self.seen[quiet[0]].name, offset_s=None, verdict="false_alarm",
            counts=counts, cells_off=None, cells_off_any=None,
        )  # fmt: skip

    def _verdict(self, frame: TruthFrame, offset_s: float | None, cells_off: float | None) -> Verdict:
        before = offset_s is not None and offset_s < 0
        if frame.label == "no_smoke" or (before and frame.label == "smoke"):
            return "false_alarm"
        if before or not self.boxed or cells_off is None:
            return "left_out"
        if cells_off <= NEAR_CELLS:
            return "find"
        return "mislocalised" if frame.label == "smoke" else "left_out"

    def _cells_off(self, span: _Span) -> tuple[float | None, float | None]:
        """Return how far the event began from the boxes nearest in time, and from any."""
        boxed = [frame for frame in self.truth.frames if frame.boxes]
        if not boxed:
            return None, None
        moment = self._epoch(span.first)
        now = min(boxed, key=lambda frame: (abs((frame.epoch or 0.0) - moment), frame.epoch))
        alarm = alarm_cell(span.box_px, self.cell_px)
        here, anywhere = (
            min(cells_apart(alarm, box, self.cell_px) for frame in some for box in frame.boxes)
            for some in ([now], boxed)
        )
        return here, anywhere

    def _quiet_s(self) -> float:
        steps = [self._epoch(i + 1) - self._epoch(i) for i in range(len(self.seen) - 1)]
        if not steps:
            return 0.0
        usual = statistics.median(steps)
        lasting = [min(step, GAP_INTERVALS * usual) for step in steps] + [usual]
        return math.fsum(s for s, frame in zip(lasting, self.seen, strict=True) if frame.label == "no_smoke")

    def _frames(self) -> list[FrameResult]:
        return [
            FrameResult(
                index=place,
                smoke=frame.label == "smoke",
                score=scored.score,
                open=any(span.first <= i < span.last for span in self.spans),
                alert=any(span.first <= i < span.last for span in self.alerts),
            )
            for i, (place, frame, scored) in enumerate(zip(self.places, self.seen, self.scored, strict=True))
            if frame.label in {"smoke", "no_smoke"}
        ]

    def _epoch(self, index: int) -> float:
        epoch = self.seen[index].epoch
        assert epoch is not None, "only sequences with times are judged"
        return epoch

    def _offset_s(self, index: int) -> float | None:
        ignition = self.truth.ignition_epoch
        return None if ignition is None else self._epoch(index) - ignition


def _places(truth: TruthSequence, frames: Sequence[ScoredFrame]) -> list[int]:
    """Return the truth's index of each scored frame."""
    known = {frame.name: index for index, frame in enumerate(truth.frames)}
    for frame in frames:
        if frame.name not in known:
            raise TruthError(f"scored frame '{frame.name}' is not in the truth")
        if not (math.isfinite(frame.score) and math.isfinite(frame.model_s)):
            raise TruthError(f"frame '{frame.name}': score {frame.score} at {frame.model_s} s is not finite")
    for before, after in pairwise(frames):
        if not (before.model_s < after.model_s and known[before.name] < known[after.name]):
            raise TruthError(
                f"frame '{after.name}' was scored after '{before.name}', against the truth's order"
            )
    return [known[frame.name] for frame in frames]


def alarm_cell(box: tuple[int, int, int, int], cell_px: tuple[float, float]) -> Box:
    """Return the square of one cell around the middle of a box, so that a huge box does not find everything."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    width, height = cell_px
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def cells_apart(a: Box, b: Box, cell_px: tuple[float, float]) -> float:
    """Return the gap between two boxes in cells, along the axis where it is wider; 0 where they meet."""
    across = max(a[0] - b[2], b[0] - a[2]) / cell_px[0]
    down = max(a[1] - b[3], b[1] - a[3]) / cell_px[1]
    return max(0.0, across, down)
