"""An architecture's file, exported once: multiply-accumulates, times beside the reference, found again."""

from types import SimpleNamespace

import cv2
import msgspec
import numpy as np
import pytest

from edge.model.bundle import Bundle, bundled_path
from tests.training.smoke.lesson import made as examples
from tests.training.smoke.search import made
from training.network.lite0 import Backbone, BackboneShape, BlockShape
from training.smoke.lesson.recipe import Opened
from training.smoke.lesson.setting import Setting
from training.smoke.network import GRID
from training.smoke.pool import picture
from training.smoke.search import cost, file
from training.smoke.search.cost import Timed
from training.smoke.side import MADE_OF

SHAPE = BackboneShape(4, (BlockShape(None, 4, 6, 3, 2),))  # 10 channels, at strides 2 and 4
SETTING = Setting(projected=8, width=12, depth=1, kernel=3)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    side, pool = made.side(folder), examples.pool(folder)
    step = side.shop.step("frozen", "frozen-small", {})
    side.shop.once(step, lambda: {MADE_OF: ["still"]})
    network = SimpleNamespace(
        step=step, name="small", pools=(8, 4), backbone=lambda: Backbone(SHAPE).eval(), given=lambda _: {}
    )
    path = folder / "frame.jpg"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8))
    sequences = [SimpleNamespace(pictures=path, variant=None) for _ in pool]
    return Opened(side, sequences, network, pool, [])


@pytest.fixture(scope="module")
def step(opened):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture, "paths", lambda path, _: (path,) * examples.FRAMES)
        patch.setattr(cost, "RUNS", 3)
        yield file.exported(opened, SETTING)


def test_the_file_says_what_it_costs(step) -> None:
    found = msgspec.convert(step.read()["cost"], file.Cost)
    model = step.file("model.tflite").read_bytes()
    assert found.bytes == len(model)
    assert found.sha256 == step.read()["files"]["model.tflite"]
    assert len(found.timed.own_ns) == len(found.timed.reference_ns) == cost.RUNS
    assert min(found.timed.own_ns) > 0
    assert {"still", "picture of a"} < set(step.read()[MADE_OF])


def test_multiply_accumulates_are_those_of_the_layers(step) -> None:
    cells = GRID[0] * GRID[1]
    backbone = 240 * 320 * 4 * 27 + 120 * 160 * (4 * 9 + 4 * 6)
    pools = cells * (4 * 8 * 8 + 6 * 4 * 4)
    head = cells * (2 * 10 * 8 + 16 * 12 + 12 * 9 + 12 * 12 + 12) + 12 * 12
    others = cells * (3 * 9 * 9 + 1) + 16 * 2  # bars of the letterbox, smoothed scores, conditions
    assert cost.macs(step.file("model.tflite").read_bytes()) == backbone + pools + head + others


def test_it_is_exported_once_whatever_the_seed_and_the_rates(opened, step, monkeypatch) -> None:
    monkeypatch.setattr(picture, "paths", lambda path, _: (path,) * examples.FRAMES)
    monkeypatch.setattr(file, "_make", None)
    alike = Setting(projected=8, width=12, depth=1, kernel=3, seed=1, learning_rate=1e-2)
    assert file.cost_of(opened, alike).sha256 == step.read()["files"]["model.tflite"]
    with pytest.raises(TypeError):
        file.exported(opened, Setting(projected=8, width=16, depth=1, kernel=3))


def test_what_slows_both_files_changes_no_ratio() -> None:
    calm = Timed(own_ns=[10, 11, 12], reference_ns=[20, 22, 24])
    busy = Timed(own_ns=[10, 33, 60], reference_ns=[20, 66, 120])
    assert calm.ratio == busy.ratio == 0.5


def test_the_reference_is_the_bundled_model() -> None:
    assert cost.reference().digest == Bundle.open(bundled_path()).digest
    assert cost.reference_ms(2) > 0
