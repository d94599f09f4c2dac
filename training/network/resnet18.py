"""ResNet-18 up to its second stage, over frames at half their size: one feature, at stride 16 of the frame.

Source: He et al. 2016 (arXiv:1512.03385); names of parameters are torchvision's, as in `training.network.resnet`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.network.convolution import Conv2d
from training.network.lite0 import revive
from training.network.resnet import Block


@dataclass(frozen=True, slots=True)
class ResNet18Shape:
    """What it hands out; as `lite0.BackboneShape`."""

    channels: tuple[int, ...] = (128,)
    strides: tuple[int, ...] = (16,)


class ResNet18(nn.Module):
    """Stem, max-pool and two stages, with fresh parameters from torch's generator.

    The frame is halved and brought to −2..2 by one fixed depthwise convolution.
    """

    border = (0, 0, 0, 0)  # as `lite0.Backbone`

    def __init__(self) -> None:
        super().__init__()
        self.shape = ResNet18Shape()
        self.shrink = nn.Conv2d(3, 3, 2, 2, groups=3).requires_grad_(requires_grad=False)
        assert self.shrink.bias is not None
        nn.init.ones_(self.shrink.weight)
        nn.init.constant_(self.shrink.bias, -2.0)
        self.conv1 = Conv2d(3, 64, 7, 2)
        self.bn1: nn.Module = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block(64, 64, 1, 1), Block(64, 64, 1, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2, 1), Block(128, 128, 1, 1))
        for module in self.modules():
            if isinstance(module, Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frame: Tensor) -> tuple[Tensor]:
        """(N, 3, H, W) RGB in 0..1 → one feature (N, 128, H / 16, W / 16)."""
        x = functional.relu(self.bn1(self.conv1(self.shrink(frame))))
        # after a ReLU zeros pad as −inf does, and the graph stays whole
        x = functional.max_pool2d(functional.pad(x, (1, 1, 1, 1)), 3, 2)
        y: Tensor = self.layer2(self.layer1(x))
        return (y,)

    def folded(self) -> ResNet18:
        """Return a frozen copy whose batch norm lies in its convolutions: what is stored, quantized and exported."""
        made = copy.deepcopy(self).eval()
        made.conv1, made.bn1 = _fold(made.conv1, made.bn1), nn.Identity()
        for block in [*made.layer1, *made.layer2]:
            assert isinstance(block, Block)
            for conv, norm in (("conv1", "bn1"), ("conv2", "bn2")):
                setattr(block, conv, _fold(getattr(block, conv), getattr(block, norm)))
                setattr(block, norm, nn.Identity())
            if block.downsample is not None:
                block.downsample = nn.Sequential(_fold(*block.downsample), nn.Identity())
        return made.requires_grad_(requires_grad=False)


def _fold(conv: nn.Module, norm: nn.Module) -> Conv2d:
    assert isinstance(conv, Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    fused = fuse_conv_bn_eval(conv, norm)
    with torch.no_grad():
        revive(fused)
    return fused
