"""What a network is trained on: cross entropy, distillation (KD) and decoupled distillation (DKD)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.cifar10.recipe import Distillation


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean over the batch, with label smoothing."""
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(teacher / T) ‖ softmax(student / T)), mean over the batch.

    Args:
        student: (B, classes) logits.
        teacher: likewise.
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
        teacher: likewise.
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


def taught(
    student: Tensor, teacher: Tensor, labels: Tensor, method: Distillation, smoothing: float
) -> Tensor:
    """α · soft loss + (1 − α) · cross entropy, the soft loss being KD or DKD."""
    match method.loss:
        case "kd":
            soft = distillation(student, teacher, method.temperature)
        case "dkd":
            soft = decoupled(student, teacher, labels, method)
    return method.alpha * soft + (1 - method.alpha) * cross_entropy(student, labels, smoothing)
