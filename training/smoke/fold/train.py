"""The bundle of a fold: a step; whoever judges it first sees what it was made from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.model.bundle import Bundle
from training.smoke.data.split import Side, side_of
from training.smoke.fold.plan import Fold
from training.smoke.fold.recipe import FoldRecipe
from training.smoke.side import Handed, LeakError, TrainingSide, digest_of, pictures_of, refuse
from training.step.step import Step
from training.step.workshop import Workshop

BUNDLE, TRIES = "bundle", "tries"


@dataclass(frozen=True, slots=True)
class Trained:
    """A fold's bundle.

    Attributes:
        folder: of the bundle.
        digest: of the bundle.
        thresholds: of its manifest, by label.
        seconds: of making it from nothing: of the last try, and of what that found made by earlier folds or tries.
        tries: 1 where nothing interrupted it.
        training: what it could be trained on.
        used: how many pictures were handed out, by use.
        key: of its step; folds with the same training side share it.
    """

    folder: Path
    digest: str
    thresholds: dict[str, dict[str, float]]
    seconds: float
    tries: int
    training: Side
    used: dict[str, int]
    key: str


def choose(shop: Workshop, folds: Sequence[Fold], recipe: FoldRecipe) -> FoldRecipe:
    """Let a recipe choose on the training side of fold 1, and see that it looked at nothing of fold 1's left-out side.

    Raises:
        LeakError: it did.
    """
    side, left_out = first_side(shop, folds)
    chosen = recipe.choose(side)
    refuse(side.handed(), left_out)
    return chosen


def first_side(shop: Workshop, folds: Sequence[Fold]) -> tuple[TrainingSide, dict[str, str]]:
    """Open the side that choices are made on: fold 1's training side.

    Returns:
        The side, and where each picture that fold 1 leaves out lies, by digest.
    """
    first = next(fold for fold in folds if fold.kind == "outer")
    left_out = pictures_of(first.held)
    return TrainingSide(shop, first.training, left_out, shop.work / "choice"), left_out


def train(shop: Workshop, fold: Fold, recipe: FoldRecipe) -> Trained:
    """Make a fold's bundle, or find it made.

    Raises:
        LeakError: it, or something that it was made from, was made from the left-out side.
        ValueError: as the recipe.
        BundleError: a finished bundle is damaged.
    """
    left_out = pictures_of(fold.held)
    inputs = {"recipe": recipe.stated(), "training": digest_of(fold.training)}
    step = shop.step("fold", f"fold-{fold.name}", inputs)

    def make() -> dict[str, object]:
        began, tries = time.monotonic(), _count(step)
        side = TrainingSide(shop, fold.training, left_out, step.folder / BUNDLE)
        folder = recipe.train(side)
        return {
            "bundle": Bundle.open(folder).digest,
            "handed": side.handed(),
            "seconds": round(time.monotonic() - began + side.found_s, 1),
            "tries": tries,
        }

    shop.once(step, make)
    return _found(step, fold, left_out)


def _count(step: Step) -> int:
    """Count the tries of a step in its folder; one that was killed leaves its own behind."""
    path = step.folder / TRIES
    tries = 1 + (int(path.read_text()) if path.exists() else 0)
    path.write_text(str(tries))
    return tries


def _found(step: Step, fold: Fold, left_out: dict[str, str]) -> Trained:
    """Read a finished step, and refuse what must not be judged on this fold, whatever its key says."""
    record = step.read()
    handed = msgspec.convert(record.get("handed"), Handed | None)
    if not handed:
        raise LeakError(
            f"{step.folder}: its record does not say what it was made from; remove it to make it again"
        )
    refuse(handed, left_out)
    bundle = Bundle.open(step.folder / BUNDLE)
    bundle.verify()
    if bundle.digest != record["bundle"]:
        raise ValueError(f"{bundle.folder}: is not the bundle of its record; remove {step.folder}")
    return Trained(
        folder=step.folder / BUNDLE,
        digest=bundle.digest,
        thresholds={
            label: {"open": one.open, "keep": one.keep} for label, one in bundle.manifest.thresholds.items()
        },
        seconds=record["seconds"],
        tries=record["tries"],
        training=side_of([part.truth for part in fold.training]),
        used={use: len(digests) for use, digests in handed.items()},
        key=step.key,
    )
