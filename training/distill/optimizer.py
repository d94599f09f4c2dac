"""What moves a network's parameters: SGD with Nesterov momentum, hidden kernels by Muon where the recipe says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.distill.setting import Training


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
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.permute(0, 2, 3, 1).flatten(1)
        result: float | None = super().step(closure)  # type: ignore[no-untyped-call]  # torch's decorator
        return result

    def zero_grad(self, set_to_none: bool = True) -> None:  # noqa: FBT001, FBT002 — torch's signature
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        for kernel in self._kernels:
            kernel.grad = None


def _matrix(kernel: Tensor) -> Tensor:
    """View (O, I, H, W) channels last as (O, H · W · I)."""
    return kernel.permute(0, 2, 3, 1).view(len(kernel), -1)
