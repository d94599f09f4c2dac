"""A whole export: both files say what was trained, by the ranges that were learned, and the conditions too."""

from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnxruntime
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edge.model.manifest import Threshold
from scoring.truth import TruthFrame, TruthSequence
from training.smoke.bundle import manifest_of
from training.smoke.features import read_frames
from training.smoke.lesson import trained as lesson
from training.smoke.lesson.example import load
from training.smoke.lesson.setting import Setting
from training.smoke.pool import map as maps
from training.smoke.pool.change import changes
from training.smoke.pool.frozen import frozen
from training.smoke.side import TrainingSide
from training.smoke.student import export as exports
from training.smoke.student.calibration import Framed
from training.smoke.student.export import Exporter, export
from training.smoke.train import METHODS
from training.step.step import picture_digest
from training.step.workshop import Workshop

RATE = 1 / 15
FRAMES = 10
SETTING = Setting(steps=8, batch=4, projected=8, width=12, learning_rate=1e-2, cadences=((1, 1.0),))
MANIFEST = manifest_of(Threshold(open=0.0, keep=0.0))


def drawn(folder: Path, name: str, smoky: bool) -> tuple[TruthSequence, list[Path]]:
    """A hillside of noise in letterboxed pictures; a pale block grows from frame 5 on."""
    rng = np.random.default_rng(len(name))
    ground = cv2.resize(
        rng.integers(30, 200, (21, 32, 3), np.uint8), (640, 416), interpolation=cv2.INTER_CUBIC
    )
    paths, frames = [], []
    for index in range(FRAMES):
        picture = np.clip(ground.astype(float) * (1 + 0.02 * index) + rng.normal(0, 3, ground.shape), 0, 255)
        box = (200.0, 120.0, 280.0, 200.0)
        if smoky and index >= 5:
            picture[120:200, 200:280] += 0.6 * (230 - picture[120:200, 200:280])
        path = folder / f"{name}-{index:03}.jpg"
        cv2.imwrite(str(path), picture.astype(np.uint8))
        paths.append(path)
        burning = smoky and index >= 5
        frames.append(
            TruthFrame(
                path.name, "smoke" if burning else "no_smoke", 60.0 * index, boxes=(box,) if burning else ()
            )
        )
    return TruthSequence(name, name, name, name, 640, 416, tuple(frames)), paths


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    shop = Workshop(folder / "work", METHODS | lesson.METHODS)
    sequences = [drawn(folder, "smoky", True), drawn(folder, "still", False)]
    backbone = frozen(shop, "lite0", [path for _, paths in sequences for path in paths[::4]])
    extractor = maps.Extractor(backbone.tflite, backbone.channels, backbone.pools)
    framed = []
    for truth, paths in sequences:
        features = np.stack(list(maps.features(extractor, paths)))
        np.save(folder / f"{truth.id}.npy", features)
        whole = np.zeros((FRAMES, 2), np.float32)
        pictures = frozenset(map(picture_digest, paths))
        one = load(truth, "real", folder / f"{truth.id}.npy", {}, whole, pictures, [truth.id])
        moved = {1: np.stack(list(changes(features, one.inside)))}
        framed.append(Framed(replace(one, changes=moved), tuple(paths)))
    head = lesson.trained(shop, "student", [one.example for one in framed], SETTING)
    side = TrainingSide(shop, [], {}, folder / "out")
    return side, backbone, head, framed, export(side, backbone, head, framed, MANIFEST, RATE)


def test_the_files_say_what_was_trained(made) -> None:
    side, *_ = made
    (record,) = (side.shop.work).glob("student-lite0-*/record.json")
    found = msgspec.json.decode(record.read_bytes())
    assert found["float_max"] < 1e-3
    assert found["int8_mean"] < 0.2
    assert found["calibration_sha256"] == made[4].calibration_sha256
    assert side.handed()["calibration"]


def test_what_was_learned_are_the_ranges_of_the_file(made) -> None:
    _, backbone, head, _, exported = made
    details = Interpreter(model_content=exported.int8_tflite).get_tensor_details()
    trained = lesson.load_quantized(head)

    def scale(part: str) -> set[float]:
        return {
            round(float(d["quantization"][0]), 6)
            for d in details
            if part in d["name"]
            and d["dtype"] == np.int8
            and d["quantization_parameters"]["scales"].size == 1
        }

    ends = trained.points()["stages.1.after"]
    assert round((float(ends.high) - float(ends.low)) / 255, 6) in scale("QuantizedStage_1")
    assert round(6 / 255, 6) in scale("Beside")
    assert round(12 / 255, 6) in scale("student.graph.Graph")  # of the clipped features
    assert round(24 / 255, 6) in scale("student.graph.Graph")  # of the clipped change
    stem = backbone.ranges()["stem"]
    assert round(stem[1] / 255, 6) in scale("SameConv_stem")


def test_state_and_conditions_stay_in_floating_point(made) -> None:
    interpreter = Interpreter(model_content=made[4].int8_tflite)
    inputs = {d["name"]: d["dtype"] for d in interpreter.get_input_details()}
    outputs = {d["name"]: d["dtype"] for d in interpreter.get_output_details()}
    assert inputs.pop("frame") == outputs.pop("scores") == np.int8
    assert set(inputs.values()) == set(outputs.values()) == {np.float32}
    assert set(outputs) == {"conditions", *(f"{name}_next" for name in inputs)}


def test_both_files_are_the_same_network(made) -> None:
    framed, exported = made[3:]
    session = onnxruntime.InferenceSession(exported.uint8_onnx)
    interpreter = Interpreter(model_content=exported.int8_tflite)
    interpreter.allocate_tensors()
    (pixels,) = read_frames(framed[0].paths[7:8], MANIFEST)
    frame = pixels[None]
    feed = {i.name: np.zeros(i.shape, np.float32) for i in session.get_inputs()} | {"frame": frame}
    by_name = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed), strict=True))
    for detail in interpreter.get_input_details():
        value = (frame ^ 0x80).view(np.int8) if detail["name"] == "frame" else feed[detail["name"]]
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        name, got = detail["name"], interpreter.get_tensor(detail["index"])
        if name == "scores":
            away = np.abs(got.astype(int) + 128 - by_name[name].astype(int))
            assert away.max() <= 3
        if name == "conditions":
            np.testing.assert_allclose(got, by_name[name], atol=0.05)


def test_an_export_that_lost_what_was_trained_is_refused(made, tmp_path, monkeypatch) -> None:
    _, backbone, head, framed, exported = made
    exporter = Exporter(backbone, lesson.load_quantized(head), RATE, tmp_path)
    (tmp_path / "float.tflite").write_bytes(exported.float_tflite)
    with torch.no_grad():
        exporter.head.out.bias += 2
    with pytest.raises(ValueError, match="has lost what was trained"):
        exporter.check(exported.int8_tflite, framed[:1], MANIFEST)


def test_it_is_made_once(made, monkeypatch) -> None:
    side, backbone, head, framed, exported = made
    monkeypatch.setattr(exports, "_export", None)
    assert export(side, backbone, head, framed, MANIFEST, RATE) == exported
