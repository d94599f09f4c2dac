"""Training in a network where somebody could hear it (tests/network): its libraries ask no name and call nobody."""

import sys

import pytest

from tests.network.conftest import configured, watch  # noqa: F401 — fixtures
from tests.network.heard import RECIPE, lines
from tests.network.watch import ROUTER
from tests.training.conftest import pictures, write_sequences, write_strips
from tests.training.smoke.fold.made import fires

# Every command line; then folding, both converters and both quantizers of `cifar10`. In one process, for its imports
# take longer than the commands.
PROGRAM = """
import json, sys
from pathlib import Path
from training.__main__ import command
folder = Path(sys.argv[1])
for line in json.loads(sys.argv[2]):
    print(line[0], file=sys.stderr)
    assert command(line) == 0, line
import torch
from tests.training.quantize.test_convert import convert_all, with_statistics
from training.network.resnet import build
torch.manual_seed(1)
convert_all(with_statistics(build("resnet10-narrow", "strided", 10)), torch.rand(4, 3, 32, 32), folder)
"""
DOWNLOAD = """
import sys
from tests.training.conftest import SIDE  # a torchvision of another build than torch's can be imported
from training.__main__ import command
command(sys.argv[1:])
"""


@pytest.mark.timeout(1800)
def test_training(watch, configured):  # noqa: F811
    write_strips(configured, "train", *pictures(200, 1))
    write_strips(configured, "test", *pictures(50, 2))
    write_sequences(configured / "sequences", 6)
    (configured / "fires").mkdir()
    fires(configured / "fires")
    command = [sys.executable, "-c", PROGRAM, configured, lines(configured)]
    watch(*command, lives_s=1700).check(configured)
    made = ("plot.svg", "made/model.onnx", "page.md", "gate.md", "again.md", "folds.json", "b/model.onnx")
    made += ("detector/model.onnx", "conditions.json", "cadences.json", "search.md")
    assert [name for name in made if not (configured / name).exists()] == []


def test_the_download_of_cifar_10_asks_its_place_alone(watch, configured):  # noqa: F811
    (configured / "one.toml").write_text(RECIPE)
    words = ["cifar10", "--recipe", configured / "one.toml", "--work", configured / "work"]
    found = watch(sys.executable, "-c", DOWNLOAD, *words, talks=True)
    assert found.seen.code == 1
    assert "Connection refused" in found.seen.told
    assert set(found.seen.names) == {"www.cs.toronto.edu"}
    assert set(found.seen.calls) == {f"tcp {ROUTER}:443"}
    assert found.outside(configured) == []
    assert found.left == []
