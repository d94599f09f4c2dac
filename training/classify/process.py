"""The processes that train together: one, or those that `accelerate launch` or `torchrun` started."""

from __future__ import annotations

import torch
from accelerate import Accelerator, PartialState


def processes() -> PartialState:
    """Return this process's place among them; without a GPU they talk over gloo, which accelerate must be told."""
    return PartialState(cpu=not torch.cuda.is_available())


def accelerator() -> Accelerator:
    """Return what places networks on devices and averages gradients over the processes."""
    return Accelerator(cpu=not torch.cuda.is_available())
