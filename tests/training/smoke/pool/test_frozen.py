"""The INT8 extractor against the float backbone, and what its step says."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from arm64.golden import scene
from training.network.lite0 import imagenet_backbone, weights_sha256
from training.smoke.pool.frozen import Frozen, frozen, point
from training.smoke.side import made_of_step
from training.smoke.train import METHODS
from training.step.step import sha256
from training.step.workshop import Workshop

BACKBONE = "a.Student/training.network.lite0.Backbone_backbone"
BLOCK = f"{BACKBONE}/training.network.lite0.Block"
CONV = "torch.nn.modules.conv.Conv2d_conv"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three frames of the built-in scene, of the device's size."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, pixels in enumerate(scene()[5::12][:3]):
        cv2.imwrite(
            str(folder / f"{number}.png"), cv2.cvtColor(cv2.resize(pixels, (640, 480)), cv2.COLOR_RGB2BGR)
        )
    return sorted(folder.glob("*.png"))


@pytest.fixture(scope="module")
def made(pictures: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    """Calibrated on the first two."""
    return frozen(Workshop(tmp_path_factory.mktemp("work"), METHODS), "lite0", pictures[:2])


def test_int8_features_are_those_of_torch(made: Frozen, pictures: list[Path]) -> None:
    pixels = cv2.imread(str(pictures[2]), cv2.IMREAD_COLOR_RGB)
    interpreter = Interpreter(str(made.tflite))
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    scale, zero = entry["quantization"]
    assert (entry["dtype"], zero, round(1 / scale, 3)) == (np.int8, -128, 255)
    interpreter.set_tensor(entry["index"], (pixels[None] ^ 0x80).view(np.int8))
    interpreter.invoke()
    with torch.inference_mode():
        expected = made.backbone()(torch.from_numpy(pixels)[None].permute(0, 3, 1, 2).float() / 255)
    outputs = interpreter.get_output_details()
    assert made.channels == (32, 16, 24, 40)
    for output, feature, channels, pool in zip(outputs, expected, made.channels, made.pools, strict=True):
        scale, zero = output["quantization"]
        stored = interpreter.get_tensor(output["index"])
        assert stored.dtype == np.int8
        assert stored.shape == (1, 30 * pool, 40 * pool, channels)
        got = (stored.astype(np.float32) - zero) * scale
        assert np.corrcoef(got.ravel(), feature.permute(0, 2, 3, 1).numpy().ravel())[0, 1] > 0.99


def test_the_step_says_what_set_its_ranges(made: Frozen, pictures: list[Path]) -> None:
    assert made_of_step(made.step) == {sha256(path) for path in pictures[:2]}
    assert weights_sha256(made.backbone()) == weights_sha256(imagenet_backbone())
    ranges = made.ranges()
    blocks = [
        f"blocks.{block}.{name}" for block in range(1, 5) for name in ("expand", "depthwise", "project")
    ]
    assert set(ranges) == {
        "frame", "stem", "blocks.0.depthwise", "blocks.0.project", *blocks, "blocks.2", "blocks.4"
    }  # fmt: skip
    assert ranges["frame"] == (0, 1)
    assert ranges["stem"] == (0, 6)
    assert all(low < 0 < high for name, (low, high) in ranges.items() if name.endswith("project"))


def test_another_file_gets_the_same_ranges(made: Frozen) -> None:
    tensors = {
        f"{BLOCK}_1/training.network.lite0.SameConv_project/{CONV};2": "blocks.1.project",
        f"{BLOCK}_1;;{BLOCK}_1/training.network.lite0.SameConv_expand/{CONV};": "blocks.1.expand",
        "a.Head_head/torch.nn.modules.conv.Conv2d_mix;": None,
    }
    assert {tensor: point(tensor) for tensor in tensors} == tensors
    known = made.ranges()
    assert made.given(tensors) == {tensor: known[name] for tensor, name in tensors.items() if name}


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, METHODS)
    with pytest.raises(ValueError, match="expected one of lite0, lite1"):
        frozen(shop, "lite9", [tmp_path])
    with pytest.raises(ValueError, match="no pictures to calibrate on"):
        frozen(shop, "lite1", [])
