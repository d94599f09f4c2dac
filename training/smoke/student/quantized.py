"""The student's head with its convolutions in INT8: what is trained at the end, and what is exported.

Inputs and projections have ranges that are known; the others are frozen at what some training batches show.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network.memory import laid_out
from training.quantize.fake import Mode, Point, QuantizedConv2d, QuantizedDepthwise2d
from training.smoke.student.head import (
    CHANGE_LIMIT,
    FRAME_LIMIT,
    HALF,
    MIDDLE,
    Head,
    Shape,
    Stage,
    moments,
)

RELU6 = 6.0
BITS = 8


class Beside(nn.Module):
    """Two maps in one, channel behind channel; a module of its own, so that its tensor can be named in a file."""

    def forward(self, frame: Tensor, change: Tensor) -> Tensor:
        """(N, C, rows, cols) twice → (N, 2 · C, rows, cols)."""
        return torch.cat([frame, change], dim=1)


class Told(nn.Module):
    """Adds to each cell what all cells show; a module of its own, as `Beside`."""

    def forward(self, cells: Tensor, context: Tensor) -> Tensor:
        """(N, C, rows, cols), (N, C, 1, 1) → (N, C, rows, cols)."""
        return functional.relu(cells + context)


class QuantizedStage(nn.Module):
    """A stage with a point behind each convolution."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.spread = None
        if stage.spread is not None:
            self.spread = QuantizedDepthwise2d(len(stage.spread.weight), stage.spread.kernel_size[0])
            self.spread.load_state_dict(stage.spread.state_dict())
            self.between = Point()
        self.point = _copied(stage.point.weight, stage.point.bias)
        self.after = Point()

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, rows, cols) → the same shape."""
        if self.spread is not None:
            x = self.between(functional.relu(self.spread(x)))
        y: Tensor = self.after(functional.relu(self.point(x)))
        return y


class QuantizedHead(nn.Module):
    """From standardised inputs to logits, as `Head`; standardisation and the scene's output stay in float32.

    Args:
        head: trained; copied.
    """

    mean: Tensor
    spread: Tensor
    scale: Tensor

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.shape: Shape = head.shape
        for name in ("mean", "spread", "scale"):
            self.register_buffer(name, getattr(head, name).clone())
        kernels = [(kernel * HALF).detach() for kernel in head.projections()]
        self.frame, self.change = (_copied(kernel, torch.full((len(kernel),), MIDDLE)) for kernel in kernels)
        self.seen, self.moved, self.frame_out, self.change_out = Point(), Point(), Point(), Point()
        self.seen.fix(-FRAME_LIMIT, FRAME_LIMIT)
        self.moved.fix(-CHANGE_LIMIT, CHANGE_LIMIT)
        self.frame_out.fix(0.0, RELU6)
        self.change_out.fix(0.0, RELU6)
        self.beside = Beside()
        self.mix, self.mix_out = _copied(head.mix.weight, head.mix.bias), Point()
        self.context, self.told = None, Told()
        if head.context is not None:
            self.context = _copied(head.context.weight, head.context.bias)
            self.mean_out, self.context_out, self.told_out = Point(), Point(), Point()
        self.stages = nn.ModuleList(
            QuantizedStage(stage) for stage in head.stages if isinstance(stage, Stage)
        )
        self.out, self.out_out = _copied(head.out.weight, head.out.bias), Point()
        self.scene = copy.deepcopy(head.scene)

    def forward(self, features: Tensor, change: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Score frames; arguments and results as `Head.forward`."""
        seen = ((features - self.mean) / self.spread).clamp(-FRAME_LIMIT, FRAME_LIMIT)
        moved = (change / self.scale).clamp(-CHANGE_LIMIT, CHANGE_LIMIT)
        cells, projected = self.cells(seen, moved)
        scene = projected.new_zeros(len(cells), 0)
        if self.scene is not None:
            scene = self.scene(moments(projected, inside))
        return cells, scene

    def cells(self, seen: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        """Score standardised, clipped inputs.

        Args:
            seen: (N, C, rows, cols).
            moved: (N, C, rows, cols).

        Returns:
            (N, 1, rows, cols) logits and the (N, projected, rows, cols) projection of the frame, in 0..6.
        """
        projected = self.frame_out(functional.relu6(self.frame(self.seen(seen))))
        of_change = self.change_out(functional.relu6(self.change(self.moved(moved))))
        x = self.mix_out(functional.relu(self.mix(self.beside(projected, of_change))))
        if self.context is not None:
            told = self.context_out(self.context(self.mean_out(x.mean(dim=(2, 3), keepdim=True))))
            x = self.told_out(self.told(x, told))
        for stage in self.stages:
            x = stage(x)
        return self.out_out(self.out(x)), projected

    def points(self) -> dict[str, Point]:
        """Return every point, by name."""
        return {name: module for name, module in self.named_modules() if isinstance(module, Point)}

    def layers(self) -> dict[str, QuantizedConv2d | QuantizedDepthwise2d]:
        """Return every layer whose weight lies on a grid, by name."""
        kinds = (QuantizedConv2d, QuantizedDepthwise2d)
        return {name: module for name, module in self.named_modules() if isinstance(module, kinds)}

    def set_mode(self, mode: Mode) -> None:
        """Switch every point; weights lie on their grids where points quantize."""
        for point in self.points().values():
            point.mode = mode
        for layer in self.layers().values():
            layer.set_bits(BITS if mode in {"follow", "fixed"} else None)


def observe(head: QuantizedHead, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
    """Freeze each point's range at the smallest and largest value over some frames, and quantize from here on.

    Args:
        head: its unknown ranges begin empty.
        batches: arguments of `QuantizedHead.forward`.
    """
    head.set_mode("observe")
    with torch.no_grad():
        for batch in batches:
            head(*batch)
    head.set_mode("fixed")


def plain(head: QuantizedHead) -> QuantizedHead:
    """Return a copy whose weights lie on their grids and whose points are switched off: what is exported.

    Its weights are contiguous, see `training.export.file.export_tflite`.
    """
    copied = laid_out(copy.deepcopy(head).float().eval(), torch.contiguous_format)
    for layer in copied.layers().values():
        layer.bake()
        layer.weight.data = layer.weight.data.contiguous()
    copied.set_mode("off")
    return copied.requires_grad_(requires_grad=False)


def _copied(weight: Tensor, bias: Tensor | None) -> QuantizedConv2d:
    made = QuantizedConv2d(weight.shape[1], weight.shape[0], weight.shape[2], bias=True)
    assert bias is not None
    made.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    return made
