"""Training in a network where somebody could hear it (tests/network): its libraries ask no name and call nobody."""

import sys

from tests.network.conftest import configured, watch  # noqa: F401 — fixtures
from tests.training.conftest import pictures, write_strips

# A study with its plot; then folding, both converters and both quantizers, as the recipes use them.
TRAINING = """
import sys
from pathlib import Path
from training.__main__ import command
assert command(sys.argv[2:]) == 0
import torch
from tests.training.quantize.test_convert import convert_all, with_statistics
from training.network.resnet import build
torch.manual_seed(1)
convert_all(with_statistics(build("resnet10-narrow", "strided", 10)), torch.rand(4, 3, 32, 32), Path(sys.argv[1]))
"""
RECIPE = """
name = "one"
validation_images = 50
limit = 100
views = 1
members = ["resnet10"]
distillation = { temperature = 4.0, alpha = 0.7 }
calibration_images = 16
[teachers.resnet10]
network = "resnet10-narrow"
stem = "strided"
training = { epochs = 1, batch = 50 }
[pairs.strided]
network = "resnet10-narrow"
stem = "strided"
training = { epochs = 1, batch = 50 }
seeds = [0]
quantization = { qat_epochs = 1 }
"""


def test_training(watch, configured):  # noqa: F811
    write_strips(configured, "train", *pictures(200, 1))
    write_strips(configured, "test", *pictures(50, 2))
    recipe, plot = configured / "one.toml", configured / "plot.svg"
    recipe.write_text(RECIPE)
    words = ["--recipe", recipe, "--data", configured, "--work", configured / "work", "--trials", "1"]
    command = [sys.executable, "-c", TRAINING, configured, "study", *words, "--plot", plot]
    watch(*command).check(configured)
    assert plot.exists()
    assert (configured / "b/model.onnx").exists()
