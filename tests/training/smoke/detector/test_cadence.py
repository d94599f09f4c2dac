"""The command over all folds: each sequence by a student that has not seen it, from each first frame, to a span."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from edge.model.manifest import Cadence
from tests.training.smoke.detector import made
from tests.training.smoke.detector.test_main import options
from training.smoke.detector import bundle, cadence, rendered
from training.smoke.detector.cadence import Result
from training.smoke.detector.span import Span
from training.smoke.lesson import recipe
from training.smoke.lesson.recipe import Labels
from training.smoke.pool import picture

DATA: Any = SimpleNamespace(folder=None, digest="d" * 64, sequences=(1,), corrected=0)
OTHER: Any = SimpleNamespace(digest="e" * 64)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Real trainings on made maps; nothing is read or drawn, and the point stands still."""
    built: Any = made.build(tmp_path, monkeypatch)
    DATA.folder = tmp_path / "fires"
    built.recipe = made.recipe()
    built.recipe.ground = recipe.Ground(tuple(part for fold in built.folds for part in fold.held), ())
    monkeypatch.setattr(cadence, "read", lambda _: DATA)
    monkeypatch.setattr(cadence, "plan", lambda *_, **__: built.folds)
    monkeypatch.setattr(cadence, "student", lambda *_: built.recipe)
    monkeypatch.setattr(Labels, "inner_point", lambda *_: made.CHOSEN)
    paths = {one.variant.name: one.paths for one in built.sequences}
    monkeypatch.setattr(picture, "paths", lambda _, variant: paths[variant.name])
    monkeypatch.setattr(rendered, "clips", lambda *_: iter(()))
    return built


@pytest.fixture
def result(built, tmp_path, capsys) -> Result:
    assert cadence.handle(options("cadences", tmp_path)) == 0
    found = msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=Result)
    assert json.loads(capsys.readouterr().out) == msgspec.to_builtins(found.span)
    return found


def test_each_sequence_is_judged_from_each_first_frame_in_the_fold_that_leaves_it_out(
    result, tmp_path
) -> None:
    assert [(row.fold, row.sequence) for row in result.rows[::11]] == [
        ("1", "bright"), ("2", "dull"), ("road", "road"),
    ]  # fmt: skip
    of = [(row.cadence_s, row.every, row.offset) for row in result.rows if row.fold == "1"]
    assert of == [(60.0 * k, k, offset) for k in (1, 2, 3, 5) for offset in range(k)]
    assert [row.quiet for row in result.rows] == [False] * 22 + [True] * 11
    assert [one.fold for one in result.points] == ["1", "2", "road"]
    assert {one.cadence_s for one in result.figures} == {60, 120, 180, 300}
    assert result.figures[0].candidates.views == 2
    assert result.command.startswith("python -m training cadences --data fires --seed 2")
    assert result.command.endswith("--fires 20")
    assert result.trained_every == (1, 3)
    assert str(tmp_path) not in (tmp_path / "r.json").read_text()


def test_a_result_of_another_recipe_or_other_data_is_refused(result, built, tmp_path) -> None:
    path = tmp_path / "r.json"
    assert cadence.load(path, built.recipe, [DATA]) == result
    with pytest.raises(ValueError, match="of another recipe"):
        cadence.load(path, _with(built.recipe, steps=5), [DATA])
    assert cadence.load(path, _with(built.recipe, seed=7), [DATA]) == result
    with pytest.raises(ValueError, match="of other data"):
        cadence.load(path, built.recipe, [OTHER])
    path.write_text('{"schema": "firetower.conditions/1.0"}')
    with pytest.raises(ValueError, match="schema"):
        cadence.load(path, built.recipe, [DATA])


def test_the_manifest_states_the_span_the_gap_and_what_each_cadence_costs(result, built) -> None:
    exported = SimpleNamespace(calibration_sha256="c" * 64)
    wide = msgspec.structs.replace(result, span=Span(min_s=60, max_s=300))
    whole = bundle.Made(
        built.recipe, built.opened(built.side()), made.CHOSEN, exported, [DATA], (), cadences=wide
    )
    manifest = bundle.manifest_of(whole)
    assert manifest.cadence == Cadence(min_s=54, default_s=60, max_s=330)
    assert manifest.state_gap_s == 990
    told = manifest.metrics["cadences"]
    assert [one["cadence_s"] for one in told] == [60, 120, 180, 300]
    assert told[0] == {
        "cadence_s": 60, "leg": "real", "views": 2, "candidates_above_min": 0.0, "alerts_above_min": 0.0,
        "within": True,
    }  # fmt: skip
    text = " ".join(bundle.card_of(whole, manifest).split())
    assert "| 60 | real | 2 | 0.0 | 0.0 |" in text
    assert "one frame in 54 to 330 s" in text


def _with(known: Labels, **changes) -> Labels:
    return Labels(known.ground, replace(known.setting, **changes))
