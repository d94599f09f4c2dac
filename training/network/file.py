"""A backbone in one file: its shape and its weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import msgspec
import torch

from training.network.lite0 import Backbone, BackboneShape
from training.step.step import write_whole


def write(backbone: Backbone, path: Path) -> None:
    """Write a backbone, whole or not at all."""
    stored = {"shape": asdict(backbone.shape), "weights": backbone.state_dict()}
    write_whole(path, lambda partial: torch.save(stored, partial))


def read(path: Path) -> Backbone:
    """Return a stored backbone, frozen."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    backbone = Backbone(msgspec.convert(stored["shape"], BackboneShape))
    backbone.load_state_dict(stored["weights"])
    return backbone.eval().requires_grad_(requires_grad=False)
