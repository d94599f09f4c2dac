"""A convolution that is fast on a CPU when maps are small.

oneDNN's convolutions lose most of their speed on maps of a few pixels, above all in the gradient of the weights; the
same sums as one matrix product do not (docs/decisions/0004-small-convolutions-as-products.md has the times).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL_PX = 4  # maps up to this side are multiplied; larger ones need more memory traffic than they save


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` that trains as a matrix product where that is faster; same parameters, same result."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, *, bias: bool = False
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        return self.convolve(x, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve with another weight of the same shape, such as a fake-quantized one."""
        if x.device.type != "cpu" or not self.training or not self._is_small(x.shape[2]):
            return functional.conv2d(x, weight, self.bias, self.stride, self.padding)
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            x, weight = x.to(dtype), weight.to(dtype)
        with torch.autocast("cpu", enabled=False):
            product: Tensor = _Product.apply(x, weight, self.stride[0])  # type: ignore[no-untyped-call]  # torch leaves apply untyped
        return product if self.bias is None else product + self.bias.view(-1, 1, 1).to(product.dtype)

    def _is_small(self, side_px: int) -> bool:
        side_px = -(-side_px // self.stride[0])
        if self.kernel_size[0] == 1:
            return True
        return side_px <= SMALL_PX


def _patches(x: Tensor, kernel: int, stride: int) -> Tensor:
    """(N, C, H, W) channels last → (N · H' · W', kernel² · C) with the zero padding of a k//2 border."""
    nhwc = x.permute(0, 2, 3, 1)
    channels, border = nhwc.shape[3], kernel // 2
    if kernel == 1:
        return nhwc[:, ::stride, ::stride].reshape(-1, channels)
    padded = functional.pad(nhwc, (0, 0, border, border, border, border)).contiguous()
    images, height, width, _ = padded.shape
    rows, cols = (height - kernel) // stride + 1, (width - kernel) // stride + 1
    image, row, col = height * width * channels, width * channels, channels
    windows = padded.as_strided(
        (images, rows, cols, kernel, kernel, channels), (image, stride * row, stride * col, row, col, 1)
    )
    return windows.reshape(images * rows * cols, kernel * kernel * channels)


class _Product(torch.autograd.Function):
    """y = patches(x) · wᵀ; patches are made again for the backward pass, which saves their memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:  # noqa: ANN401 — autograd's own
        kernel = weight.shape[2]
        ctx.stride = stride
        ctx.save_for_backward(x, weight)
        flat = weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)
        side = [-(-size // stride) for size in x.shape[2:]]
        return (_patches(x, kernel, stride) @ flat.t()).view(len(x), *side, -1).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:  # noqa: ANN401 — autograd's own
        x, weight = ctx.saved_tensors
        outs, _, kernel, _ = weight.shape
        flat = gradient.permute(0, 2, 3, 1).reshape(-1, outs)
        of_weight = (
            (flat.t() @ _patches(x, kernel, ctx.stride)).view(outs, kernel, kernel, -1).permute(0, 3, 1, 2)
        )
        of_x = _gradient_of_input(ctx, gradient, x, weight) if ctx.needs_input_grad[0] else None
        return of_x, of_weight, None


def _gradient_of_input(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401
    """With stride 1 the gradient is a convolution of the same kind with the turned kernel."""
    kernel = weight.shape[2]
    if ctx.stride == 1:
        turned = weight.flip(2, 3).permute(2, 3, 0, 1).reshape(-1, weight.shape[1])
        back = _patches(gradient, kernel, 1) @ turned
        return back.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
    border, step = [kernel // 2] * 2, [ctx.stride] * 2
    no_transposition, wanted = False, [True, False, False]  # of the input alone
    of_x: Tensor = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, step, border, [1, 1], no_transposition, [0, 0], 1, wanted
    )[0]
    return of_x
