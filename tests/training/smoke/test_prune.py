"""The pruning step: what it says of itself, and what makes it another one."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from training.network.lite0 import DEAD_WEIGHT
from training.network.prune import PRESETS
from training.smoke.prune import Tuning, crops, load, pruned
from training.smoke.side import made_of_step
from training.smoke.train import METHODS
from training.step.step import sha256
from training.step.workshop import Workshop


def hills(folder: Path, count: int) -> list[Path]:
    random = np.random.default_rng(0)
    for number in range(count):
        noise = random.integers(0, 255, (480, 640, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.GaussianBlur(noise, (31, 31), 0))
    return sorted(folder.glob("*.png"))


def test_a_step_knows_its_pictures_and_is_found_again(tmp_path) -> None:
    paths = hills(tmp_path, 9)
    shop = Workshop(tmp_path / "work", METHODS)
    step = pruned(shop, "slim", paths, Tuning(steps=1))
    record = step.read()
    assert made_of_step(step) == {sha256(path) for path in paths}
    assert record["pictures"] == {"learned": 7, "held": 2, "fitted": 7}
    assert record["channels"] == [12, 24, 40]
    assert {len(errors) for errors in record["feature_error"].values()} == {3}
    backbone = load(step)
    assert backbone.shape == PRESETS["slim"]
    for module in backbone.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert float(module.weight.abs().amax(dim=(1, 2, 3)).min()) >= DEAD_WEIGHT * 0.999
    shop.made.clear()
    assert pruned(shop, "slim", paths, Tuning(steps=1)).folder == step.folder
    assert shop.made == set()


def test_few_pictures_are_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="wants 8 pictures or more, got 3"):
        pruned(Workshop(tmp_path / "work", METHODS), "third", hills(tmp_path, 3))


def test_crops_are_of_other_pictures_and_the_same_again() -> None:
    pictures = [torch.full((480, 640, 3), number, dtype=torch.uint8) for number in range(16)]
    pictures = [picture.clone() for picture in pictures]
    for picture in pictures:
        picture[:, :, 1] = torch.arange(640).div(4, rounding_mode="floor")
    first, second = islice(crops(pictures, 7), 2)
    assert first.shape == (8, 3, 240, 320)
    seen = torch.cat([first, second])[:, 0, 0, 0].mul(255).round().int().tolist()
    assert sorted(seen) == list(range(16))
    rising = (first[:, 1, 0, -1] > first[:, 1, 0, 0]).tolist()
    assert {True, False} == set(rising)
    assert torch.equal(first, next(crops(pictures, 7)))
    assert not torch.equal(first, next(crops(pictures, 8)))
