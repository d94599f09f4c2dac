"""Learning rates over a training, as functions of the step alone, so that a resumed run has the same."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.optim import Optimizer

from training.distill.loop import Rates


def triangle(warm_up: float, steps: int) -> Rates:
    """Return one triangle: up to each group's peak, down to zero."""

    def rates(moving: Sequence[Optimizer], step: int) -> None:
        done = (step + 1) / (steps + 1)
        share = min(done / max(warm_up, 1e-9), (1 - done) / max(1 - warm_up, 1e-9))
        for optimizer in moving:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * share

    return rates


def one_cycle(peak: float, steps: int) -> Rates:
    """Return torch's one cycle of learning rate and momentum, cosine in both directions.

    Source: Smith & Topin 2017 (arXiv:1708.07120), as torch.optim.lr_scheduler.OneCycleLR has it.
    """
    probe = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], peak)
    cycle = torch.optim.lr_scheduler.OneCycleLR(probe, peak, total_steps=steps)
    settings = []
    for _ in range(steps):
        (group,) = probe.param_groups
        settings.append({"lr": group["lr"], "betas": group["betas"]})
        probe.step()
        cycle.step()

    def rates(moving: Sequence[Optimizer], step: int) -> None:
        for optimizer in moving:
            for group in optimizer.param_groups:
                group.update(settings[step])

    return rates
