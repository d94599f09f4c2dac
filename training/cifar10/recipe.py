"""Recipes: short TOML files that say what is trained, how long, and what is made of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from edge.document import text_of
from training.distill import setting
from training.distill.setting import Count, Distillation, Positive, Record, Share
from training.network.shape import SHAPES, Stem
from training.quantize import setting as quantize

_NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_FOLDER = Path(__file__).with_name("recipe")
SHIPPED = ", ".join(sorted(file.stem for file in _FOLDER.glob("*.toml")))


class Training(setting.Training, frozen=True, kw_only=True):
    """How one network is trained on images of 32 px."""

    shift_px: Annotated[int, msgspec.Meta(ge=0, le=16)] = 4
    cutout_px: Annotated[int, msgspec.Meta(ge=0, le=32)] = 6
    small_px: Annotated[int, msgspec.Meta(ge=8, le=32)] = 24


class Quantization(quantize.Quantization, frozen=True, kw_only=True):
    """How a pair's networks become INT8, INT4 and INT2.

    Attributes:
        low_bit_seeds: how many of the seeds also get INT4 and INT2 rows.
    """

    low_bit_seeds: Count = 1


class Teacher(Record, frozen=True, kw_only=True):
    """A network that is trained on labels alone, to teach."""

    network: str
    stem: Stem
    training: Training
    seed: int = 0


class Pair(Record, frozen=True, kw_only=True):
    """A baseline and a student that differ in the loss alone, for each seed.

    Attributes:
        sibling: a teacher of the same network and stem, on which the pair's choices are made where the pair itself
            trains on the held-out images; else the first student serves.
        aim: the student's accuracy on test, FP32, mean of the seeds, that the report sets beside what is found.
    """

    network: str
    stem: Stem
    training: Training
    seeds: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)] = (0,)
    sibling: str | None = None
    aim: Share | None = None
    quantization: Quantization = Quantization()


class Recipe(Record, frozen=True, kw_only=True):
    """One experiment.

    Attributes:
        validation_images: held out of the 50,000; 0 trains on all.
        limit: images of each split at the most, for a quick trial.
        views: K, the pool of augmented views an image; also of the baseline.
        view_seed: of the pool.
        note: Markdown that the report's page shows, such as what was known before.
        calibration_images: of the training split, for post-training quantization.
        pairs_on_all: whether pairs train on the held-out images too, all choices having been made; teachers never do.
        members: the ensemble that teaches: names of teachers, or `PAIR/SEED` for a pair's baseline.
    """

    name: str
    validation_images: Count = 5000
    limit: Positive | None = None
    views: Positive = 8
    view_seed: int = 0
    pairs_on_all: bool = False
    members: tuple[str, ...]
    teachers: dict[str, Teacher] = msgspec.field(default_factory=dict)
    pairs: dict[str, Pair]
    distillation: Distillation = Distillation()
    calibration_images: Positive = 512
    note: str = ""


def read(name: str) -> Recipe:
    """Read a recipe that ships by its name, or one from a file.

    Raises:
        ValueError: no such recipe, or it is malformed; says where.
    """
    path = _FOLDER / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise ValueError(f"recipe {name!r}: neither a file nor one of {SHIPPED}")
    try:
        recipe = msgspec.toml.decode(text_of(path.read_bytes()), type=Recipe)
    except (msgspec.DecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    _check(recipe, path)
    _check_finite(msgspec.to_builtins(recipe), str(path))
    return recipe


def _check_finite(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_finite(inner, f"{where}: {key}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value}")


def _check(recipe: Recipe, path: Path) -> None:
    """Check what types alone cannot say, before hours are spent.

    Raises:
        ValueError: names the key.
    """
    tables: dict[str, Mapping[str, Teacher | Pair]] = {"teachers": recipe.teachers, "pairs": recipe.pairs}
    for table, entries in tables.items():
        for name, entry in entries.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{path}: {table}.{name}: expected letters, digits and dashes in a name")
            if entry.network not in SHAPES:
                raise ValueError(f"{path}: {table}.{name}.network: expected one of {', '.join(SHAPES)}")
    for name, pair in recipe.pairs.items():
        if len(set(pair.seeds)) != len(pair.seeds):
            raise ValueError(f"{path}: pairs.{name}.seeds: each once, got {list(pair.seeds)}")
        _check_sibling(recipe, name, pair, path)
    names = {
        *recipe.teachers,
        *(f"{name}/{seed}" for name, pair in recipe.pairs.items() for seed in pair.seeds),
    }
    if not recipe.members or set(recipe.members) - names:
        raise ValueError(f"{path}: members: expected some of {', '.join(sorted(names))}")
    shifts = {entry.training.shift_px for entries in tables.values() for entry in entries.values()}
    if len(shifts) > 1:
        raise ValueError(
            f"{path}: shift_px: the pool of views is everyone's, so give all the same, got {sorted(shifts)}"
        )


def _check_sibling(recipe: Recipe, name: str, pair: Pair, path: Path) -> None:
    if pair.sibling is None:
        if recipe.pairs_on_all:
            raise ValueError(
                f"{path}: pairs.{name}.sibling: pairs_on_all needs a teacher of its network and stem there"
            )
        return
    sibling = recipe.teachers.get(pair.sibling)
    if sibling is None or (sibling.network, sibling.stem) != (pair.network, pair.stem):
        raise ValueError(
            f"{path}: pairs.{name}.sibling: expected a teacher of network {pair.network}, stem {pair.stem}"
        )
