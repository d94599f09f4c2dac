"""Measuring a bundle on held-out sequences: through the daemon's own pipeline, by the one scorer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.alert.event import Event
from edge.clock import SystemClock
from edge.counter.drops import Account
from edge.model.loaded import Model
from edge.model.selftest import step
from edge.replay import replay
from scoring.score import ScoredFrame, SequenceResult, score_sequence
from scoring.truth import TruthSequence
from training.smoke.threshold import cell_size

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one model made of all sequences.

    Attributes:
        results: one a sequence.
        maps: score maps by sequence, (frames, rows, cols, 1).
        account: decoded, scored and dropped frames.
    """

    results: list[SequenceResult]
    maps: dict[str, NDArray[np.float32]]
    account: Account


def measure(model: Model, folder: Path, sequences: Sequence[TruthSequence], what: str) -> Measured:
    """Replay every sequence as a folder of frames and judge its events.

    Args:
        model: loaded.
        folder: that the sequences' files are relative to; each sequence lies in a folder of its own.
        sequences: never seen in training.
        what: for the log.
    """
    clock, account = SystemClock(), Account()
    results, maps = [], {}
    for number, sequence in enumerate(sequences, 1):
        frames: list[ScoredFrame] = []
        scores: list[NDArray[np.float32]] = []
        events: dict[str, Event] = {}
        clip = str((folder / sequence.frames[0].file).parent)
        for stage in replay(clip, model, clock=clock, record=_ignore, account=account, name=sequence.id):
            frames.append(
                ScoredFrame(
                    name=stage.frame.name, model_s=stage.frame.model_ns / 1e9, score=float(stage.scores.max())
                )
            )
            scores.append(stage.scores)
            events.update({event.id: event for event in stage.events})
        results.append(score_sequence(sequence, frames, list(events.values()), cell_size(sequence)))
        maps[sequence.id] = np.stack(scores)
        logger.info("%s: %d of %d, %s: %d events", what, number, len(sequences), sequence.id, len(events))
    return Measured(results, maps, account)


def _ignore(_stage: str, _ns: int) -> None:
    """Latency is not what is measured here."""


def parity(model: Model, a: Measured, b: Measured) -> dict[str, float]:
    """Compare two runs over the same frames, cell by cell, in steps of the scores' scale."""
    unit = step(model.bundle.manifest)
    differences = np.concatenate([np.abs(a.maps[name] - b.maps[name]).ravel() for name in a.maps])
    both = [np.concatenate([run.maps[name].ravel() for name in a.maps]) for run in (a, b)]
    return {
        "frames": float(sum(len(run) for run in a.maps.values())),
        "steps_max": float(differences.max() / unit),
        "steps_mean": float(differences.mean() / unit),
        "step_logits": unit,
        "correlation": float(np.corrcoef(both[0], both[1])[0, 1]),
    }
