"""The student of each fold, and what it makes of what the fold leaves out: this sets the point of a bundle of all."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.smoke.fold.plan import Fold
from training.smoke.lesson import inner
from training.smoke.lesson.point import Point, Scored
from training.smoke.lesson.recipe import Labels, Opened
from training.smoke.side import TrainingSide, pictures_of
from training.step.step import Step
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoldStudent:
    """One fold and its student.

    Attributes:
        fold: what is left out.
        student: its step, made of the fold's training side alone.
    """

    fold: Fold
    student: Step


@dataclass(frozen=True, slots=True)
class FoldPoint:
    """One fold, its student and its operating point.

    Attributes:
        fold: what is left out.
        student: its step, made of the fold's training side alone.
        point: of the inner folds of that side.
    """

    fold: Fold
    student: Step
    point: Point


def students(shop: Workshop, folds: Sequence[Fold], recipe: Labels) -> Iterator[FoldStudent]:
    """Train the student of each fold as `cross-validate` does, or find it trained.

    Args:
        shop: where the steps go; that of a cross-validation, so that its students are found.
        folds: outer ones and left-out quiet streams.
        recipe: one seed.

    Raises:
        LeakError: a student, or what it learned from, was made from what its fold leaves out.
        ValueError: as `Labels.open` and `Labels.student`.
    """
    for fold, opened in _opened(shop, folds, recipe):
        yield FoldStudent(fold, _student(opened, recipe))


def points(shop: Workshop, folds: Sequence[Fold], recipe: Labels) -> Iterator[FoldPoint]:
    """Train the student of each fold and choose its point as `cross-validate` does; what is trained is found.

    Args, errors: as `students`.
    """
    for fold, opened in _opened(shop, folds, recipe):
        yield FoldPoint(fold, _student(opened, recipe), recipe.inner_point(opened))


def _opened(shop: Workshop, folds: Sequence[Fold], recipe: Labels) -> Iterator[tuple[Fold, Opened]]:
    for number, fold in enumerate(folds, 1):
        logger.info("fold %s (%d of %d): without %s", fold.name, number, len(folds), ", ".join(fold.groups))
        side = TrainingSide(shop, fold.training, pictures_of(fold.held), shop.work / "held")
        yield fold, recipe.open(side)


def _student(opened: Opened, recipe: Labels) -> Step:
    return opened.side.take(recipe.student(opened), "thresholds")


def scored(opened: Opened, found: Sequence[FoldStudent]) -> list[Scored]:
    """Score each real sequence by the student of the fold that leaves it out; maps are cached.

    Args:
        opened: all sequences of all folds.
        found: of `students`.
    """
    return [
        one
        for each in found
        for one in inner.scored(
            opened.side, each.student, opened.sequences, opened.examples, each.fold.groups
        )
    ]
