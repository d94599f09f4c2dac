"""Figures of the folds' bundles: of this recipe, these data and all folds, or refused."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.training.gate import arms
from training.gate.folds import Result
from training.smoke.detector import figure
from training.smoke.fold.plan import Fold
from training.step.step import write_json

NAMES = ("1", "2", "3", "4", "5", "road", "site")
RECIPE = SimpleNamespace(
    name="r", stated=lambda: {"name": "r", "settings": {"steps": 400, "seed": 7}, "trials": 12}
)
DATA: Any = [SimpleNamespace(digest="d" * 64, corrected=0)]
OTHER: Any = [SimpleNamespace(digest="e" * 64, corrected=0)]


@pytest.fixture
def folds(monkeypatch) -> list[Fold]:
    """The folds of the made results; what each leaves out is described as there."""
    days = arms.folds([5] * 5)
    assert tuple(days) == NAMES
    held = {name: arms.side(sorted(day.result.id for day in some)) for name, some in days.items()}
    monkeypatch.setattr(figure, "side_of", lambda truths: held[truths[0]])
    return [
        Fold(name, "outer" if name.isdigit() else "quiet", (SimpleNamespace(truth=name),), ())
        for name in NAMES
    ]


def files(folder: Path, *results: Result) -> list[Path]:
    for number, one in enumerate(results):
        write_json(folder / f"{number}.json", one)
    return [folder / f"{number}.json" for number in range(len(results))]


def test_each_seed_is_a_row_with_its_quiet_streams(tmp_path, folds) -> None:
    some = [
        arms.result("r", 0, arms.folds([5] * 5, later=1)),
        arms.result("r", 1, arms.folds([5, 5, 5, 5, None], later=1, openings=2, fast=3)),
    ]
    first, second = figure.of_folds(files(tmp_path, *some), RECIPE, folds, DATA)
    assert (first.seed, second.seed) == (0, 1)
    assert (first.alerts.views.count, first.alerts.views.total) == (5, 5)
    assert second.alerts.views.count == 4
    assert second.quiet_candidates["road"].unit == "watched hours"
    assert second.quiet_candidates["road"].false_alarms == 2
    laid = second.quiet_candidates["site, laid closer"]
    assert (laid.false_alarms, laid.unit) == (3, "watched frames")
    assert first.quiet_alerts["road"].false_alarms == 0


def test_without_files_there_is_no_row(folds) -> None:
    assert figure.of_folds([], RECIPE, folds, DATA) == ()


def test_another_recipe_is_refused(tmp_path, folds) -> None:
    with pytest.raises(ValueError, match=r"another recipe \('other'"):
        figure.of_folds(files(tmp_path, arms.result("other", 0, arms.folds([5] * 5))), RECIPE, folds, DATA)
    longer = arms.result("r", 0, arms.folds([5] * 5), steps=800)
    with pytest.raises(ValueError, match="other settings"):
        figure.of_folds(files(tmp_path, longer), RECIPE, folds, DATA)


def test_other_data_are_refused(tmp_path, folds) -> None:
    paths = files(tmp_path, arms.result("r", 0, arms.folds([5] * 5)))
    with pytest.raises(ValueError, match="other data"):
        figure.of_folds(paths, RECIPE, folds, OTHER)


def test_a_missing_fold_or_another_left_out_side_is_refused(tmp_path, folds, monkeypatch) -> None:
    days = arms.folds([5] * 5)
    days.pop("road")
    with pytest.raises(ValueError, match="lack fold road"):
        figure.of_folds(files(tmp_path, arms.result("r", 0, days)), RECIPE, folds, DATA)
    paths = files(tmp_path, arms.result("r", 0, arms.folds([5] * 5)))
    monkeypatch.setattr(figure, "side_of", lambda _: arms.side(["another"]))
    with pytest.raises(ValueError, match="lack fold 1"):
        figure.of_folds(paths, RECIPE, folds, DATA)


def test_rows_are_plain_for_a_manifest(tmp_path, folds) -> None:
    rows = figure.of_folds(files(tmp_path, arms.result("r", 0, arms.folds([5] * 5))), RECIPE, folds, DATA)
    assert msgspec.to_builtins(rows)[0]["seed"] == 0
