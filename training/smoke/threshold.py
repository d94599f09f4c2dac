"""Choosing the threshold on training groups that the head has not seen, by the daemon's own detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event, Stamp
from edge.detect.heatmap import regions
from edge.detect.tracker import Change, Tracker
from edge.model.manifest import Confirmation, Threshold
from edge.model.preprocess import place
from scoring.score import ScoredFrame, score_sequence
from scoring.summary import Summary, summarise
from scoring.truth import TruthSequence
from training.smoke.network import CELL_PX, FRAME_PX, GRID

HYSTERESIS = 1.0  # logits between opening and keeping
CANDIDATES = tuple(float(value) for value in np.round(np.arange(-2.0, 6.01, 0.1), 1))

Maps = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold, and what it gave on the inner folds."""

    threshold: Threshold
    summary: Summary


def detect(
    sequence: TruthSequence, maps: NDArray[np.float32], threshold: Threshold, rule: Confirmation
) -> list[Event]:
    """Run the daemon's regions and tracker over stored score maps.

    Args:
        sequence: whose frames they are.
        maps: (frames, 30, 40, 1) logits.
        threshold: to try.
        rule: when regions become an event.

    Returns:
        The newest revision of each event; model time is the frame's index.
    """
    placement = place((sequence.height, sequence.width), FRAME_PX, letterbox=True)
    outside = ~placement.inside(GRID, CELL_PX)
    tracker, events = Tracker(rule), dict[int, Event]()
    for index, scores in enumerate(maps):
        found = regions(
            scores, ("smoke",), {"smoke": threshold}, outside, lambda box: placement.cell_box(box, CELL_PX)
        )
        for change in tracker.update(found):
            events[change.track] = _event(events.get(change.track), change, Stamp(model_s=float(index)))
    return list(events.values())


def _event(known: Event | None, change: Change, stamp: Stamp) -> Event:
    if known is None:
        return Event(
            id=str(change.track), revision=1, phase="opened", camera="", label=change.label, bundle="",
            opened=stamp, updated=stamp, closed=None, peak=change.peak,
            box_px=change.box_px, opening_box_px=change.box_px, sightings=change.sightings,
        )  # fmt: skip
    return msgspec.structs.replace(
        known, phase=change.kind, closed=stamp if change.kind == "closed" else None
    )


def judge(
    sequences: Sequence[TruthSequence], maps: Maps, threshold: Threshold, rule: Confirmation
) -> Summary:
    """Summarise what a threshold gives on stored score maps."""
    results = []
    for sequence in sequences:
        scores = maps[sequence.id]
        frames = [
            ScoredFrame(name=frame.name, model_s=float(index), score=float(scores[index].max()))
            for index, frame in enumerate(sequence.frames)
        ]
        cell_px = cell_size(sequence)
        results.append(score_sequence(sequence, frames, detect(sequence, scores, threshold, rule), cell_px))
    return summarise(results, draws=0)


def choose(
    sequences: Sequence[TruthSequence], maps: Maps, rule: Confirmation, false_alarms_per_hour: float
) -> Choice:
    """Return the lowest threshold from which on false alarms stay within the limit.

    Args:
        sequences: with score maps from heads that were not trained on them.
        maps: by sequence.
        rule: when regions become an event.
        false_alarms_per_hour: the limit.
    """
    chosen: Choice | None = None
    for value in reversed(CANDIDATES):
        threshold = Threshold(open=value, keep=round(value - HYSTERESIS, 1))
        summary = judge(sequences, maps, threshold, rule)
        rate = summary.false_alarms.per_hour
        if chosen is not None and (rate is None or rate > false_alarms_per_hour):
            return chosen
        chosen = Choice(threshold, summary)
    assert chosen is not None
    return chosen


def cell_size(sequence: TruthSequence) -> tuple[float, float]:
    """Return (width, height) of a cell in pixels of the sequence's files."""
    placement = place((sequence.height, sequence.width), FRAME_PX, letterbox=True)
    y0, x0, y1, x1 = placement.content_px
    return CELL_PX * sequence.width / (x1 - x0), CELL_PX * sequence.height / (y1 - y0)
