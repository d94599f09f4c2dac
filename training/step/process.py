"""The processes that train together: one, or those that `accelerate launch` or `torchrun` started."""

from __future__ import annotations

import functools
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState

PATIENCE = timedelta(hours=12)  # while the main process quantizes, the others wait
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86-64, x86-64, arm64


def processes() -> PartialState:
    """Return this process's place among them; without a GPU they talk over gloo, which accelerate must be told."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)


def accelerator() -> Accelerator:
    """Return what places networks on devices and averages gradients over the processes."""
    processes()
    return Accelerator(cpu=not torch.cuda.is_available())


@functools.cache
def precision() -> torch.dtype:
    """Return bfloat16 where the processor computes in it, else float32."""
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return torch.bfloat16 if words & _BF16_FLAGS else torch.float32
