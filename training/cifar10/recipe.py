"""Recipes: short TOML files that say what is trained, how long, and what is made of it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from training.network.resnet import SHAPES, Stem

Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Above = Annotated[float, msgspec.Meta(gt=0)]
Decay = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_FOLDER = Path(__file__).with_name("recipe")
SHIPPED = ", ".join(sorted(file.stem for file in _FOLDER.glob("*.toml")))


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error with its path."""


class MuonSettings(Record, frozen=True, kw_only=True):
    """How hidden kernels are moved where not by SGD; see training/distill/optimizer.py.

    Attributes:
        learning_rate: its peak.
        weight_decay: decoupled, so the share of a kernel that a step at the peak takes is `learning_rate` times it.
        iterations: of Newton and Schulz, which make the update nearly orthogonal.
    """

    learning_rate: Above = 0.1
    weight_decay: Decay = 0.03
    momentum: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.95
    iterations: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3


class Training(Record, frozen=True, kw_only=True):
    """How one network is trained: SGD with Nesterov momentum in one triangular cycle, hidden kernels perhaps by Muon.

    Attributes:
        batch: images a step, over all processes together.
        learning_rate, momentum, weight_decay: of SGD; the decay of kernels alone, not of batch norm or biases.
        muon: moves the hidden kernels; None leaves them to SGD, as QAT always does.
        warm_up: the share of steps until the peak of the learning rates; then they fall to zero.
        smoothing: of the labels.
        shift_px, cutout_px: augmentation.
        small_px, small_share: the side of images in the first share of the epochs; batches are cheaper so.
        ema_decay: a step; the network that is kept is the exponential average of its parameters.
    """

    epochs: Positive
    batch: Positive = 256
    learning_rate: Above = 0.4
    warm_up: Share = 0.2
    momentum: Share = 0.9
    weight_decay: Decay = 5e-4
    muon: MuonSettings | None = None
    smoothing: Share = 0.1
    shift_px: Annotated[int, msgspec.Meta(ge=0, le=16)] = 4
    cutout_px: Annotated[int, msgspec.Meta(ge=0, le=32)] = 6
    small_px: Annotated[int, msgspec.Meta(ge=8, le=32)] = 24
    small_share: Share = 0.0
    ema_decay: Share = 0.99


class Distillation(Record, frozen=True, kw_only=True):
    """The student's loss; see training/distill/loss.py.

    Attributes:
        target_weight, other_weight: of DKD's two parts (its α and β).
    """

    loss: Literal["kd", "dkd"] = "kd"
    temperature: Above = 4.0
    alpha: Share = 0.7
    target_weight: float = 1.0
    other_weight: float = 8.0


class Teacher(Record, frozen=True, kw_only=True):
    """A network that is trained on labels alone, to teach."""

    network: str
    stem: Stem
    training: Training
    seed: int = 0


class Quantization(Record, frozen=True, kw_only=True):
    """How a pair's networks become INT8, INT4 and INT2.

    Attributes:
        qat_epochs: of training on with fake quantization, the network's own loss kept.
        qat_learning_rate: of INT8, which only has to keep what the network knows.
        low_bit_learning_rate: of weights below 8 bits, which have to move to another grid.
        low_bit_seeds: how many of the seeds also get INT4 and INT2 rows.
    """

    qat_epochs: Positive = 2
    qat_learning_rate: Above = 0.001
    low_bit_learning_rate: Above = 0.01
    low_bit_seeds: Count = 1


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
    teachers: dict[str, Teacher] = {}
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
        recipe = msgspec.toml.decode(path.read_bytes(), type=Recipe)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
    for table, entries in (("teachers", recipe.teachers), ("pairs", recipe.pairs)):
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
    shifts = {entry.training.shift_px for entry in (*recipe.teachers.values(), *recipe.pairs.values())}
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
