"""A depthwise convolution that trains fast on a CPU, and may have its weight on a grid.

oneDNN's gradient of a depthwise convolution's input is many times slower than the same sums as a forward pass with the
turned kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Depthwise2d(nn.Conv2d):
    """A k×k depthwise convolution of stride 1 with bias; the map keeps its size. Channels last is the fast layout."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__(channels, channels, kernel, padding=kernel // 2, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        return self.convolve(x, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve with another weight of the same shape, such as a fake-quantized one."""
        if not self.training:
            return functional.conv2d(x, weight, self.bias, 1, self.padding, 1, self.groups)
        assert self.bias is not None
        product: Tensor = _Turned.apply(x, weight)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
        return product.add_(self.bias.view(-1, 1, 1))


class _Turned(torch.autograd.Function):
    """The gradient of the input is a convolution of the gradient with the turned kernel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401 — autograd's own
        ctx.save_for_backward(x, weight)
        return _convolved(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:  # noqa: ANN401 — autograd's own
        x, weight = ctx.saved_tensors
        of_x = _convolved(gradient, weight.flip(2, 3)) if ctx.needs_input_grad[0] else None
        of_weight = None
        if ctx.needs_input_grad[1]:
            border, one, none = [weight.shape[2] // 2] * 2, [1, 1], [0, 0]
            no_transposition, wanted = False, [False, True, False]  # of the weight alone
            of_weight = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, one, border, one, no_transposition, none, len(weight), wanted
            )[1]
        return of_x, of_weight


def _convolved(x: Tensor, weight: Tensor) -> Tensor:
    return functional.conv2d(x, weight, None, 1, weight.shape[2] // 2, 1, weight.shape[0])
