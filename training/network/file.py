"""A backbone in one file: its shape and its weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import msgspec
import torch

from training.network.lite0 import Backbone, BackboneShape
from training.network.resnet18 import ResNet18
from training.step.step import write_whole

AnyBackbone: TypeAlias = Backbone | ResNet18


def write(backbone: AnyBackbone, path: Path) -> None:
    """Write a backbone, whole or not at all; a ResNet-18 with its batch norm folded."""
    stored = {"shape": asdict(backbone.shape), "weights": backbone.state_dict()}
    write_whole(path, lambda partial: torch.save(stored, partial))


def read(path: Path) -> AnyBackbone:
    """Return a stored backbone, frozen."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    backbone: AnyBackbone
    if "blocks" in stored["shape"]:
        backbone = Backbone(msgspec.convert(stored["shape"], BackboneShape))
    else:
        backbone = ResNet18().folded()
    backbone.load_state_dict(stored["weights"])
    return backbone.eval().requires_grad_(requires_grad=False)
