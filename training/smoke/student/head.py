"""The student's head: one logit per cell from features and their change, and logits of the scene's conditions.

Inputs are standardised by statistics of the training side, and so are the projections, by the inputs' covariance: there
is no batch norm, what is trained is what is exported.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network.convolution import Conv2d
from training.network.depthwise import Depthwise2d

FRAME_LIMIT, CHANGE_LIMIT = 6.0, 12.0  # standard deviations at which inputs are clipped: their INT8 ranges
SIGMA_LIMIT = 6.0  # at which a projection is clipped; relu6 of half of it plus three
HALF, MIDDLE = 3 / SIGMA_LIMIT, 3.0  # what brings ± SIGMA_LIMIT to 0..6
PRIOR = -3.0  # logit of a cell before it has learned anything


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a head.

    Attributes:
        features: channels of the backbone's pooled features.
        projected: channels of the projection, of the frame and of the change each.
        width, depth: channels and number of the stages behind it.
        kernel: side of a stage's convolution over cells.
        plain: one convolution a stage over all channels, instead of a depthwise and a 1×1 one.
        context: whether each cell is told what all cells show in the mean.
        conditions: number of scene conditions; 0 leaves their output out.
    """

    features: int
    projected: int = 64
    width: int = 96
    depth: int = 2
    kernel: int = 5
    plain: bool = False
    context: bool = True
    conditions: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the inputs are standardised by, in the features' own units.

    Attributes:
        mean, spread: (C,) mean and standard deviation of the frame's features.
        scale: (C,) standard deviation of their change, floored.
        frame, change: (C, C) covariance of the standardised, clipped inputs.
    """

    mean: Tensor
    spread: Tensor
    scale: Tensor
    frame: Tensor
    change: Tensor

    @classmethod
    def plain(cls, features: int) -> Statistics:
        """Return those of features that are standardised already, such as before a state dict is loaded."""
        zero, one, eye = torch.zeros(features), torch.ones(features), torch.eye(features)
        return cls(zero, one, one.clone(), eye, eye.clone())


class Stage(nn.Module):
    """A depthwise k×k and a 1×1 convolution, or a plain k×k one; each with its ReLU.

    Args:
        width: channels.
        kernel: k.
        plain: see `Shape`.
    """

    def __init__(self, width: int, kernel: int, *, plain: bool) -> None:
        super().__init__()
        self.spread = None if plain else Depthwise2d(width, kernel)
        self.point = Conv2d(width, width, kernel if plain else 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, rows, cols) → the same shape."""
        if self.spread is not None:
            x = functional.relu_(self.spread(x))
        return functional.relu_(self.point(x))


class Head(nn.Module):
    """From a frame's features and their change to logits.

    Args:
        shape: sizes.
        statistics: of the training side.
    """

    mean: Tensor
    spread: Tensor
    scale: Tensor
    frame: Tensor
    change: Tensor

    def __init__(self, shape: Shape, statistics: Statistics) -> None:
        super().__init__()
        self.shape = shape
        for name in ("mean", "spread", "scale"):
            self.register_buffer(name, getattr(statistics, name).view(1, -1, 1, 1).clone())
        self.register_buffer("frame", statistics.frame.clone())
        self.register_buffer("change", statistics.change.clone())
        self.project = Conv2d(shape.features, shape.projected, 1)
        self.mix = Conv2d(2 * shape.projected, shape.width, 1, bias=True)
        self.context = Conv2d(shape.width, shape.width, 1, bias=True) if shape.context else None
        self.stages = nn.ModuleList(
            Stage(shape.width, shape.kernel, plain=shape.plain) for _ in range(shape.depth)
        )
        self.drop = nn.Dropout2d(0.1)
        self.out = Conv2d(shape.width, 1, 1, bias=True)
        self.scene = nn.Linear(2 * shape.projected, shape.conditions) if shape.conditions else None
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, PRIOR)

    def forward(self, features: Tensor, change: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Score frames.

        Args:
            features: (N, C, rows, cols) pooled features.
            change: (N, C, rows, cols), in the same units.
            inside: (N, 1, rows, cols), 1 where a cell is in the picture, 0 on the bars of the letterbox.

        Returns:
            (N, 1, rows, cols) logits of cells, (N, conditions) logits of the scene.
        """
        seen = _clipped((features - self.mean) / self.spread, FRAME_LIMIT)
        moved = _clipped(change / self.scale, CHANGE_LIMIT)
        frame, of_change = self.projections()
        projected = bounded(seen, frame)
        x = torch.cat([projected, bounded(moved, of_change)], dim=1)
        scene = (
            projected.new_zeros(len(x), 0) if self.scene is None else self.scene(moments(projected, inside))
        )
        return self.cells(x), scene

    def projections(self) -> tuple[Tensor, Tensor]:
        """Return the kernels of frame and change, (projected, C, 1, 1) each: their outputs have variance 1."""
        flat = self.project.weight.flatten(1)
        return tuple(  # type: ignore[return-value]  # two of them
            (flat / (flat @ covariance * flat).sum(dim=1, keepdim=True).clamp(min=1e-6).sqrt())[
                :, :, None, None
            ]
            for covariance in (self.frame, self.change)
        )

    def cells(self, projected: Tensor) -> Tensor:
        """(N, 2 · projected, rows, cols), bounded → (N, 1, rows, cols) logits."""
        x = functional.relu_(self.mix(projected))
        if self.context is not None:
            x = functional.relu_(x + self.context(x.mean(dim=(2, 3), keepdim=True)))
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.out(self.drop(x))
        return logits


def moments(projected: Tensor, inside: Tensor) -> Tensor:
    """Return mean and standard deviation of each channel over the cells of the picture.

    Args:
        projected: (N, C, rows, cols).
        inside: (N, 1, rows, cols), 0 or 1.

    Returns:
        (N, 2 · C).
    """
    cells = inside.sum(dim=(2, 3)).clamp(min=1)
    mean = (projected * inside).sum(dim=(2, 3)) / cells
    off = (projected - mean[:, :, None, None]) * inside
    return torch.cat([mean, (off.square().sum(dim=(2, 3)) / cells + 1e-4).sqrt()], dim=1)


def _clipped(x: Tensor, limit: float) -> Tensor:
    return x.clamp(-limit, limit)


def bounded(x: Tensor, kernel: Tensor) -> Tensor:
    """Project, clip at ± SIGMA_LIMIT and move to 0..6, where a convolution's ReLU6 clips at no cost."""
    return functional.relu6(
        functional.conv2d(x, kernel * HALF, x.new_full((len(kernel),), MIDDLE)), inplace=True
    )
