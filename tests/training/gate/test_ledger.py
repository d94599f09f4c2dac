"""The ledger of looks: appended, never changed, counted by data."""

import argparse
from pathlib import Path

import pytest

from training.gate import ledger
from training.gate.evaluate import _looks
from training.gate.ledger import Look
from training.smoke.data.read import Dataset


def look(seed: int = 0, data: tuple[str, ...] = ("a", "b"), date: str = "2026-01-01") -> Look:
    return Look(
        schema=ledger.SCHEMA, date=date, commit="c", recipe="r", recipe_sha256="d", seed=seed, by_mast=False,
        folds=("1", "2"), data=data, bundles=("x", "y"), figures={"events": {"views_found": [1, 2], "open": 0.5}},
    )  # fmt: skip


def test_lines_are_appended_and_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "results/l.jsonl"
    assert ledger.read(path) == ()
    assert ledger.append(path, look(0)) == ()
    first = path.read_bytes()
    assert ledger.append(path, look(1)) == (look(0),)
    assert path.read_bytes().startswith(first)
    assert ledger.read(path) == (look(0), look(1))


def test_the_same_figures_again_are_no_further_look(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    ledger.append(path, look(0))
    ledger.append(path, look(1))
    assert ledger.append(path, look(0, date="2026-02-02")) == ()
    assert ledger.append(path, look(1, date="2026-02-02")) == (look(0),)
    assert len(path.read_text().splitlines()) == 2


def test_a_last_line_without_its_end_is_kept_apart_from_the_next(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    ledger.append(path, look(0))
    path.write_text(path.read_text().rstrip())
    ledger.append(path, look(1))
    assert ledger.read(path) == (look(0), look(1))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    ledger.append(path, look(0))
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(ValueError, match=r"l\.jsonl, line 2"):
        ledger.append(path, look(1))
    assert path.read_text().endswith("{}\n")


@pytest.mark.parametrize(
    ("told", "data", "counted"), [(None, "a", 2), (None, "b", 1), (None, "z", 0), (7, "a", 7)]
)
def test_evaluate_counts_the_looks_at_its_data(
    tmp_path: Path, told: int | None, data: str, counted: int
) -> None:
    path = tmp_path / "l.jsonl"
    ledger.append(path, look(0))
    ledger.append(path, look(1, ("a",)))
    some = [Dataset(tmp_path, "sequences", data, (), {}, (), 0, frozenset(), burns=False)]
    assert _looks(argparse.Namespace(looks=told, ledger=path), some) == counted
    nowhere = argparse.Namespace(looks=told, ledger=tmp_path / "none")
    assert _looks(nowhere, some) == told
