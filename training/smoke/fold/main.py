"""What `python -m training cross-validate` does: read, run, write, print."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from edge.model.manifest import MANIFEST_NAME
from training.distill.setting import Distillation
from training.gate.folds import Result
from training.gate.stream import parts_of
from training.smoke import prune
from training.smoke.data.read import Dataset, read
from training.smoke.fold.command import RECIPES
from training.smoke.fold.recipe import FoldRecipe, Shipped
from training.smoke.fold.run import How, run
from training.smoke.fold.train import Trained
from training.smoke.lesson.recipe import METHOD, METHODS, Distilled, Ground, Labels
from training.smoke.lesson.setting import Setting
from training.smoke.pool.frozen import NAMES, Name
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
    of_teacher = _given(temperature=options.temperature, alpha=options.alpha)
    of_student = _given(learning_rate=options.learning_rate, weight_decay=options.weight_decay)
    if of_teacher and options.recipe != "distilled":
        raise ValueError("--temperature, --alpha: a teacher's; give --recipe distilled")
    if options.recipe == "shipped":
        if of_student or options.stills:
            raise ValueError("--stills, --learning-rate, --weight-decay: a student's; give --recipe")
        return Shipped(Recipe(steps=options.steps, seed=options.seed))
    if not options.stills:
        raise ValueError("--stills: name the folders that the pool was made with as --calibration")
    stills = tuple(path for folder in options.stills for path in prune.pictures_in(folder))
    ground = Ground(tuple(parts_of(datasets)), stills, _backbone(options.backbone))
    plain = asdict(Setting(steps=options.steps, seed=options.seed))
    setting = msgspec.convert(plain | of_student, Setting)
    if options.recipe == "labels":
        return Labels(ground, setting)
    return Distilled(ground, setting, msgspec.convert(msgspec.to_builtins(METHOD) | of_teacher, Distillation))


def _backbone(name: str) -> Name:
    if name not in NAMES:
        raise ValueError(f"--backbone {name}: expected one of {', '.join(NAMES)}")
    return name


def _given(**values: float | None) -> dict[str, float]:
    """Return what is not left out."""
    return {name: value for name, value in values.items() if value is not None}


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
    words = ["python -m training cross-validate", *(f"--data {folder.name}" for folder in options.data)]
    words += [f"--seed {options.seed}", f"--steps {options.steps}"]
    if options.recipe != RECIPES[0]:
        words += [f"--recipe {options.recipe}", *(f"--stills {folder.name}" for folder in options.stills)]
        words.append(f"--backbone {options.backbone}")
    for name in ("temperature", "alpha", "learning_rate", "weight_decay"):
        if (value := getattr(options, name)) is not None:
            words.append(f"--{name.replace('_', '-')} {value}")
    words += ["--by-mast"] if options.by_mast else []
    return " ".join([*words, *(f"--fold {name}" for name in options.fold)])
