"""What `python -m training cadences` does: let the folds' students watch more and less often."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from training.gate import file
from training.gate.arm import without_seed
from training.gate.folds import RecipeFacts
from training.smoke.data.read import Dataset, read
from training.smoke.detector import clip, delay, held, rendered, span
from training.smoke.detector.clip import Clip
from training.smoke.detector.delay import CadenceFigures, Row
from training.smoke.detector.held import FoldPoint
from training.smoke.detector.span import DEFAULT_S, Span
from training.smoke.fold.plan import plan
from training.smoke.fold.run import facts_of
from training.smoke.lesson.asked import student
from training.smoke.lesson.command import words_of
from training.smoke.lesson.point import Point
from training.smoke.lesson.recipe import METHODS, Labels
from training.smoke.side import TrainingSide
from training.step.provenance import commit, machine
from training.step.step import write_json
from training.step.workshop import Workshop

SCHEMA = "firetower.cadences/1.0"
CADENCES_S = {"real": (60.0, 120.0, 180.0, 300.0), "rendered": (rendered.CADENCE_S, DEFAULT_S)}

logger = logging.getLogger(__name__)


class PointRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fold and the point at which its student decides."""

    fold: str
    student: str
    point: Point


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe, one seed, over all folds.

    Attributes:
        method: how it is measured, by name.
        data: digests, by name.
        trained_every: k of the k-th frames that students are trained on.
        points: of the folds.
        span: the cadences that a bundle of the recipe may be run at.
        figures: by leg and cadence.
        rows: raw, by sequence, cadence and first frame.
    """

    schema: str
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    seed: int
    method: dict[str, str]
    recipe: RecipeFacts
    data: dict[str, str]
    trained_every: tuple[int, ...]
    points: tuple[PointRow, ...]
    span: Span
    figures: tuple[CadenceFigures, ...]
    rows: tuple[Row, ...]


def handle(options: argparse.Namespace) -> int:
    """Measure the capped delay at each cadence, camera groups left out; return the exit code.

    Raises:
        LeakError: a fold's student was made from what the fold leaves out.
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    shop = Workshop(options.work, METHODS | clip.METHODS | rendered.METHODS)
    if not shop.leave():
        return 0
    datasets = [read(folder) for folder in options.data]
    recipe = student(options, datasets)
    folds = plan(datasets, by_mast=False, trains_on_quiet=recipe.trains_on_quiet)
    found = list(held.points(shop, folds, recipe))
    opened = recipe.open(TrainingSide(shop, recipe.ground.parts, {}, shop.work / "cadences"))
    planted = [one.variant for one in opened.sequences if one.source == "planted"]
    fires = rendered.clips(shop, rendered.chosen(planted, options.fires), opened.network)
    rows = tuple(row for clips in (clip.real_clips(opened), fires) for row in rows_of(shop, found, clips))
    figures = delay.figures(rows, options.seed)
    result = Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        command=" ".join(["python -m training cadences", *words_of(options), f"--fires {options.fires}"]),
        seed=options.seed,
        method=delay.METHOD,
        recipe=facts_of(recipe),
        data={one.folder.resolve().name: one.digest for one in datasets},
        trained_every=tuple(every for every, _ in recipe.setting.cadences),
        points=tuple(PointRow(fold=one.fold.name, student=one.student.key, point=one.point) for one in found),
        span=span.span_of(within(figures)),
        figures=figures,
        rows=rows,
    )
    write_json(options.result, result)
    print(msgspec.json.encode(result.span).decode())
    return 0


def rows_of(shop: Workshop, found: Sequence[FoldPoint], clips: Iterable[Clip]) -> Iterator[Row]:
    """Judge each clip at each cadence that its frames have, from each first frame, in the fold that leaves it out.

    Args:
        shop: where maps go.
        found: of `held.points`.
        clips: of any leg.
    """
    for one in clips:
        for each in found:
            if one.part.truth.group in each.fold.groups:
                logger.info("fold %s: %s", each.fold.name, one.part.truth.id)
                for cadence_s in CADENCES_S[one.leg]:
                    every = one.every(cadence_s)
                    for offset in range(min(every or 0, len(one.features))):
                        yield _row(shop, each, one, cadence_s, every or 1, offset)


def _row(shop: Workshop, each: FoldPoint, one: Clip, cadence_s: float, every: int, offset: int) -> Row:
    scored = clip.scored(shop, each.student, one, every, offset)
    day = clip.day(one, scored, each.point, cadence_s)
    return Row(
        fold=each.fold.name,
        sequence=one.part.truth.id,
        group=one.part.truth.group,
        leg=one.leg,
        cadence_s=cadence_s,
        every=every,
        offset=offset,
        frames=len(scored.maps),
        quiet=day.quiet,
        watched_h=day.quiet_h,
        candidates=delay.told(day, alerts=False),
        alerts=delay.told(day, alerts=True),
    )


def within(figures: Sequence[CadenceFigures]) -> dict[float, bool]:
    """Return whether each cadence is within, by its seconds; the rendered one at 60 s judges nothing."""
    return {one.cadence_s: one.within for one in figures if one.leg == "real" or one.cadence_s != DEFAULT_S}


def load(path: Path, recipe: Labels, datasets: Sequence[Dataset]) -> Result:
    """Read a result and see that it is of a recipe and data, whatever its seed.

    Args:
        path: of the file.
        recipe: of the bundle.
        datasets: all of them.

    Raises:
        OSError, ValueError: as `training.gate.file.read`; another recipe, other data.
    """
    found = file.read(path, Result, SCHEMA, "cadences")
    stated = without_seed(msgspec.json.decode(msgspec.json.encode(recipe.stated())))
    if without_seed(found.recipe.stated) != stated:
        raise ValueError(
            f"--cadences {path}: of another recipe ('{found.recipe.name}', not '{recipe.name}') or of other settings"
        )
    if sorted(found.data.values()) != sorted(one.digest for one in datasets):
        raise ValueError(f"--cadences {path}: of other data; name the same --data as `cadences` had")
    return found
