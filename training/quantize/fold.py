"""A trained ResNet with its batch norm folded into the convolutions: what is quantized, trained on and exported.

`Point`s mark where a file holds an 8-bit tensor. Switched off they are the identity, so that the exported graph is
plain; otherwise they observe ranges or quantize by them (training/quantize/fake.py).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.distill.images import Scale
from training.network.memory import laid_out
from training.network.resnet import Block, ResNet
from training.quantize.fake import Point, QuantizedConv2d, QuantizedLinear

DEAD_WEIGHT = (
    1e-4  # one such weight keeps bias / (input scale · weight scale) of a dead channel within 32 bits
)


class FoldedBlock(nn.Module):
    """Convolutions with bias, a point after each, and the skip."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        convolutions = [_fold(block.conv1, block.bn1), _fold(block.conv2, block.bn2)]
        if block.conv3 is not None and block.bn3 is not None:
            convolutions.append(_fold(block.conv3, block.bn3))
        self.convs = nn.ModuleList(convolutions)
        self.points = nn.ModuleList(Point() for _ in convolutions)
        self.downsample = None if block.downsample is None else _fold(*block.downsample)
        self.skip = Point()
        self.out = Point()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        y = x
        for index, (conv, point) in enumerate(zip(self.convs, self.points, strict=True)):
            y = conv(y)
            y = point(functional.relu(y) if index + 1 < len(self.convs) else y)
        skip = x if self.downsample is None else self.skip(self.downsample(x))
        out: Tensor = self.out(functional.relu(y + skip))
        return out


class FoldedResNet(nn.Module):
    """Stem, blocks, average, classifier.

    Args:
        network: trained; copied.
        side_px: of the images that it will read; the average covers the whole last map.
        scale: by which it reads their pixels, whose range is known.
    """

    def __init__(self, network: ResNet, side_px: int, scale: Scale) -> None:
        super().__init__()
        self.side_px = side_px
        self.frame = Point()
        self.stem = _fold(network.conv1, network.bn1)
        self.stem_out = Point()
        self.blocks = nn.ModuleList(FoldedBlock(block) for block in network.blocks())
        self.fc = QuantizedLinear.of(network.fc)
        self.pooled = Point()  # watched, never quantized by a range of its own
        self.scores = Point()
        self._map_px = side_px // (8 * network.conv1.stride[0])
        self.frame.fix(*scale.ends)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) as `view.normalise` makes it → (N, classes) logits."""
        x = self.stem_out(functional.relu(self.stem(self.frame(x))))
        for block in self.blocks:
            x = block(x)
        x = functional.avg_pool2d(x, self._map_px).flatten(1)
        # an average has the scale of what it averages, in TFLite as in ONNX
        last = self.blocks[-1]
        assert isinstance(last, FoldedBlock)
        x = self.pooled(x) if self.pooled.mode == "observe" else last.out.quantize(x)
        scores: Tensor = self.scores(self.fc(x))
        return scores

    def layers(self) -> dict[str, QuantizedConv2d | QuantizedLinear]:
        """Return every layer with weights, by name, in the order of the forward pass."""
        kinds = (QuantizedConv2d, QuantizedLinear)
        return {name: module for name, module in self.named_modules() if isinstance(module, kinds)}

    def points(self) -> dict[str, Point]:
        """Return every point with a range, by name; a skip without convolution and the average have none."""
        idle = {"pooled"} | {
            f"blocks.{i}.skip" for i, block in enumerate(self.blocks) if block.downsample is None
        }
        return {
            name: module
            for name, module in self.named_modules()
            if isinstance(module, Point) and name not in idle
        }


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> QuantizedConv2d:
    """Scale the weights by the batch norm's gain and move its shift into a bias."""
    folded = QuantizedConv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0], bias=True
    )
    with torch.no_grad():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = conv.weight * gain.view(-1, 1, 1, 1)
        dead = weight.abs().amax(dim=(1, 2, 3)) < DEAD_WEIGHT
        middle = conv.kernel_size[0] // 2
        weight[dead, 0, middle, middle] = DEAD_WEIGHT
        folded.weight.copy_(weight)
        assert folded.bias is not None
        folded.bias.copy_(norm.bias - norm.running_mean * gain)
    return laid_out(folded, torch.channels_last)
