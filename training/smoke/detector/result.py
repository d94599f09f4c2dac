"""The result of `python -m training detector`: what was trained, the point with its figures, the bundle."""

from __future__ import annotations

from typing import Any

import msgspec

from training.gate.folds import RecipeFacts
from training.smoke.data.split import Side
from training.smoke.detector.bundle import Source
from training.smoke.detector.figure import SeedRow
from training.smoke.detector.term import DataTerms
from training.smoke.lesson.point import Point

SCHEMA = "firetower.detector/1.0"


class HeldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fold whose student set the point.

    Attributes:
        name: of the fold.
        left_out: what it had not seen and scored.
        student: key of its step.
    """

    name: str
    left_out: Side
    student: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle.

    Attributes:
        command: without the folders of the machine.
        data: with their terms.
        trained: by source.
        groups: that were trained on, all of them.
        folds: whose students set the point.
        method: of the point.
        point: with its figures on the held-out folds.
        bundles_of_folds: what the folds' own bundles did; empty where nobody gave a result.
        bundle: its digest.
        bytes: of its model files.
        float_max, int8_mean: logits; the float file from torch at most, the INT8 file from the maps on average.
    """

    schema: str
    date: str
    commit: str | None
    machine: dict[str, Any]
    packages: dict[str, str]
    command: str
    seed: int
    recipe: RecipeFacts
    data: tuple[DataTerms, ...]
    trained: dict[str, Source]
    groups: tuple[str, ...]
    folds: tuple[HeldRow, ...]
    method: str
    point: Point
    bundles_of_folds: tuple[SeedRow, ...]
    bundle: str
    bytes: dict[str, int]
    float_max: float | None
    int8_mean: float | None
