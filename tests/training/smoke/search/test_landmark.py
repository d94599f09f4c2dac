"""The ResNet-18 beside a search: which frames teach it, whose maps are made, that all of its file is INT8."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

from tests.training.smoke.lesson import made as examples
from tests.training.smoke.search import made
from training.network import file as stored
from training.network.resnet18 import ResNet18
from training.smoke.lesson import inner, material
from training.smoke.lesson.recipe import Labels, Opened
from training.smoke.lesson.setting import Setting
from training.smoke.network import GRID
from training.smoke.pool import map as maps
from training.smoke.pool import picture
from training.smoke.pool.frozen import freeze
from training.smoke.search import cost, file, landmark, rehearsal
from training.smoke.search.imitation import Imitating
from training.smoke.search.space import TODAY
from training.smoke.side import MADE_OF, LeakError, made_of_step

IMITATING = Imitating(steps=2)
INT8 = schema.TensorType.INT8


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """Open without data: everything that computes is logged and stands still. Returns side and log."""
    side, log = made.side(tmp_path), []
    step = side.shop.step("imitation", "imitation-resnet18", {})
    record = {MADE_OF: ["real picture"], "setting": {"steps": 2}, "sequences": 2, "frames": {}, "error": 0.4}
    side.shop.once(step, lambda: record)
    sequences = [
        SimpleNamespace(variant=SimpleNamespace(name=name, real=real), pictures=f"pictures of {name}")
        for name, real in (("a-real", True), ("a-fog", False), ("b-real", True))
    ]
    monkeypatch.setattr(Labels, "_sequences", lambda *_: sequences)
    monkeypatch.setattr(Labels, "_network", lambda _, __, name: log.append(("network", name)) or name)
    monkeypatch.setattr(
        material, "examples",
        lambda _, some, sight: log.append(("examples", sight.network, [one.variant.name for one in some]))
        or [SimpleNamespace(name=one.variant.name) for one in some],
    )  # fmt: skip
    monkeypatch.setattr(picture, "paths", lambda pictures, _: pictures)
    monkeypatch.setattr(inner, "halves", lambda _: [])
    monkeypatch.setattr(
        landmark, "imitated",
        lambda _, framed, setting: log.append(("taught", [f.example.name for f in framed], setting)) or step,
    )  # fmt: skip
    monkeypatch.setattr(type(step), "file", lambda self, name: name)
    monkeypatch.setattr(stored, "read", lambda path: path)
    monkeypatch.setattr(
        landmark, "freeze",
        lambda _, name, __, made_of, ___: log.append(("frozen", name, made_of))
        or SimpleNamespace(name=name, step=step),
    )  # fmt: skip
    monkeypatch.setattr(
        landmark, "map_all", lambda _, some, *__: log.append(("maps", [one.name for one in some])) or "maps"
    )
    monkeypatch.setattr(landmark, "change_all", lambda *given: log.append(("changes", given[5])))
    monkeypatch.setattr(Labels, "inner_point", lambda *_: made.point(9.0, 11.0))
    monkeypatch.setattr(rehearsal, "cost_of", lambda opened, _: log.append(("cost", opened.network.name)))
    return side, log


def test_real_frames_teach_it_and_all_variants_are_mapped(tried) -> None:
    side, log = tried
    found = landmark.try_resnet18(side, made.terms(), IMITATING)
    assert log[:6] == [
        ("network", "lite0"),
        ("examples", "lite0", ["a-real", "b-real"]),
        ("taught", ["a-real", "b-real"], IMITATING),
        ("frozen", "resnet18", frozenset({"real picture"})),
        ("maps", ["a-real", "a-fog", "b-real"]),
        ("changes", 1),
    ]
    assert log[-1] == ("cost", "resnet18")
    assert found.parameters == {"backbone": "resnet18", **TODAY}
    assert found.tried.delay_min == 10.0
    assert (found.taught["error"], found.taught["setting"]) == (0.4, {"steps": 2})


def test_one_that_a_left_out_picture_taught_is_refused(tried) -> None:
    side, _ = tried
    side._left_out = {"real picture": "b/000.jpg"}
    with pytest.raises(LeakError, match=r"b/000\.jpg"):
        landmark.try_resnet18(side, made.terms(), IMITATING)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """An untrained one, frozen by two pictures, before a pool of made-up maps."""
    folder = tmp_path_factory.mktemp("landmark")
    paths = [folder / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(noise, (640, 480)))
    side = made.side(folder)
    network = freeze(side.shop, "resnet18", ResNet18().folded(), frozenset({"taught by"}), paths)
    pool = [examples.example(folder, name, "dull", smoky_from=at, channels=128) for name, at in
            (("a", 6), ("c", None))]  # fmt: skip
    sequences = [SimpleNamespace(pictures=paths[0], variant=None) for _ in pool]
    return Opened(side, sequences, network, pool, []), paths


def test_frozen_it_gives_one_feature_of_each_cell(opened) -> None:
    (side, network), paths = (opened[0].side, opened[0].network), opened[1]
    assert "taught by" in made_of_step(network.step)
    (found,) = Interpreter(str(network.tflite)).get_output_details()
    assert (tuple(found["shape"]), found["dtype"]) == ((1, *GRID, 128), np.int8)
    extractor = maps.Extractor(network.tflite, network.channels, network.pools)
    (features,) = maps.features(extractor, paths[:1])
    assert features.shape == (128, *GRID)
    assert side.shop.made


def test_all_convolutions_sums_and_pools_of_its_students_file_are_int8(opened, monkeypatch) -> None:
    monkeypatch.setattr(picture, "paths", lambda path, _: (path,) * examples.FRAMES)
    monkeypatch.setattr(cost, "RUNS", 2)
    step = file.exported(opened[0], Setting(projected=8, width=12, depth=1, kernel=3))
    graph = tfl_flatbuffer_utils.read_model(step.file("model.tflite").read_bytes())
    kinds = schema.BuiltinOperator
    heavy, pools, sums = {kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D}, {kinds.MAX_POOL_2D}, 0
    tensors = graph.subgraphs[0].tensors
    for operator in graph.subgraphs[0].operators:
        code = graph.operatorCodes[operator.opcodeIndex]
        kind, written = max(code.builtinCode, code.deprecatedBuiltinCode), tensors[operator.outputs[0]]
        if kind in heavy | pools:
            assert written.type == INT8, written.name
        sums += kind == kinds.ADD and written.type == INT8 and tuple(written.shape)[3] in {64, 128}
    assert sums == 4  # a block each
    assert step.read()["cost"]["macs"] > 1_500_000_000
