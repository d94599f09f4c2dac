"""Fake quantization: what 8-bit activations and 8, 4 or 2-bit weights do to a network, in floating point.

Weights are symmetric with a scale a channel, activations asymmetric with one scale a tensor, as TFLite and ONNX Runtime
compute them. Gradients pass straight through, and stop where a value is clipped.

Source: Jacob et al. 2018 (arXiv:1712.05877).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.network.convolution import Conv2d
from training.network.depthwise import Depthwise2d

Mode = Literal["off", "observe", "follow", "fixed"]
FOLLOW_RATE = 0.02  # of the moving average of a batch's minimum and maximum
CLIP_SEARCH = torch.linspace(
    0.2, 1.0, 33
)  # candidates for a low-bit grid's end, in shares of the largest weight


class Point(nn.Module):
    """A place where the file will hold an 8-bit tensor.

    Modes: `off` is the identity; `observe` widens the range to what it sees; `follow` moves the range after each batch
    and quantizes; `fixed` quantizes.
    """

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.mode: Mode = "off"
        self._given = False
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def fix(self, low: float, high: float) -> None:
        """Set a range that is known and never moves."""
        self.set(low, high)
        self._given = True

    def set(self, low: float, high: float) -> None:
        """Set the range; it is widened to hold 0."""
        self.low.fill_(min(low, 0.0))
        self.high.fill_(max(high, 0.0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, …) → the same shape, observed or quantized, as the mode says."""
        if self.mode == "off":
            return x
        if not self._given and (self.mode == "observe" or (self.mode == "follow" and self.training)):
            ends = (end.float() for end in x.detach().movedim(1, -1).aminmax())  # as it lies in memory
            low, high = (end.clamp(*limit) for end, limit in zip(ends, _SIDES, strict=True))
            if self.mode == "observe":
                self.low.copy_(torch.minimum(self.low, low))
                self.high.copy_(torch.maximum(self.high, high))
                return x
            self.low.lerp_(low, FOLLOW_RATE)
            self.high.lerp_(high, FOLLOW_RATE)
        return x if self.mode == "observe" else self.quantize(x)

    def quantize(self, x: Tensor) -> Tensor:
        """Round to the 256 values of the range, `x`'s type kept; the identity in modes that do not quantize."""
        if self.mode in {"off", "observe"}:
            return x
        low, high = torch.stack((self.low, self.high)).tolist()
        if not math.isfinite(high - low):
            return x * math.nan  # the loss will say so
        scale = max((high - low) / 255, 1e-9)
        first = min(max(round(low / scale), -255), 0)
        rounded: Tensor = _Round.apply(x, scale, first)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
        return rounded


class _Round(torch.autograd.Function):
    """Round to 256 multiples of a scale, in `x`'s own type; the gradient stops where `x` is clipped.

    torch's fake quantization does the same in float32 and keeps a mask: its passes took more than half of a step of a
    bfloat16 network.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, scale: float, first: int) -> Tensor:  # noqa: ANN401 — torch's context
        context.save_for_backward(x)
        context.ends = first * scale, (first + 255) * scale
        rounded: Tensor = (x / scale).round_().clamp_(first, first + 255).mul_(scale)
        return rounded

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 — torch's context
        (x,) = context.saved_tensors
        passed: Tensor = torch.ops.aten.hardtanh_backward(gradient, x, *context.ends)
        return passed, None, None


_SIDES = ((None, 0.0), (0.0, None))  # a range always holds 0


def weight_scale(weight: Tensor, bits: int) -> Tensor:
    """Return (channels out,): the step of each channel's symmetric grid of 2^bits − 1 values.

    With 8 bits the largest weight is the grid's end, which is what quantizers make of such a file; below, the end with
    the least squared error among `CLIP_SEARCH`.
    """
    flat = weight.detach().flatten(1)
    levels: int = 2 ** (bits - 1) - 1
    largest = flat.abs().amax(dim=1).clamp(min=1e-9)
    if bits >= 8:
        return largest / levels
    ends = largest[None] * CLIP_SEARCH.to(flat.device)[:, None]
    steps = ends / levels
    errors = torch.stack(
        [
            ((flat / step[:, None]).round().clamp(-levels, levels) * step[:, None] - flat).square().sum(dim=1)
            for step in steps
        ]
    )
    return steps.gather(0, errors.argmin(dim=0)[None])[0]


def quantize_weight(weight: Tensor, bits: int, scale: Tensor | None = None) -> Tensor:
    """Round a weight to its grid; gradients pass where it is not clipped."""
    levels: int = 2 ** (bits - 1) - 1
    scale = weight_scale(weight, bits) if scale is None else scale
    zero_point = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero_point, 0, -levels, levels)


class _Quantized:
    """What both kinds of layers share: a weight on a grid of `bits`, None leaves it in floating point."""

    weight: Tensor
    bits: int | None = None
    _scale: Tensor | None
    """A buffer, so that it follows the layer to its device; not part of what is stored."""

    def set_bits(self, bits: int | None) -> None:
        """Choose the grid; below 8 bits its step is fixed now, by the weight as it is."""
        self.bits = bits
        scale = None if bits is None or bits >= 8 else weight_scale(self.weight, bits)
        assert isinstance(self, nn.Module)
        self.register_buffer("_scale", scale, persistent=False)

    def grid_weight(self) -> Tensor:
        """Return the weight as the file will have it."""
        return self.weight if self.bits is None else quantize_weight(self.weight, self.bits, self._scale)

    def bake(self) -> None:
        """Write the grid's values into the weight, for the export."""
        with torch.no_grad():
            self.weight.copy_(self.grid_weight())
        self.bits = None


class QuantizedConv2d(_Quantized, Conv2d):
    """A convolution whose weight may lie on a grid."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H / stride, W / stride)."""
        return self.convolve(x, self.grid_weight())


class QuantizedDepthwise2d(_Quantized, Depthwise2d):
    """A depthwise convolution whose weight may lie on a grid."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → the same shape."""
        return self.convolve(x, self.grid_weight())


class QuantizedLinear(_Quantized, nn.Linear):
    """A linear layer whose weight may lie on a grid."""

    @classmethod
    def of(cls, linear: nn.Linear) -> QuantizedLinear:
        """Copy a plain one."""
        made = cls(linear.in_features, linear.out_features)
        made.load_state_dict(linear.state_dict())
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(N, C) → (N, C')."""
        return functional.linear(x, self.grid_weight(), self.bias)
