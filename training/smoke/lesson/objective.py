"""What a student is to learn: cells of smoke through time, what a teacher says of them, and the scene's conditions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.distill.loss import mix, of_cells
from training.distill.setting import Distillation
from training.smoke.network import SCORE_RATE

HARDEST = 15  # free cells of each frame that count once more
LABEL_SMOOTHING = 0.02
SMOKY_SHARE = 0.5  # of a frame's boxed cells: a box is larger than its plume


class Through(nn.Module):
    """A head over windows of frames.

    Args:
        network: (features, change, inside) of N frames → (N, 1, rows, cols) logits, (N, conditions) logits.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, change: Tensor, inside: Tensor) -> Tensor:
        """(B, W, C, rows, cols) twice, (B, 1, rows, cols) → (B, W, rows · cols + conditions), all logits."""
        frames = features.shape[1]
        cells, scene = self.network(
            features.flatten(0, 1), change.flatten(0, 1), inside.repeat_interleave(frames, dim=0)
        )
        packed = torch.cat([cells.flatten(1), scene], dim=1)
        return packed.view(-1, frames, packed.shape[1])


def smooth(logits: Tensor) -> Tensor:
    """Smooth logits over 3×3 cells and over the frames so far, as the exported graph does.

    Args:
        logits: (B, W, rows, cols), frames in order from the first that is known.
    """
    near = functional.avg_pool2d(logits, 3, 1, 1, count_include_pad=False)
    total, mass, smoothed = torch.zeros_like(near[:, 0]), 0.0, []
    for frame in near.unbind(dim=1):
        total = total * (1 - SCORE_RATE) + frame * SCORE_RATE
        mass = mass * (1 - SCORE_RATE) + SCORE_RATE
        smoothed.append(total / mass)
    return torch.stack(smoothed, dim=1)


def objective(
    method: Distillation | None, conditions_weight: float
) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor | None], Tensor]:
    """Return the loss, (logits of `Through`, positive, negative, conditions, a teacher's logits) → scalar.

    Args:
        method: temperature and α of a teacher; None learns from labels alone.
        conditions_weight: of the scene's loss.
    """

    def loss(
        packed: Tensor, positive: Tensor, negative: Tensor, conditions: Tensor, soft: Tensor | None
    ) -> Tensor:
        cells = positive.shape[2] * positive.shape[3]
        logits = smooth(packed[:, :, :cells].reshape(positive.shape)).flatten(0, 1)
        there, free = positive.flatten(0, 1), negative.flatten(0, 1)
        value = hard(logits, there, free)
        if method is not None:
            assert soft is not None
            value = mix(taught(logits, smooth(soft).flatten(0, 1), there, method.temperature), value, method)
        return value + conditions_weight * scene(packed[:, :, cells:], conditions)

    return loss


def hard(logits: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """BCE over the smokiest half of each frame's boxed cells + its hardest free cells + twice the mean over free cells.

    Each smoky frame counts the same, so that a plume of two cells is not outvoted by one of two hundred.

    Args:
        logits: (N, rows, cols).
        positive: (N, rows, cols) bool.
        negative: (N, rows, cols) bool, disjoint from positive.
    """
    target = positive.float() * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    on_positive = _smokiest(entropy, entropy, positive)
    on_negative = torch.where(negative, entropy, torch.zeros_like(entropy)).flatten(1)
    hardest = on_negative.topk(HARDEST, dim=1).values.mean()
    return on_positive + hardest + 2 * on_negative.sum() / negative.sum().clamp(min=1)


def _smokiest(values: Tensor, by: Tensor, positive: Tensor) -> Tensor:
    """Mean over smoky frames of the mean over those SMOKY_SHARE of their cells that are lowest in `by`."""
    counts = positive.flatten(1).sum(dim=1)
    taken = (counts * SMOKY_SHARE).ceil()
    order = by.detach().masked_fill(~positive, torch.inf).flatten(1).argsort(dim=1)
    first = torch.arange(order.shape[1], device=order.device)[None] < taken[:, None]
    picked = values.flatten(1).gather(1, order)
    sums = torch.where(first, picked, torch.zeros_like(picked)).sum(dim=1)
    return (sums / taken.clamp(min=1)).sum() / (counts > 0).sum().clamp(min=1)


def taught(student: Tensor, teacher: Tensor, positive: Tensor, temperature: float) -> Tensor:
    """T²-scaled KL: over the boxes of each smoky frame alike + the furthest cells of each frame + twice over all.

    Args:
        student: (N, rows, cols) logits.
        teacher: (N, rows, cols) logits.
        positive: (N, rows, cols) bool.
        temperature: T.
    """
    apart = (torch.sigmoid(student.detach() / temperature) - torch.sigmoid(teacher / temperature)).abs()
    furthest = apart.flatten(1).topk(HARDEST, dim=1).indices
    value = 2 * of_cells(student, teacher, temperature)
    own, other = (logits.flatten(1).gather(1, furthest) for logits in (student, teacher))
    value = value + of_cells(own, other, temperature)
    smoky = positive.flatten(1).any(dim=1)
    if smoky.any():
        frames = zip(student[smoky], teacher[smoky], positive[smoky], strict=True)
        each = [of_cells(learned[box], said[box], temperature) for learned, said, box in frames]
        value = value + torch.stack(each).mean()
    return value


def scene(logits: Tensor, conditions: Tensor) -> Tensor:
    """Mean BCE over the conditions that are known; 0 where none is.

    Args:
        logits: (B, W, N).
        conditions: (B, W, N), 0 or 1, NaN where unknown.
    """
    known = ~torch.isnan(conditions)
    if not known.any():
        return logits.new_zeros(())
    return functional.binary_cross_entropy_with_logits(logits[known], conditions[known])
