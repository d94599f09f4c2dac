"""Inner folds of a training side: what students make of real sequences whose groups they have not seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.gate.stream import Part
from training.smoke.data.split import folds
from training.smoke.lesson.example import Example
from training.smoke.lesson.material import Sequenced
from training.smoke.lesson.point import Scored
from training.smoke.lesson.train import alone
from training.smoke.lesson.trained import load_quantized
from training.smoke.pool import picture
from training.smoke.side import MADE_OF, TrainingSide, made_of_step
from training.smoke.student.score import score
from training.step.step import Step, digests, write_whole

HALVES = 2
MAPS = "maps.npz"


@dataclass(frozen=True, slots=True)
class Half:
    """One inner fold.

    Attributes:
        name: of it.
        groups: that are trained on.
        held: that are not.
    """

    name: str
    groups: frozenset[str]
    held: frozenset[str]


def halves(sequences: Sequence[Sequenced]) -> list[Half]:
    """Deal the groups of a side into inner folds: those that burn and those that do not each evenly."""
    burning = sorted({one.drawn.truth.group for one in sequences if one.variant.real and _burns(one)})
    quiet = sorted({one.drawn.truth.group for one in sequences} - set(burning))
    every = frozenset(burning) | frozenset(quiet)
    dealt = zip(folds(burning, HALVES), (folds(quiet, HALVES) + [[]] * HALVES)[:HALVES], strict=True)
    return [
        Half("AB"[number], every - held, held)
        for number, parts in enumerate(dealt)
        for held in [frozenset(parts[0]) | frozenset(parts[1])]
    ]


def _burns(one: Sequenced) -> bool:
    return any(frame.boxes for frame in one.drawn.truth.frames)


def scored(
    side: TrainingSide,
    student: Step,
    sequences: Sequence[Sequenced],
    examples: Sequence[Example],
    held: Collection[str],
) -> list[Scored]:
    """Score the real sequences of groups that a student has not seen; maps are cached.

    Args:
        side: whose pictures they are.
        student: of `trained`, on other groups alone.
        sequences: of the side.
        examples: of the same sequences, in the student's own features.
        held: the groups.
    """
    pairs = zip(sequences, examples, strict=True)
    real = [(one, example) for one, example in pairs if one.variant.real and example.group in held]
    return [scored_one(side, student, one, example) for one, example in real]


def scored_one(side: TrainingSide, student: Step, one: Sequenced, example: Example) -> Scored:
    """Score one sequence, real or rendered; the maps are cached.

    Args:
        side: whose picture it is.
        student: as `scored`.
        one: of the side.
        example: of the same sequence.
    """
    inputs = {"student": student.key, "features": example.sha256}
    step = side.shop.step("lesson-maps", f"maps-{example.name}", inputs)

    def make() -> dict[str, Any]:
        with alone():
            found = score(load_quantized(student), example.features, example.changes[1], example.inside)
        arrays = {"maps": found.maps(), "conditions": 1 / (1 + np.exp(-found.scene))}
        write_whole(step.folder / MAPS, lambda path: _save(path, arrays))
        return {
            "files": digests(step.folder, MAPS),
            MADE_OF: sorted(made_of_step(student) | example.made_of),
        }

    side.take(side.shop.once(step, make), "thresholds")
    with np.load(step.file(MAPS)) as stored:
        maps, conditions = stored["maps"], stored["conditions"].astype(np.float32)
    part = Part(one.drawn.truth, picture.paths(one.pictures, one.variant))
    return Scored(part, maps, conditions if conditions.shape[1] else None)


def _save(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays under a name that numpy would change."""
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)
