"""The whole of `python -m training smoke` on a tiny made-up data set: data in, a verified bundle out."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator, TensorType
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

import edge
from edge.model.bundle import Bundle
from edge.model.loaded import load_model
from edge.model.selftest import compare, read_selftest
from tests.training.conftest import write_sequences
from training.__main__ import command
from training.network.lite0 import Backbone
from training.smoke.data.read import read
from training.smoke.data.split import split
from training.smoke.fold.recipe import Shipped
from training.smoke.recipe import Recipe
from training.smoke.side import TrainingSide, parts_of, pictures_of
from training.smoke.train import METHODS
from training.step.workshop import Workshop

FRAMES = 8


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_sequences(folder, FRAMES)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    work = tmp_path_factory.mktemp("work")
    arguments = [
        "smoke",
        "--data",
        str(data),
        "--out",
        str(work / "bundle"),
        "--result",
        str(work / "result.json"),
    ]
    arguments += ["--work", str(work / "cache"), "--validation-groups", "g2", "--steps", "12"]
    assert command(arguments) == 0
    return work / "bundle", msgspec.json.decode((work / "result.json").read_bytes())


@pytest.mark.filterwarnings("ignore")  # of the converters, which warn of themselves
def test_bundle_is_whole_and_both_files_agree(trained: tuple[Path, dict]) -> None:
    folder, result = trained
    bundle = Bundle.open(folder)
    bundle.verify()
    assert result["bundle_sha256"] == bundle.digest
    load_model(folder).selftest()
    frames, _ = read_selftest(bundle)
    assert compare(bundle, frames).good
    frame = bundle.model_file("litert")[1].one("frame")
    assert (frame.dtype, frame.zero_point) == ("int8", -128)
    assert frame.scale == pytest.approx(1 / 255)
    assert bundle.model_file("litert")[1].one("scores").dtype == "int8"
    assert bundle.model_file("onnx")[1].one("scores").dtype == "uint8"
    assert {pair[0].dtype for pair in bundle.model_file("litert")[1].state_pairs()} == {"float32"}


@pytest.mark.filterwarnings("ignore")
def test_result_states_what_it_stands_on(trained: tuple[Path, dict]) -> None:
    _, result = trained
    assert result["validation_groups"] == ["g2"]
    assert "g2" not in result["training_groups"]
    assert result["parity"]["tflite_onnx"]["steps_max"] <= 3
    assert result["int8"]["frames"]["decoded"] == FRAMES == result["int8"]["frames"]["scored"]
    assert result["recipe"]["seed"] == 0
    assert result["machine"]["processor"]


@pytest.mark.filterwarnings("ignore")
def test_the_backbones_skips_are_integers_and_the_states_sums_are_not(trained: tuple[Path, dict]) -> None:
    """The quantizer finds skips by the name of their module; a module that moved would leave them in float32."""
    tree = tfl_flatbuffer_utils.read_model((trained[0] / "model.tflite").read_bytes())
    graph = tree.subgraphs[0]
    kinds = [
        graph.tensors[operator.outputs[0]].type
        for operator in graph.operators
        if tree.operatorCodes[operator.opcodeIndex].builtinCode == BuiltinOperator.ADD
    ]
    skips = sum(bool(block.skip) for block in Backbone().blocks)
    assert kinds.count(TensorType.INT8) == skips == 2
    assert kinds.count(TensorType.FLOAT32) == len(kinds) - skips > 0


@pytest.mark.filterwarnings("ignore")
def test_a_second_run_makes_no_step_again(
    trained: tuple[Path, dict], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a finished step ran again")

    for name in ("features._write", "train._train", "export._export"):
        monkeypatch.setattr(f"training.smoke.{name}", forbidden)
    again = trained[0].with_name("again")
    words = ["smoke", "--data", data, "--out", again, "--work", trained[0].with_name("cache")]
    assert command([str(word) for word in (*words, "--validation-groups", "g2", "--steps", "12")]) == 0
    for name in ("model.tflite", "model.onnx"):
        assert (again / name).read_bytes() == (trained[0] / name).read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_a_fold_makes_the_same_files_and_says_what_they_were_made_from(
    trained: tuple[Path, dict], data: Path, tmp_path: Path
) -> None:
    dataset = read(data)
    training, validation = split(dataset.sequences, ["g2"])
    parts, left_out = parts_of(dataset, training), pictures_of(parts_of(dataset, validation))
    shop = Workshop(trained[0].with_name("cache"), METHODS)
    side = TrainingSide(shop, parts, left_out, tmp_path / "fold")
    folder = Shipped(Recipe(steps=12)).train(side)
    for name in ("model.tflite", "model.onnx"):
        assert (folder / name).read_bytes() == (trained[0] / name).read_bytes()
    assert Bundle.open(folder).manifest.thresholds == Bundle.open(trained[0]).manifest.thresholds
    assert side.handed() == dict.fromkeys(
        ("calibration", "feature scale", "features", "thresholds", "training"), sorted(pictures_of(parts))
    )
    assert shop.made == set()
    assert side.found_s > 0


def test_bundles_are_compared_on_their_validation_frames(
    trained: tuple[Path, dict], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin, shipped = tmp_path / "twin", Path(edge.__file__).parent / "model/smoke"
    shutil.copytree(trained[0], twin)
    out = tmp_path / "r.json"
    words = ["compare-smoke", trained[0], twin, shipped, "--data", data, "--result", out]
    assert command([str(word) for word in words]) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert pairs["bundle twin"]["steps_max"] == 0
    assert pairs["bundle smoke"]["steps_max"] == pairs["twin smoke"]["steps_max"] > 3
    assert pairs["bundle smoke"]["sequences"].keys() == {"s2"}
    result = json.loads(out.read_text())
    assert result["pairs"] == pairs
    assert len(result["peaks"]["twin"]["s2"]) == FRAMES


@pytest.mark.parametrize("words", [["one"], ["one", "one"]])
def test_a_comparison_needs_two_bundles_with_names_of_their_own(
    trained: tuple[Path, dict], data: Path, words: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"two bundles or more|told apart"):
        command(["compare-smoke", *(str(trained[0]) for _ in words), "--data", str(data)])


def test_selftest_pictures_are_drawn_anew(trained: tuple[Path, dict]) -> None:
    bundle = Bundle.open(trained[0])
    frames, scores = read_selftest(bundle)
    assert bundle.manifest.selftest is not None
    assert frames.shape[1:] == (*bundle.manifest.selftest.size_px, 3)
    assert len(scores) == bundle.manifest.selftest.frames
    assert (trained[0] / "selftest.npz").stat().st_size < 20_000


def test_missing_data_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"sequences\.json"):
        command(["smoke", "--data", str(tmp_path), "--out", str(tmp_path / "b")])
