"""What a training side may learn from: the pool's sequences that were made of its pictures alone, as examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.smoke.lesson.example import Example, load
from training.smoke.pool import change, map, picture  # noqa: A004 — the pool's own name
from training.smoke.pool.condition import NAMES, Condition
from training.smoke.pool.picture import Drawn
from training.smoke.pool.variant import Variant
from training.smoke.side import TrainingSide, made_of_step
from training.step.step import Step, picture_digest

HIDES = frozenset({"fog", "night", "lit_night", "infrared_night", "headlights", "infrared"})
"""Rendered weather under which nobody knows whether real smoke can still be seen."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How sequences are seen: by which frozen network, against how slow a background.

    Attributes:
        network: whose maps.
        rate: of the background, per scored frame.
        cadences: which k-th frames.
    """

    network: map.Network
    rate: float
    cadences: tuple[int, ...] = (1, 3)


@dataclass(frozen=True, slots=True)
class Sequenced:
    """A drawn variant of the pool.

    Attributes:
        variant: what it is.
        pictures: its step, done.
        drawn: its truth.
    """

    variant: Variant
    pictures: Step
    drawn: Drawn

    @property
    def source(self) -> str:
        """`real`, `planted` or `weather`."""
        return "planted" if self.variant.fire is not None else "real" if self.variant.real else "weather"


def of_side(side: TrainingSide, variants: Sequence[Variant]) -> list[Sequenced]:
    """Return the variants that were made of a side's pictures alone.

    Args:
        side: its pictures are noted as trained on.
        variants: of the whole data, so that each fold finds the same.

    Raises:
        ValueError: one of them is not drawn yet.
    """
    known = {
        picture_digest(path) for sequence in side.sequences for path in side.pictures(sequence, "training")
    }
    steps = {variant.name: _done(picture.step_of(side.shop, variant)) for variant in variants}
    inside = {step.key for step in picture.within(list(steps.values()), known)}
    return [_sequenced(side, one, steps[one.name]) for one in variants if steps[one.name].key in inside]


def _sequenced(side: TrainingSide, variant: Variant, step: Step) -> Sequenced:
    side.take(step, "backgrounds", "conditions")
    if variant.cut is not None:
        side.take(step, "plume textures")
    return Sequenced(variant, step, picture.read(step))


def examples(side: TrainingSide, sequences: Sequence[Sequenced], sight: Sight) -> list[Example]:
    """Open the maps of sequences; they were made by `python -m training pool`.

    Args:
        side: that they may be taken by.
        sequences: of `of_side`.
        sight: how they are seen.

    Raises:
        LeakError: a map was made from a left-out picture, by its network's calibration too.
        ValueError: a map is not made yet, or damaged.
    """
    return [_example(side, one, sight) for one in sequences]


def _example(side: TrainingSide, one: Sequenced, sight: Sight) -> Example:
    name = one.variant.name
    features = side.take(_done(map.step_of(side.shop, one.pictures, name, sight.network)), "features")
    moved = {
        every: side.take(_done(change.step_of(side.shop, name, features, sight.rate, every)), "features")
        for every in sight.cadences
    }
    steps = [features, *moved.values()]
    example = load(
        one.drawn.truth,
        one.source,
        features.folder / map.FEATURES,
        {every: step.folder / change.CHANGES for every, step in moved.items()},
        conditions_of(one.drawn.conditions),
        frozenset[str]().union(*(made_of_step(step) for step in steps)),
        [step.key for step in steps],
    )
    hidden = one.variant.fire is None and one.variant.weather in HIDES
    return example.unsure() if hidden else example


def conditions_of(labels: Sequence[Condition]) -> NDArray[np.float32]:
    """Return (frames, conditions): 1 where one holds, 0 where not, NaN where nobody knows."""
    rows = [
        [np.nan if (one := getattr(label, name)) is None else float(one) for name in NAMES]
        for label in labels
    ]
    return np.array(rows, np.float32).reshape(len(labels), len(NAMES))


def _done(step: Step) -> Step:
    if step.record() is None:
        raise ValueError(
            f"{step.name}: is not made yet; run `python -m training pool` with the same data and --work"
        )
    return step
