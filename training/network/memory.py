"""How a network's weights lie in memory."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def laid_out(network: M, layout: torch.memory_format) -> M:
    """Give a network's weights of four dimensions a layout; return it."""
    network.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stubs lack it
    return network
