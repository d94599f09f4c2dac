"""What `python -m training conditions` does: let the folds' students tell the conditions of what they have not seen."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from training.gate.folds import RecipeFacts
from training.smoke.data.read import read
from training.smoke.detector import balance, held
from training.smoke.detector.balance import Balance, Row
from training.smoke.detector.held import FoldStudent
from training.smoke.fold.plan import plan
from training.smoke.fold.run import facts_of
from training.smoke.lesson import inner
from training.smoke.lesson.asked import student
from training.smoke.lesson.command import words_of
from training.smoke.lesson.example import Example
from training.smoke.lesson.material import Sequenced
from training.smoke.lesson.recipe import METHODS, Opened
from training.smoke.pool.condition import HOW, NAMES
from training.smoke.side import TrainingSide
from training.step.provenance import commit, machine
from training.step.step import write_json
from training.step.workshop import Workshop

SCHEMA = "firetower.conditions/1.0"
SHOWN = ("night", "fog")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe, one seed, over all folds.

    Attributes:
        truth: how it is known, by condition.
        data: digests, by name.
        pooled: by condition and source.
        cameras: by condition, camera and source.
        rows: raw counts, by sequence and condition.
    """

    schema: str
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    seed: int
    method: dict[str, str]
    truth: dict[str, str]
    recipe: RecipeFacts
    data: dict[str, str]
    pooled: Mapping[str, dict[str, Balance]]
    cameras: Mapping[str, dict[str, dict[str, Balance]]]
    rows: tuple[Row, ...]


def handle(options: argparse.Namespace) -> int:
    """Measure the balanced accuracy of conditions, camera groups left out; return the exit code.

    Raises:
        LeakError: a fold's student was made from what the fold leaves out.
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    datasets = [read(folder) for folder in options.data]
    recipe = student(options, datasets)
    folds = plan(datasets, by_mast=False, trains_on_quiet=recipe.trains_on_quiet)
    found = list(held.students(shop, folds, recipe))
    opened = recipe.open(TrainingSide(shop, recipe.ground.parts, {}, shop.work / "conditions"))
    rows = tuple(rows_of(opened, found))
    pooled = balance.pooled(rows, NAMES)
    result = Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        command=" ".join(["python -m training conditions", *words_of(options)]),
        seed=options.seed,
        method=balance.METHOD,
        truth=HOW,
        recipe=facts_of(recipe),
        data={one.folder.resolve().name: one.digest for one in datasets},
        pooled=pooled,
        cameras=balance.by_camera(rows, NAMES),
        rows=rows,
    )
    write_json(options.result, result)
    print(msgspec.json.encode({name: pooled[name] for name in SHOWN}).decode())
    return 0


def rows_of(opened: Opened, found: Sequence[FoldStudent]) -> Iterator[Row]:
    """Count each sequence, real or rendered, as the student of the fold that leaves its group out tells it.

    Args:
        opened: all sequences of all folds.
        found: of `held.students`.
    """
    for each in found:
        for one, example in zip(opened.sequences, opened.examples, strict=True):
            if example.group in each.fold.groups:
                yield from _rows(opened, each, one, example)


def _rows(opened: Opened, each: FoldStudent, one: Sequenced, example: Example) -> Iterator[Row]:
    told = inner.scored_one(opened.side, each.student, one, example).conditions
    assert told is not None
    stood = balance.standing(told, NAMES)
    for index, name in enumerate(NAMES):
        truth = example.conditions[:, index]
        yield Row(
            fold=each.fold.name,
            sequence=example.name,
            camera=one.drawn.truth.camera,
            group=example.group,
            source=one.source,
            weather=one.variant.weather,
            condition=name,
            frame=balance.counts(told[:, index] >= 0.5, truth),  # a logit of 0
            standing=balance.counts(stood[:, index], truth),
        )
