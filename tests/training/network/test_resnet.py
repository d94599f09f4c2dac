import pytest
import torch
from torch import nn

from training.cifar10.data import SCALE, SIDE_PX
from training.cifar10.report import measure
from training.network.resnet import build
from training.quantize.fold import FoldedResNet


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet152"])
def test_the_topology_is_torchvisions(name):
    from torchvision import models  # noqa: PLC0415

    with torch.device("meta"):
        theirs = models.get_model(name, num_classes=10).state_dict()
        ours = build(name, "full", 10).state_dict()
    assert ours.keys() == theirs.keys()
    unlike = [key for key in ours if ours[key].shape != theirs[key].shape]
    assert unlike == ["conv1.weight"]  # 3×3 instead of 7×7


@pytest.mark.parametrize(("stem", "side"), [("full", 4), ("strided", 2)])
def test_the_stem_sets_the_size_of_maps(stem, side):
    network = build("resnet10-narrow", stem, 10).eval()
    seen = []
    network.get_submodule("layer4").register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape[2:])
    )
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert seen == [(side, side)]


def test_macs_of_resnet18_are_the_published_ones():
    folded = FoldedResNet(build("resnet18", "full", 10).eval(), SIDE_PX, SCALE).eval()
    assert measure.macs(folded) == pytest.approx(0.56e9, rel=0.01)  # kuangliu/pytorch-cifar's ResNet-18


def test_nothing_is_in_place_and_a_block_begins_as_its_skip():
    network = build("resnet18", "full", 10)
    assert not any(getattr(module, "inplace", False) for module in network.modules())
    assert all(
        not block.get_parameter("bn2.weight").any() for block in network.get_submodule("layer1").children()
    )
    assert not any(isinstance(module, nn.ReLU) for module in network.modules())


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="resnet18"):
        build("resnet", "full", 10)
