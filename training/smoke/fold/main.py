"""What `python -m training cross-validate` does: read, run, write, print."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge.model.manifest import MANIFEST_NAME
from training.gate.folds import Result
from training.smoke.data.read import Dataset, read
from training.smoke.fold.command import RECIPES
from training.smoke.fold.recipe import FoldRecipe, Shipped
from training.smoke.fold.run import How, run
from training.smoke.fold.train import Trained
from training.smoke.lesson.asked import given, of_student, student
from training.smoke.lesson.command import words_of
from training.smoke.lesson.recipe import METHODS
from training.smoke.recipe import Recipe
from training.step.step import write_json
from training.step.workshop import Workshop


def handle(options: argparse.Namespace, recipe: FoldRecipe | None = None) -> int:
    """Cross-validate a recipe; return the exit code.

    Args:
        options: of the command line.
        recipe: the one that ships if None.

    Raises:
        LeakError: a bundle has seen what it would be judged on.
        ValueError, OSError: the data or the arguments are unfit; one line each.
    """
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    datasets = [read(folder) for folder in options.data]
    chosen = recipe or _recipe(options, datasets)
    how = How(
        command=_command(options),
        work=options.work,
        seed=options.seed,
        only=tuple(options.fold),
        by_mast=options.by_mast,
        processes=options.processes,
        ledger=options.ledger,
    )
    if options.bundle_out is not None:
        _see_free(options.bundle_out)
    result, made = run(shop, datasets, chosen, how)
    write_json(options.result, result)
    if options.bundle_out is not None:
        _copy(options.bundle_out, result, made)
    shown = {"pooled": result.pooled, "fold_1": result.fold_1, "looks": result.looks}
    print(msgspec.json.encode(shown).decode())
    return 0


def _recipe(options: argparse.Namespace, datasets: Sequence[Dataset]) -> FoldRecipe:
    """Return the recipe that is asked for.

    Raises:
        ValueError: a student's arguments are missing, unknown, or not its own.
    """
    if options.recipe != RECIPES[0]:
        return student(options, datasets)
    if given(temperature=options.temperature, alpha=options.alpha):
        raise ValueError("--temperature, --alpha: a teacher's; give --recipe distilled")
    if of_student(options) or options.stills:
        raise ValueError("--stills, --learning-rate, --weight-decay, --batch: a student's; give --recipe")
    return Shipped(Recipe(steps=options.steps, seed=options.seed))


def _see_free(folder: Path) -> None:
    for path in folder.glob("fold-*"):
        if not (path / MANIFEST_NAME).is_file():
            raise ValueError(
                f"{path}: is no bundle, and would be replaced; name another folder with --bundle-out"
            )


def _copy(folder: Path, result: Result, made: Sequence[Trained]) -> None:
    for row, trained in zip(result.folds, made, strict=True):
        target = folder / f"fold-{row.name}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(trained.folder, target)


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training cross-validate", *words_of(options, student=options.recipe != RECIPES[0])]
    words += ["--by-mast"] if options.by_mast else []
    return " ".join([*words, *(f"--fold {name}" for name in options.fold)])
