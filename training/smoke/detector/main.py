"""What `python -m training detector` does: read, train on folds and on all, choose, export, write."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
from collections.abc import Sequence
from importlib.metadata import version

import msgspec

from edge.model.manifest import MANIFEST_NAME
from training.smoke.bundle import PACKAGES
from training.smoke.data.read import Dataset, read
from training.smoke.data.split import side_of
from training.smoke.detector import bundle, cadence, figure, held, term
from training.smoke.detector.cadence import Result as Cadences
from training.smoke.detector.figure import SeedRow
from training.smoke.detector.result import SCHEMA, HeldRow, Result
from training.smoke.fold.plan import Fold, plan
from training.smoke.fold.run import facts_of
from training.smoke.lesson import point
from training.smoke.lesson.asked import student
from training.smoke.lesson.command import words_of
from training.smoke.lesson.recipe import METHODS, Labels, blank
from training.smoke.side import TrainingSide
from training.step.provenance import commit, machine
from training.step.step import write_json
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)


def handle(options: argparse.Namespace) -> int:
    """Make the bundle that ships; return the exit code.

    Raises:
        LeakError: a fold's student was made from what the fold leaves out.
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    if options.out.exists() and not (options.out / MANIFEST_NAME).is_file():
        raise ValueError(
            f"--out {options.out}: exists and is no bundle; it would be replaced, so name another folder"
        )
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    datasets = [read(folder) for folder in options.data]
    recipe = student(options, datasets)
    folds = plan(datasets, by_mast=False, trains_on_quiet=recipe.trains_on_quiet)
    rows = figure.of_folds(options.folds, recipe, folds, datasets)
    cadences = None if options.cadences is None else cadence.load(options.cadences, recipe, datasets)
    result = _make(shop, options, recipe, folds, datasets, rows, cadences)
    write_json(options.result, result)
    shown = {
        "bundle": str(options.out),
        "sha256": result.bundle,
        "threshold": result.point.threshold,
        "within": result.point.within,
        "candidates": result.point.candidates,
        "alerts": result.point.alerts,
    }
    print(msgspec.json.encode(shown).decode())
    return 0


def _make(
    shop: Workshop,
    options: argparse.Namespace,
    recipe: Labels,
    folds: Sequence[Fold],
    datasets: Sequence[Dataset],
    rows: tuple[SeedRow, ...],
    cadences: Cadences | None,
) -> Result:
    found = list(held.students(shop, folds, recipe))
    opened = recipe.open(TrainingSide(shop, recipe.ground.parts, {}, options.out))
    chosen = point.choose(held.scored(opened, found), blank())
    logger.info("threshold %s, within the limits: %s", chosen.threshold, chosen.within)
    made = bundle.Made(recipe, opened, chosen, recipe.exported(opened), datasets, rows, cadences)
    written = bundle.write_with_card(options.out, made)
    return Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=machine(),
        packages={name: version(name) for name in PACKAGES},
        command=_command(options),
        seed=options.seed,
        recipe=facts_of(recipe),
        data=term.of_data(datasets),
        trained=bundle.sources_of(opened),
        groups=tuple(sorted({example.group for example in opened.examples})),
        folds=tuple(
            HeldRow(
                name=one.fold.name,
                left_out=side_of([part.truth for part in one.fold.held]),
                student=one.student.key,
            )
            for one in found
        ),
        method=figure.METHOD,
        point=chosen,
        bundles_of_folds=rows,
        bundle=written.digest,
        bytes={
            "int8_tflite": len(made.exported.int8_tflite),
            "uint8_onnx": len(made.exported.uint8_onnx),
            "float_tflite": len(made.exported.float_tflite),
        },
        float_max=made.exported.float_max,
        int8_mean=made.exported.int8_mean,
    )


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training detector", *words_of(options)]
    words += [f"--folds {path.name}" for path in options.folds]
    return " ".join(words if options.cadences is None else [*words, f"--cadences {options.cadences.name}"])
