"""What a network is trained on: cross entropy, distillation (KD) of classes or cells, decoupled distillation (DKD)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.distill.setting import Distillation


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean over the batch, with label smoothing."""
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(teacher / T) ‖ softmax(student / T)), mean over the batch.

    Args:
        student: (B, classes) logits.
        teacher: (B, classes) logits.
        temperature: T.

    Source: Hinton et al. 2015 (arXiv:1503.02531), section 2.
    """
    soft = functional.log_softmax(teacher / temperature, dim=1)
    learned = functional.log_softmax(student / temperature, dim=1)
    return functional.kl_div(learned, soft, reduction="batchmean", log_target=True) * temperature**2


def decoupled(student: Tensor, teacher: Tensor, labels: Tensor, method: Distillation) -> Tensor:
    """T² · (target_weight · TCKD + other_weight · NCKD): the target class against the rest, and the rest among itself.

    Args:
        student: (B, classes) logits.
        teacher: (B, classes) logits.
        labels: (B,) int64.
        method: temperature and the two weights.

    Source: Zhao et al. 2022 (arXiv:2203.08679), equation 7.
    """
    temperature = method.temperature
    target = functional.one_hot(labels, student.shape[1]).bool()
    pairs, rest = [], []
    for logits in (teacher, student):
        logs = functional.log_softmax(logits / temperature, dim=1)
        hit = logs[target]
        others = torch.logsumexp(logs.masked_fill(target, -torch.inf), dim=1)
        pairs.append(torch.stack([hit, others], dim=1))
        without = (logits / temperature)[~target].view(len(logits), -1)
        rest.append(functional.log_softmax(without, dim=1))
    of_target = functional.kl_div(pairs[1], pairs[0], reduction="batchmean", log_target=True)
    of_rest = functional.kl_div(rest[1], rest[0], reduction="batchmean", log_target=True)
    return temperature**2 * (method.target_weight * of_target + method.other_weight * of_rest)


def of_cells(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL(σ(teacher / T) ‖ σ(student / T)), mean over cells of which each is or is not of the one class.

    Args:
        student: logits of any shape, one per cell.
        teacher: logits of the same shape.
        temperature: T.

    Source: as `distillation`, with two classes of which one logit is 0.
    """
    soft, learned = teacher / temperature, student / temperature
    there, gone = torch.sigmoid(soft), torch.sigmoid(-soft)
    divergence = there * (functional.logsigmoid(soft) - functional.logsigmoid(learned))
    divergence = divergence + gone * (functional.logsigmoid(-soft) - functional.logsigmoid(-learned))
    return divergence.mean() * temperature**2


def mix(soft: Tensor, hard: Tensor, method: Distillation) -> Tensor:
    """α · soft loss + (1 − α) · hard loss."""
    return method.alpha * soft + (1 - method.alpha) * hard


def taught(
    student: Tensor, teacher: Tensor, labels: Tensor, method: Distillation, smoothing: float
) -> Tensor:
    """Mix the soft loss, KD or DKD, with cross entropy."""
    match method.loss:
        case "kd":
            soft = distillation(student, teacher, method.temperature)
        case "dkd":
            soft = decoupled(student, teacher, labels, method)
    return mix(soft, cross_entropy(student, labels, smoothing), method)


def of_labels(
    smoothing: float, method: Distillation | None
) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the loss of a classifier, (logits, labels, teacher's logits) → scalar.

    Args:
        smoothing: of the labels.
        method: how a teacher's logits are used; None learns from labels alone, and reads none.
    """
    if method is None:
        return lambda logits, labels, soft: cross_entropy(logits, labels, smoothing)  # noqa: ARG005

    def both(logits: Tensor, labels: Tensor, soft: Tensor | None) -> Tensor:
        assert soft is not None
        return taught(logits, soft, labels, method, smoothing)

    return both
