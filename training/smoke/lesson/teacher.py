"""A teacher: the mean of unlike heads with views of their own; its cells are cached per sequence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.smoke.lesson.example import Example
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.train import alone
from training.smoke.lesson.trained import load_float, trained
from training.smoke.pool.frozen import Name
from training.smoke.side import MADE_OF, made_of_step
from training.smoke.student.score import score
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Kind:
    """One head of a teacher.

    Attributes:
        network: name of the frozen backbone whose maps it reads.
        rate: of the background that it sees changes against, per scored frame.
        setting: how it is trained; nothing of it is quantized.
    """

    network: Name
    rate: float
    setting: Setting


KINDS = (
    Kind("lite0", 1 / 15, Setting(quantized_share=0.0, width=128, seed=101)),
    Kind("lite0", 1 / 15, Setting(quantized_share=0.0, projected=96, depth=3, kernel=7, seed=102)),
)
"""Both see the whole backbone: on inner folds a head on Lite1 was worse, and so was the mean with it."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A trained head of a teacher and what it sees.

    Attributes:
        step: that trained it.
        views: its examples of all sequences that a student will learn from, by name.
    """

    step: Step
    views: Mapping[str, Example]


def train_kinds(
    shop: Workshop,
    name: str,
    kinds: Sequence[Kind],
    views: Sequence[Sequence[Example]],
    groups: frozenset[str],
) -> list[Taught]:
    """Train each kind on its own views of the same sequences.

    Args:
        shop: where the steps go.
        name: of what it is trained on, for people.
        kinds: unlike heads.
        views: of all sequences, for each kind.
        groups: whose sequences are trained on.

    Raises:
        ValueError: as `trained`.
    """
    made = []
    for kind, seen in zip(kinds, views, strict=True):
        some = [example for example in seen if example.group in groups]
        step = trained(shop, f"teacher-{kind.network}-{name}", some, kind.setting)
        made.append(Taught(step, {example.name: example for example in seen}))
    return made


def teach(shop: Workshop, teachers: Sequence[Taught], examples: Sequence[Example]) -> list[Example]:
    """Give every example the mean of the teachers' logits of its cells; what is cached is found.

    Args:
        shop: where the steps go.
        teachers: each with a view of every example.
        examples: of the student.
    """
    return [_taught(shop, teachers, example) for example in examples]


def _taught(shop: Workshop, teachers: Sequence[Taught], example: Example) -> Example:
    views = [teacher.views[example.name] for teacher in teachers]
    cadences = sorted(example.changes)
    inputs: dict[str, Any] = {
        "teachers": [teacher.step.key for teacher in teachers],
        "views": [view.sha256 for view in views],
        "cadences": cadences,
    }
    step = shop.step("lesson-soft", f"soft-{example.name}", inputs)

    def make() -> dict[str, Any]:
        for every in cadences:
            cells = _mean(teachers, views, every)
            write_whole(step.folder / _file(every), partial(_save, cells=cells))
        made_of = [made_of_step(teacher.step) for teacher in teachers] + [view.made_of for view in views]
        return {
            "files": digests(step.folder, *map(_file, cadences)),
            MADE_OF: sorted(frozenset[str]().union(*made_of)),
        }

    shop.once(step, make)
    return replace(
        example,
        soft={every: np.load(step.file(_file(every)), mmap_mode="r") for every in cadences},
        sha256=hashlib.sha256(f"{example.sha256} {step.key}".encode()).hexdigest(),
        made_of=example.made_of | made_of_step(step),
    )


def _mean(teachers: Sequence[Taught], views: Sequence[Example], every: int) -> NDArray[np.float16]:
    """Return (frames, rows, cols), the mean of the heads' logits of each frame alone."""
    with alone():
        each = [
            score(load_float(teacher.step), view.features[::every], view.changes[every], view.inside).cells
            for teacher, view in zip(teachers, views, strict=True)
        ]
    return np.asarray(np.mean(each, axis=0), np.float16)


def _save(path: Path, cells: NDArray[np.float16]) -> None:
    """Write an array under a name that numpy would change."""
    with path.open("wb") as file:
        np.save(file, cells)


def _file(every: int) -> str:
    return f"soft-{every}.npy"
