"""The cut ResNet-18: torchvision's parameters, what folding keeps, what its file gives back."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.network import file
from training.network.resnet18 import ResNet18


@pytest.fixture(scope="module")
def network():
    """Its batch norm has seen something, and none of its channels is silent."""
    torch.manual_seed(0)
    made = ResNet18()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return made.eval()


@pytest.fixture(scope="module")
def frame():
    return torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_its_parameters_are_torchvisions():
    from torchvision import models  # noqa: PLC0415

    with torch.device("meta"):
        theirs = models.resnet18().state_dict()
        ours = ResNet18().state_dict()
    wanted = {name: value.shape for name, value in theirs.items() if name.split(".")[0] in
              {"conv1", "bn1", "layer1", "layer2"}}  # fmt: skip
    assert {n: v.shape for n, v in ours.items() if not n.startswith("shrink")} == wanted


def test_it_is_torchvisions_network_on_half_the_frame(network, frame):
    from torchvision import models  # noqa: PLC0415

    theirs = models.resnet18().eval()
    theirs.load_state_dict(network.state_dict(), strict=False)
    with torch.inference_mode():
        (found,) = network(frame)
        x = theirs.conv1(functional.avg_pool2d(frame, 2) * 4 - 2)
        x = theirs.maxpool(theirs.relu(theirs.bn1(x)))
        torch.testing.assert_close(found, theirs.layer2(theirs.layer1(x)), atol=1e-5, rtol=1e-4)
    assert found.shape == (1, *network.shape.channels, 64 // 16, 96 // 16)


def test_folding_keeps_what_it_gives_and_leaves_it_alone(network, frame):
    folded = network.folded()
    with torch.inference_mode():
        torch.testing.assert_close(folded(frame), network(frame), atol=1e-4, rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(value.requires_grad for value in folded.parameters())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_its_file_gives_it_back(network, frame, tmp_path):
    folded = network.folded()
    file.write(folded, tmp_path / "backbone.pt")
    with torch.inference_mode():
        found = file.read(tmp_path / "backbone.pt")(frame)
        torch.testing.assert_close(found, folded(frame), atol=0, rtol=0)
