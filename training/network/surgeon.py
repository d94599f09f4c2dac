"""Which inputs of a linear layer can go, and what the rest should weigh then: the optimal brain surgeon with a refit.

Source: Hassibi & Stork 1993; for channels with a reconstruction of the layer's output: He et al. 2017
(arXiv:1707.06168).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

RIDGE = 1e-4  # of the inputs' mean variance


@dataclass(frozen=True, slots=True)
class Cut:
    """A layer that reads fewer inputs.

    Attributes:
        kept: (K,) indices of the inputs, rising.
        weight: (O, K).
        bias: (O,).
        error: squared error of the outputs over their variance, mean over outputs.
    """

    kept: Tensor
    weight: Tensor
    bias: Tensor
    error: float


def cut(inputs: Tensor, wanted: Tensor, keep: int) -> Cut:
    """Choose inputs by which outputs are told best by least squares, one after another taken away.

    Each time the one goes whose loss costs least once the others have made up for it. All outputs count alike,
    whatever their variance.

    Args:
        inputs: (N, I) samples.
        wanted: (N, O), what the layer should give for them.
        keep: how many inputs stay, 1 to I.
    """
    middle, level = inputs.double().mean(dim=0), wanted.double().mean(dim=0)
    x, y = inputs.double() - middle, wanted.double() - level
    spread = y.std(dim=0).clamp(min=1e-6)
    covariance = x.T @ x / len(x)
    covariance += RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=x.dtype)
    shared = x.T @ (y / spread) / len(x)
    kept = _chosen(covariance, shared, keep)
    weight = torch.linalg.solve(covariance[kept][:, kept], shared[kept])
    error = (x[:, kept] @ weight - y / spread).square().mean()
    weight = (weight * spread).T
    return Cut(kept, weight.float(), (level - weight @ middle[kept]).float(), float(error))


def _chosen(covariance: Tensor, shared: Tensor, keep: int) -> Tensor:
    inverse = torch.linalg.inv(covariance)
    weight = inverse @ shared
    alive = torch.ones(len(covariance), dtype=torch.bool)
    for _ in range(len(covariance) - keep):
        saliency = weight.square().sum(dim=1) / inverse.diagonal().clamp(min=1e-12)
        gone = int(saliency.masked_fill(~alive, torch.inf).argmin())
        column = inverse[:, gone] / inverse[gone, gone]
        weight = weight - column[:, None] * weight[gone]
        inverse = inverse - column[:, None] * inverse[gone]
        alive[gone] = False
    return alive.nonzero()[:, 0]
