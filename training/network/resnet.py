"""ResNets of torchvision's topology, with a stem for small images; nothing in place and no module used twice.

Source: He et al. 2016 (arXiv:1512.03385), stride in the 3×3 convolution as torchvision has it (v1.5); names of
parameters are torchvision's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from training.network.convolution import Conv2d
from training.network.shape import SHAPES, Shape, Stem


def build(name: str, stem: Stem, classes: int) -> ResNet:
    """Build a network by its name, with fresh parameters from torch's generator.

    Raises:
        ValueError: no such network.
    """
    if name not in SHAPES:
        raise ValueError(f"network {name!r}: expected one of {', '.join(SHAPES)}")
    return ResNet(SHAPES[name], stem, classes)


class Block(nn.Module):
    """Two 3×3 convolutions, or 1×1 → 3×3 → 1×1 where `expansion` is 4, and a skip."""

    def __init__(self, channels_in: int, inside: int, stride: int, expansion: int) -> None:
        super().__init__()
        out = inside * expansion
        first, second = ((3, stride), (3, 1)) if expansion == 1 else ((1, 1), (3, stride))
        self.conv1 = Conv2d(channels_in, inside, *first)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv2 = Conv2d(inside, inside, *second)
        self.bn2 = nn.BatchNorm2d(inside)
        self.conv3 = Conv2d(inside, out, 1) if expansion > 1 else None
        self.bn3 = nn.BatchNorm2d(out) if expansion > 1 else None
        self.downsample = (
            nn.Sequential(Conv2d(channels_in, out, 1, stride), nn.BatchNorm2d(out))
            if stride != 1 or channels_in != out
            else None
        )
        nn.init.zeros_((self.bn2 if self.bn3 is None else self.bn3).weight)  # a block begins as its skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.conv3 is not None and self.bn3 is not None:
            y = self.bn3(self.conv3(functional.relu(y)))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Stem, four stages, the mean over the map, one linear layer."""

    def __init__(self, shape: Shape, stem: Stem, classes: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(3, shape.width, 3, {"full": 1, "strided": 2}[stem])
        self.bn1 = nn.BatchNorm2d(shape.width)
        channels = shape.width
        for index, count in enumerate(shape.blocks):
            inside = shape.width * 2**index
            blocks = []
            for number in range(count):
                stride = 2 if index > 0 and number == 0 else 1
                blocks.append(Block(channels, inside, stride, shape.expansion))
                channels = inside * shape.expansion
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stages(self) -> list[nn.Sequential]:
        """Return the four stages, in order."""
        found = [getattr(self, f"layer{number}") for number in range(1, 5)]
        assert all(isinstance(stage, nn.Sequential) for stage in found)
        return found

    def blocks(self) -> list[Block]:
        """Return the blocks of all stages, in order."""
        return [block for stage in self.stages() for block in stage if isinstance(block, Block)]

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) as `view.normalise` makes it → (N, classes) logits."""
        x = functional.relu(self.bn1(self.conv1(x)))
        for stage in self.stages():
            x = stage(x)
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits
