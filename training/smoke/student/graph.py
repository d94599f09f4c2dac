"""The exported graph: (frame, state) → (scores, conditions, state'), NHWC as both runtimes take it.

Convolutions run in INT8. The state, its change and the smoothing stay in float32: an average kept in INT8 stalls.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.model.preprocess import PADDING
from training.network.file import AnyBackbone
from training.smoke.network import (
    BACKGROUND_RATE,
    CELL_PX,
    GRID,
    SCORE_RATE,
    STATE_NAMES,
    WARM_UP_GAIN,
)
from training.smoke.pool.change import blind
from training.smoke.student.head import CHANGE_LIMIT, FRAME_LIMIT, moments
from training.smoke.student.quantized import QuantizedHead

CENTRE = CELL_PX // 2  # the pixel of a cell that says whether it lies in the picture
_BAR = 0.25 / 255  # how near a bar's pixel is to the padding, after INT8 too
_EMPTY = (
    0.6  # mass of the scores below which the older slot of `recent` is empty: two frames give three quarters
)


class Pool(nn.Module):
    """Means of each cell of one feature, standardised: a depthwise convolution of its stride.

    Args:
        mean, spread: (C,) what it is standardised by.
        side: of a cell, in the feature's own pixels.
    """

    def __init__(self, mean: Tensor, spread: Tensor, side: int) -> None:
        super().__init__()
        count = len(mean)
        self.conv = nn.Conv2d(count, count, side, side, groups=count)
        assert self.conv.bias is not None
        self.conv.weight.data = (1 / spread / side**2).view(-1, 1, 1, 1).expand(-1, -1, side, side).clone()
        self.conv.bias.data = -mean / spread

    def forward(self, feature: Tensor) -> Tensor:
        """(1, C, H, W) → (1, C, rows, cols)."""
        cells: Tensor = self.conv(feature)
        return cells


class Inside(nn.Module):
    """Which cells lie in the picture: bars of the letterbox are rows or columns of nothing but padding.

    Args:
        border: of the backbone's stem, whose padded frame it reads: of another one the converter keeps a copy.
    """

    def __init__(self, border: Sequence[int] = (0, 0, 0, 0)) -> None:
        super().__init__()
        self.border = list(border)
        self.conv = nn.Conv2d(3, 1, CENTRE + 1, CELL_PX, bias=False)
        self.conv.weight.data.zero_()
        self.conv.weight.data[:, :, CENTRE, CENTRE] = 1 / 3

    def forward(self, frame: Tensor) -> Tensor:
        """(1, 3, H, W) in 0..1 → (1, rows, cols, 1), 0 or 1; all 1 where everything is as grey as padding."""
        pixel: Tensor = self.conv(functional.pad(frame, self.border)).permute(0, 2, 3, 1)
        apart = torch.abs(pixel - PADDING / 255)
        rows, cols = torch.amax(apart, dim=2, keepdim=True), torch.amax(apart, dim=1, keepdim=True)
        inside = _step(rows) * _step(cols)
        return torch.maximum(inside, 1 - torch.amax(inside, dim=(1, 2), keepdim=True))


def _step(apart: Tensor) -> Tensor:
    """1 where a pixel is no padding, else 0, in operations that every runtime has."""
    return functional.relu6((apart - _BAR) * 1e6) / 6


class Graph(nn.Module):
    """What is exported.

    Args:
        backbone: frozen.
        pools: of each of its features, the side of a cell in its own pixels.
        head: with its weights on their grids and its points off (`quantized.plain`), or observing.
        rate: of the background, per scored frame.
    """

    ratio: Tensor

    def __init__(
        self,
        backbone: AnyBackbone,
        pools: Sequence[int],
        head: QuantizedHead,
        rate: float = BACKGROUND_RATE,
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.rate = backbone, head, rate
        channels = list(backbone.shape.channels)
        parts = zip(
            torch.split(head.mean.flatten(), channels), torch.split(head.spread.flatten(), channels), pools,
            strict=True,
        )  # fmt: skip
        self.pools = nn.ModuleList(Pool(mean, spread, side) for mean, spread, side in parts)
        self.inside = Inside(backbone.border)
        self.identity = nn.Conv2d(1, 1, 1, bias=False)  # quantizes the smoothed scores on their way out
        nn.init.constant_(self.identity.weight, 1.0)
        self.register_buffer("ratio", (head.spread / head.scale).view(1, 1, 1, -1).clone())
        self.eval().requires_grad_(requires_grad=False)

    def forward(
        self,
        frame: Tensor,
        background: Tensor,
        recent: Tensor,
        weight: Tensor,
        score: Tensor,
        score_weight: Tensor,
    ) -> tuple[Tensor, ...]:
        """One frame.

        Args:
            frame: (1, 480, 640, 3) RGB in 0..1.
            background: (1, 30, 40, C) decayed sum of standardised features, lagging two frames; `weight` is its mass.
            recent: (1, 30, 40, 2 · C), the features of the last frame and of the one before it.
            weight: (1, 1, 1, 1), see `background`.
            score: (1, 30, 40, 1), the decayed sum of logits.
            score_weight: (1, 1, 1, 1), its mass.

        Returns:
            (1, 30, 40, 1) smoothed logits, (1, N) logits of conditions where the head has some, and the five state
            tensors for the next frame.
        """
        picture = frame.permute(0, 3, 1, 2)
        inside = self.inside(picture)
        features = torch.cat([p(f) for p, f in zip(self.pools, self.backbone(picture), strict=True)], dim=1)
        features = features.permute(0, 2, 3, 1)
        last, before_last = torch.split(recent, features.shape[3], dim=3)
        seen = functional.relu6((score_weight - _EMPTY) * 1e3) / 6
        background = background * (1 - self.rate) + before_last * (self.rate * seen)
        weight = weight * (1 - self.rate) + self.rate * seen
        slow = background * (1 / torch.clamp(weight, min=1e-6))
        change = blind(features, slow, inside, (1, 2)) * torch.clamp(weight * WARM_UP_GAIN, max=1.0)
        moved = torch.clamp(change * self.ratio, -CHANGE_LIMIT, CHANGE_LIMIT).permute(0, 3, 1, 2)
        clipped = torch.clamp(features, -FRAME_LIMIT, FRAME_LIMIT).permute(0, 3, 1, 2)
        cells, projected = self.head.cells(clipped, moved)
        logits = functional.avg_pool2d(cells, 3, 1, 1, count_include_pad=False)
        score = score * (1 - SCORE_RATE) + logits.permute(0, 2, 3, 1) * SCORE_RATE
        score_weight = score_weight * (1 - SCORE_RATE) + SCORE_RATE
        scores = self.identity((score / score_weight).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        state = background, torch.cat([features, last], dim=3), weight, score, score_weight
        if self.head.scene is None:
            return scores, *state
        return scores, self.head.scene(moments(projected, inside.permute(0, 3, 1, 2))), *state


def state_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Return the NHWC shapes of the state tensors, by name, in the order of `forward`."""
    grid, one = (1, *GRID, channels), (1, 1, 1, 1)
    return dict(zip(STATE_NAMES, (grid, (1, *GRID, 2 * channels), one, (1, *GRID, 1), one), strict=True))


def zero_state(channels: int) -> tuple[Tensor, ...]:
    """Return the state of a camera that has seen nothing."""
    return tuple(torch.zeros(shape) for shape in state_shapes(channels).values())
