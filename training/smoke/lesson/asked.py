"""The student that a command line asks for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from training.distill.setting import Distillation
from training.gate.stream import parts_of
from training.smoke import prune
from training.smoke.data.read import Dataset
from training.smoke.lesson.recipe import METHOD, Distilled, Ground, Labels
from training.smoke.lesson.setting import Setting
from training.smoke.pool.frozen import NAMES, Name


def student(options: argparse.Namespace, datasets: Sequence[Dataset]) -> Labels:
    """Return the recipe of a student.

    Args:
        options: of `lesson.command.add_student`, and a seed.
        datasets: as they were read.

    Raises:
        ValueError: an argument is missing, unknown, or not of this student.
    """
    of_teacher = given(temperature=options.temperature, alpha=options.alpha)
    if of_teacher and options.recipe != "distilled":
        raise ValueError("--temperature, --alpha: a teacher's; give --recipe distilled")
    if not options.stills:
        raise ValueError("--stills: name the folders that the pool was made with as --calibration")
    stills = tuple(path for folder in options.stills for path in prune.pictures_in(folder))
    ground = Ground(tuple(parts_of(datasets)), stills, _backbone(options.backbone))
    plain = asdict(Setting(steps=options.steps, seed=options.seed))
    setting = msgspec.convert(plain | of_student(options), Setting)
    if options.recipe == "labels":
        return Labels(ground, setting)
    return Distilled(ground, setting, msgspec.convert(msgspec.to_builtins(METHOD) | of_teacher, Distillation))


def of_student(options: argparse.Namespace) -> dict[str, float]:
    """Return what is asked of a student's own setting, by its names."""
    return given(learning_rate=options.learning_rate, weight_decay=options.weight_decay, batch=options.batch)


def given(**values: float | None) -> dict[str, float]:
    """Return what is not left out."""
    return {name: value for name, value in values.items() if value is not None}


def _backbone(name: str) -> Name:
    if name not in NAMES:
        raise ValueError(f"--backbone {name}: expected one of {', '.join(NAMES)}")
    return name
