"""Training in a network where somebody could hear it (tests/network): its libraries ask no name and call nobody."""

import sys

from tests.network.conftest import configured, watch  # noqa: F401 — fixtures
from tests.training.conftest import pictures, write_sequences, write_strips

# A study with its plot, the smoke recipe and its comparison, a page; then folding, both converters and both quantizers
# of the other recipes.
TRAINING = """
import sys
from pathlib import Path
from training.__main__ import command
folder = sys.argv[1]
assert command(sys.argv[2:]) == 0
data, bundle = ["--data", f"{folder}/sequences"], f"{folder}/made"
places = ["--out", bundle, "--result", f"{folder}/smoke.json", "--work", f"{folder}/work"]
assert command(["smoke", *data, *places, "--validation-groups", "g2", "--steps", "2"]) == 0
assert command(["compare-smoke", *data, bundle, f"{sys.path[1]}/edge/model/smoke"]) == 0
assert command(["report", f"{sys.path[1]}/docs/results/cifar10.json", "--page", f"{folder}/page.md"]) == 0
import torch
from tests.training.quantize.test_convert import convert_all, with_statistics
from training.network.resnet import build
torch.manual_seed(1)
convert_all(with_statistics(build("resnet10-narrow", "strided", 10)), torch.rand(4, 3, 32, 32), Path(folder))
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
    write_sequences(configured / "sequences", 4)
    recipe, plot = configured / "one.toml", configured / "plot.svg"
    recipe.write_text(RECIPE)
    words = ["--recipe", recipe, "--data", configured, "--work", configured / "work", "--trials", "1"]
    command = [sys.executable, "-c", TRAINING, configured, "study", *words, "--plot", plot]
    watch(*command).check(configured)
    assert plot.exists()
    assert (configured / "made/model.onnx").exists()
    assert (configured / "page.md").exists()
    assert (configured / "b/model.onnx").exists()
