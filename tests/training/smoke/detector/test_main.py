"""The command from arguments to result: folds first, then all, and a bundle that is not overwritten by mistake."""

import argparse
import json
from types import SimpleNamespace

import msgspec
import pytest

from tests.training.smoke.detector import made
from training.smoke.detector import bundle, cadence, condition, main
from training.smoke.detector.command import register
from training.smoke.detector.result import SCHEMA, Result
from training.smoke.detector.span import Span
from training.smoke.lesson import point, recipe
from training.smoke.lesson.setting import Setting


def options(command: str, folder, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    words = [
        command,
        "--data",
        str(folder / "fires"),
        "--stills",
        str(folder),
        "--recipe",
        "labels",
        "--seed",
        "2",
    ]
    words += ["--work", str(folder / "work"), "--result", str(folder / "r.json")]
    return parser.parse_args([*words, *more])


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Real trainings on made maps; nothing is read or exported, and the point stands still."""
    built = made.build(tmp_path, monkeypatch)
    one = SimpleNamespace(folder=tmp_path / "fires", digest="d" * 64, sequences=(1,), corrected=0)
    labels = made.recipe()
    for module in (main, condition):
        monkeypatch.setattr(module, "read", lambda _: one)
        monkeypatch.setattr(module, "plan", lambda *_, **__: built.folds)
        monkeypatch.setattr(module, "student", lambda *_: labels)
    labels.ground = recipe.Ground(tuple(part for fold in built.folds for part in fold.held), ())
    return built


@pytest.fixture
def shipped(built, monkeypatch):
    """What the point was chosen on, what was exported and what was written, in order."""
    asked, exports, written = [], [], []
    monkeypatch.setattr(point, "choose", lambda scored, _: asked.extend(scored) or made.CHOSEN)
    files = SimpleNamespace(
        int8_tflite=b"12", uint8_onnx=b"123", float_tflite=b"1234", calibration_sha256="c" * 64, float_max=0.0002,
        int8_mean=0.125,
    )  # fmt: skip
    monkeypatch.setattr(recipe, "export", lambda side, _, head, *__: exports.append((side, head)) or files)

    def write(folder, manifest, exported, card):
        written.append((folder, manifest, exported, card))
        return SimpleNamespace(digest="b" * 64)

    monkeypatch.setattr(bundle, "write", write)
    return SimpleNamespace(asked=asked, exports=exports, written=written)


def test_the_point_is_of_the_folds_and_the_student_of_all(shipped, tmp_path, capsys) -> None:
    assert main.handle(options("detector", tmp_path, "--out", str(tmp_path / "out"))) == 0
    assert [one.part.truth.id for one in shipped.asked] == list(made.GROUPS)
    (folder, manifest, _, card), (side, head) = shipped.written[0], shipped.exports[0]
    assert folder == tmp_path / "out"
    assert set(manifest.provenance["trained_on"]) == set(made.GROUPS)
    assert "# firetower-smoke" in card
    result = msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=Result)
    assert result.schema == SCHEMA
    assert head.key not in {row.student for row in result.folds}
    assert [row.name for row in result.folds] == ["1", "2", "road"]
    assert [row.left_out.groups for row in result.folds] == [(group,) for group in made.GROUPS]
    assert result.groups == made.GROUPS
    assert (result.bundle, result.float_max, result.int8_mean) == ("b" * 64, 0.0002, 0.125)
    assert result.point == made.CHOSEN
    assert result.bytes == {"int8_tflite": 2, "uint8_onnx": 3, "float_tflite": 4}
    assert str(tmp_path) not in (tmp_path / "r.json").read_text()
    assert "--data fires --seed 2 --steps 400 --recipe labels" in result.command
    assert json.loads(capsys.readouterr().out)["sha256"] == "b" * 64
    assert side.handed()["training"]


def test_the_range_of_cadences_comes_from_its_file(shipped, tmp_path, monkeypatch) -> None:
    asked, found = [], SimpleNamespace(span=Span(min_s=30, max_s=180), figures=())
    monkeypatch.setattr(cadence, "load", lambda *given: asked.append(given) or found)
    words = ["--out", str(tmp_path / "out"), "--cadences", str(tmp_path / "c.json")]
    assert main.handle(options("detector", tmp_path, *words)) == 0
    ((path, of, datasets),) = asked
    assert (path.name, of.name, datasets[0].digest) == ("c.json", "student on labels alone", "d" * 64)
    _, manifest, _, _ = shipped.written[0]
    assert (manifest.cadence.min_s, manifest.cadence.max_s, manifest.state_gap_s) == (27, 198, 900)
    assert msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=Result).command.endswith(
        "--cadences c.json"
    )


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="is no bundle"):
        main.handle(options("detector", tmp_path, "--out", str(tmp_path / "out")))


def test_conditions_are_counted_over_all_folds(built, tmp_path, capsys) -> None:
    assert condition.handle(options("conditions", tmp_path)) == 0
    result = msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=condition.Result)
    assert {row.fold for row in result.rows} == {"1", "2", "road"}
    frames = result.pooled["clear"]["all"].frame
    assert frames.hits + frames.misses == 24  # both sequences of `bright`
    assert frames.false_alarms + frames.rejections == 48
    assert set(result.cameras["night"]) == {f"camera-{group}" for group in made.GROUPS}
    assert result.command.startswith("python -m training conditions --data fires --seed 2")
    assert set(json.loads(capsys.readouterr().out)) == {"night", "fog"}


def test_all_three_commands_default_to_the_recipe_of_the_plan(tmp_path) -> None:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    for words in (["detector", "--out", "o"], ["conditions"], ["cadences"]):
        found = parser.parse_args([*words, "--data", "d", "--result", "r"])
        assert (found.recipe, found.backbone, found.steps) == ("distilled", "lite0-third", Setting().steps)
        assert found.batch is None
