"""What moves a network's parameters: SGD with Nesterov momentum, hidden kernels by Muon where the recipe says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.distill.setting import Training
from training.step.process import precision


def optimizers(network: nn.Module, training: Training) -> list[torch.optim.Optimizer]:
    """Return the optimizers of a network, each parameter in one of them; a group's `initial_lr` is its peak rate.

    Args:
        network: where it will be trained, channels last; its first kernel, which reads pixels, is SGD's.
        training: the recipe.
    """
    kernels = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    moving: list[torch.optim.Optimizer] = []
    if training.muon is not None:
        _, *hidden = [kernel for kernel in kernels if kernel.ndim > 2]
        moved = {id(kernel) for kernel in hidden}
        kernels = [kernel for kernel in kernels if id(kernel) not in moved]
        moving.append(
            Muon(
                hidden,
                lr=training.muon.learning_rate,
                momentum=training.muon.momentum,
                weight_decay=training.muon.weight_decay,
                ns_steps=training.muon.iterations,
            )
        )
    moving.append(
        torch.optim.SGD(
            [
                {"params": kernels, "weight_decay": training.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=training.learning_rate,
            momentum=training.momentum,
            nesterov=training.momentum > 0,
            foreach=True,
        )
    )
    for optimizer in moving:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return moving


class Muon(torch.optim.Muon):
    """Muon for convolutions: torch's takes matrices, so each kernel is seen as one, a row an output channel.

    An update has the size rate · √max(1, rows / columns). Kernels must stay where they are in memory from here on.
    torch's iterates in bfloat16 whatever the processor is; here it is `precision()`.

    Source: Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/).
    """

    def __init__(self, kernels: Sequence[nn.Parameter], **settings: Any) -> None:  # noqa: ANN401 — torch's
        """Take kernels (O, I, H, W), channels last, and torch's settings.

        Raises:
            RuntimeError: a kernel is not channels last.
        """
        self._kernels = kernels
        self._matrices = [nn.Parameter(_matrix(kernel.detach())) for kernel in kernels]  # the same memory
        super().__init__(self._matrices, **settings)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """Take one step along the kernels' gradients."""
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.permute(0, 2, 3, 1).flatten(1)
        with torch.no_grad():
            for group in self.param_groups:
                for matrix in group["params"]:
                    if matrix.grad is not None:
                        self._move(matrix, matrix.grad, group)
        return result

    def _move(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        average = state["momentum_buffer"]
        average.lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(average, group["momentum"]) if group["nesterov"] else average
        update = orthogonal(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = matrix.shape
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(update, alpha=-group["lr"] * math.sqrt(max(1, rows / columns)))

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002 — torch's signature
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        for kernel in self._kernels:
            kernel.grad = None


def orthogonal(
    matrix: Tensor, coefficients: tuple[float, float, float], iterations: int, least: float
) -> Tensor:
    """Return a matrix whose singular values are near 1, its directions kept, in `precision()`.

    A processor without bfloat16 multiplies it so slowly that this took four fifths of a step.

    Args:
        matrix: any.
        coefficients: of the quintic polynomial of Newton and Schulz.
        iterations: of it.
        least: the norm of a matrix that is nearly zero.

    Source: Jordan et al. 2024, as `torch.optim.Muon` does it in bfloat16.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(precision())
    x = x / x.norm().clamp(min=least)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def _matrix(kernel: Tensor) -> Tensor:
    """View (O, I, H, W) channels last as (O, H · W · I)."""
    return kernel.permute(0, 2, 3, 1).view(len(kernel), -1)
