"""The scene's output, fitted to the end once everything before it is trained: logistic regressions, which are convex.

A few hundred steps beside the cells leave it half fitted: moments of cameras that were never seen lie close together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.smoke.lesson.example import Example
from training.smoke.student.head import FRAME_LIMIT, moments
from training.smoke.student.quantized import QuantizedHead

FRAMES = 2500  # at most, spread evenly over all examples
CHUNK = 16  # frames at once
DECAY = 1e-3  # of the weights of standardised moments, per unit of weight of all frames
ITERATIONS = 200


def fit(head: QuantizedHead, examples: Sequence[Example]) -> None:
    """Fit the scene's output to the conditions that are known; one that is never told both ways keeps its weights.

    True and false frames of a condition weigh the same, and so do the groups and sources among each.

    Args:
        head: its points fixed; changed.
        examples: of the training side.
    """
    if head.scene is None:
        return
    every = max(1, sum(len(example.features) for example in examples) // FRAMES)
    seen = torch.cat([_moments(head, example, every) for example in examples])
    told = np.concatenate([example.conditions[::every] for example in examples])
    kinds = np.concatenate(
        [np.full(len(e.conditions[::every]), f"{e.group} {e.source}", object) for e in examples]
    )
    mean, spread = seen.mean(dim=0), seen.std(dim=0).clamp(min=1e-4)
    standardised = (seen - mean) / spread
    with torch.no_grad():
        for index, column in enumerate(told.T):
            weights = _weights(column, kinds)
            if weights is None:
                continue
            slope, bias = _regress(standardised, torch.from_numpy(column == 1).float(), weights)
            head.scene.weight[index] = slope / spread
            head.scene.bias[index] = bias - (slope * mean / spread).sum()


def _moments(head: QuantizedHead, example: Example, every: int) -> Tensor:
    """Return (frames, 2 · projected)."""
    inside = torch.from_numpy(example.inside)[None, None].float()
    found, frames = [], range(0, len(example.features), every)
    with torch.inference_mode():
        for first in range(0, len(frames), CHUNK):
            part = np.stack([example.features[index] for index in frames[first : first + CHUNK]])
            x = (torch.from_numpy(part).float() - head.mean) / head.spread
            x = head.seen(x.clamp(-FRAME_LIMIT, FRAME_LIMIT))
            projected = head.frame_out(functional.relu6(head.frame(x)))
            found.append(moments(projected, inside.expand(len(part), -1, -1, -1)))
    return torch.cat(found).clone()


def _weights(column: NDArray[np.float32], kinds: NDArray[np.object_]) -> Tensor | None:
    """Return what each frame weighs, 1 in all; None where a condition is not told both ways."""
    weights = np.zeros(len(column), np.float32)
    for value in (0, 1):
        of_value = column == value
        if not of_value.any():
            return None
        named, counts = np.unique(kinds[of_value].astype(str), return_counts=True)
        for kind, count in zip(named, counts, strict=True):
            weights[of_value & (kinds == kind)] = 0.5 / len(named) / count
    return torch.from_numpy(weights)


def _regress(x: Tensor, true: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope (C,) and bias of a logistic regression of weighted rows (N, C)."""
    slope = torch.zeros(x.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = x @ slope + bias
        losses = functional.binary_cross_entropy_with_logits(logits, true, reduction="none")
        loss = (losses * weights).sum() + DECAY * slope.square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves backward untyped
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves step untyped
    return slope.detach(), bias.detach()
