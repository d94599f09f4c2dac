"""The result of `python -m training cross-validate`: per fold, pooled, fold 1 apart, and the raw days behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from scoring.day import Day
from scoring.gate import Report, StressReport
from training.gate import file
from training.gate.facts import DataFacts
from training.gate.ledger import Look
from training.gate.look import Alarm, Looked
from training.smoke.data.split import Side

SCHEMA = "firetower.folds/1.0"


class RecipeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was cross-validated.

    Attributes:
        sha256: of `stated`.
        chosen: what was chosen of it, how and on what.
        chosen_on: the side on which it was chosen.
    """

    name: str
    sha256: str
    stated: dict[str, Any]
    trains_on_quiet: bool
    chosen: str
    chosen_on: str


class FoldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fold.

    Attributes:
        kind: `outer`, or `quiet` where a quiet stream is left out.
        left_out, training: the two sides.
        saw_choice: whether the choice of the recipe saw some of what this fold judges on.
        bundle: digest of the fold's own bundle.
        same_bundle_as: an earlier fold with the same training side, whose bundle this is; None: it is its own.
        seconds: of training from nothing: of the last try, and of what that found made by earlier folds or tries.
        tries: 1 where nothing interrupted the training.
        judged_seconds: of judging in this run; recordings of earlier runs are found again.
        used: how many pictures the training was handed out, by use; none is of the left-out side.
        report: of true times; None where there are none.
        stress: of accelerated streams; None where there are none.
    """

    name: str
    kind: str
    left_out: Side
    training: Side
    saw_choice: bool
    bundle: str
    same_bundle_as: str | None
    thresholds: dict[str, dict[str, float]]
    seconds: float
    tries: int
    judged_seconds: float
    used: dict[str, int]
    report: Report | None
    stress: StressReport | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe, one seed, over the outer folds.

    Attributes:
        method: how things were done and counted, by name.
        folds: in order; outer ones first.
        complete: whether all folds were judged, or some by `--fold`.
        pooled: over the days of all outer folds.
        fold_1: of outer fold 1 alone; None where it was not judged.
        others: of the other outer folds; None where none was judged.
        looked, stress_looked: how many false alarms at true times, and of accelerated streams, somebody looked at.
        not_looked: those that nobody did, of both.
        looks: how often these data had been judged in outer folds before this run.
        ledger: all looks before this one, and this one last.
        days: by fold, every raw value that the figures were counted from.
    """

    schema: str
    date: str
    commit: str | None
    machine: dict[str, Any]
    command: str
    seed: int
    by_mast: bool
    method: dict[str, str]
    recipe: RecipeFacts
    data: tuple[DataFacts, ...]
    folds: tuple[FoldRow, ...]
    complete: bool
    pooled: Report | None
    fold_1: Report | None
    others: Report | None
    looked: Looked
    stress_looked: Looked
    not_looked: tuple[Alarm, ...]
    looks: int
    ledger: tuple[Look, ...]
    days: dict[str, tuple[Day, ...]]


def read(path: Path) -> Result:
    """Read and check one file.

    Raises:
        OSError, ValueError: as `file.read`.
    """
    return file.read(path, Result, SCHEMA, "cross-validate")
