"""Structured pruning of a Lite backbone: whole channels go, and what reads them is refitted on real frames.

torch-pruning knows which weights belong to a channel; which channels go says `surgeon`. Each layer is fitted to what
the whole network gives, so it makes up for the layers that were cut before it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch_pruning
from torch import Tensor, nn
from torch.nn import functional

from training.network import surgeon
from training.network.lite0 import Backbone, BackboneShape, Block, BlockShape, revive

SAMPLES = 2048  # cells of a map that are looked at, of each picture

Preset = Literal["third", "slim", "coarse"]
PRESETS: dict[Preset, BackboneShape] = {
    "third": BackboneShape(
        stem=32,
        blocks=(
            BlockShape(None, 32, 16, 3, 1),
            BlockShape(32, 16, 24, 3, 2),
            BlockShape(48, 24, 24, 3, 1),
            BlockShape(48, 24, 40, 5, 2),
            BlockShape(80, 40, 40, 5, 1),
        ),
        skipped=1,
    ),
    "slim": BackboneShape(
        stem=16,
        blocks=(
            BlockShape(None, 16, 12, 3, 1),
            BlockShape(24, 12, 24, 3, 2),
            BlockShape(32, 24, 24, 3, 1),
            BlockShape(48, 24, 40, 5, 2),
            BlockShape(64, 40, 40, 5, 1),
        ),
        skipped=1,
    ),
    "coarse": BackboneShape(
        stem=16,
        blocks=(
            BlockShape(None, 16, 8, 3, 1),
            BlockShape(24, 8, 24, 3, 2),
            BlockShape(32, 24, 24, 3, 1),
            BlockShape(48, 24, 40, 5, 2),
            BlockShape(64, 40, 40, 5, 1),
        ),
        skipped=2,
    ),
}
"""What is left of Lite0, always without the stem's feature.

`third` keeps a third of the expanded channels; `slim` also narrows what lies at stride 2, where every value is written
most often; `coarse` has no feature of stride 2 at all.
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """A backbone with fewer channels.

    Attributes:
        backbone: of the asked shape, in evaluation mode, its weights free.
        kept: for each of its features, the indices of the same channels in the whole network's feature.
        whole: for each of its features, the index of the whole network's.
        errors: squared error over variance of each fitted layer, by its name.
    """

    backbone: Backbone
    kept: tuple[Tensor, ...]
    whole: tuple[int, ...]
    errors: dict[str, float]


def prune(backbone: Backbone, target: BackboneShape, frames: Sequence[Tensor], seed: int = 0) -> Pruned:
    """Cut a backbone down to a shape.

    Args:
        backbone: stays as it is.
        target: as deep as the backbone, with its kernels and strides; narrower inside its blocks and in stem and first
            block, and with as many channels out of the others.
        frames: (3, H, W) RGB in 0..1 each, of which the features should stay alike.
        seed: of the places that are looked at.

    Raises:
        ValueError: the shape is no part of the backbone's.
    """
    _check(backbone.shape, target)
    return _Operation(backbone, target, frames, seed).run()


def _check(whole: BackboneShape, target: BackboneShape) -> None:
    same = len(whole.blocks) == len(target.blocks) and target.stem <= whole.stem
    for index, (old, new) in enumerate(zip(whole.blocks, target.blocks, strict=False)):
        same &= (old.kernel, old.stride) == (new.kernel, new.stride)
        same &= (old.inside is None) == (new.inside is None) and (new.inside or 0) <= (old.inside or 0)
        same &= new.channels_out == old.channels_out or (index == 0 and new.channels_out < old.channels_out)
    if not same:
        raise ValueError(f"{target}: is no part of {whole}; only channels inside blocks, of the stem and of the first "
                         "block's output can go")  # fmt: skip


class _Operation:
    """One pruning: the network that is cut, and what the next block reads there and in the whole one, by frame."""

    def __init__(
        self, backbone: Backbone, target: BackboneShape, frames: Sequence[Tensor], seed: int
    ) -> None:
        self.target = target
        self.whole = copy.deepcopy(backbone).requires_grad_(requires_grad=False)
        self.mine = copy.deepcopy(backbone).requires_grad_()  # torch-pruning follows the gradients
        side = torch.zeros(1, 3, 64, 64)
        self.graph = torch_pruning.DependencyGraph().build_dependency(self.mine, example_inputs=side)
        self.random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.read = [functional.relu6(self.whole.stem(frame[None])) for frame in frames]
        self.read_whole = list(self.read)
        self.errors: dict[str, float] = {}
        self.kept: dict[int, Tensor] = {}  # of a block's output, or −1: of the stem's

    def run(self) -> Pruned:
        with torch.no_grad():
            for index, (mine, theirs) in enumerate(_pairs(self.mine, self.whole)):
                self._cut_inside(index, mine, theirs)
                self.read = [mine(x) for x in self.read]
                self.read_whole = [theirs(x) for x in self.read_whole]
                if mine.project.conv.out_channels > self.target.blocks[index].channels_out:
                    self._cut_output(index, mine, *_pair(self.mine, self.whole, index + 1))
        made = Backbone(self.target)
        made.load_state_dict(self.mine.state_dict())
        ends, whole = self.target.ends, self.whole.shape.ends
        widths = dict(zip(whole, self.whole.shape.channels, strict=True))
        kept = tuple(self.kept.get(end, torch.arange(widths[end])) for end in ends)
        return Pruned(made.eval(), kept, tuple(whole.index(end) for end in ends), self.errors)

    def _cut_inside(self, index: int, mine: Block, theirs: Block) -> None:
        """Cut the channels that a block projects, and with them what makes them."""
        shape = self.target.blocks[index]
        keep = shape.inside or shape.channels_in
        samples = [
            self._sampled(
                functional.relu6(mine.depthwise(_inside(mine, x))), theirs(y) - (x if mine.skip else 0)
            )
            for x, y in zip(self.read, self.read_whole, strict=True)
        ]
        made_by = self.mine.stem.conv if mine.expand is None else mine.expand.conv
        found = self._cut(f"blocks.{index}.project", samples, mine.project.conv, made_by, keep)
        if mine.expand is None and len(found.kept) < self.read[0].shape[1]:
            self.kept[index - 1] = found.kept
            self.read = [x[:, found.kept] for x in self.read]

    def _cut_output(self, index: int, mine: Block, after: Block, after_whole: Block) -> None:
        """Cut a block's output; the next one's expansion is fitted to the rest."""
        assert after.expand is not None
        assert after_whole.expand is not None
        keep = self.target.blocks[index].channels_out
        samples = [
            self._sampled(x, after_whole.expand(y)) for x, y in zip(self.read, self.read_whole, strict=True)
        ]
        name = f"blocks.{index + 1}.expand"
        found = self._cut(name, samples, after.expand.conv, mine.project.conv, keep)
        self.kept[index] = found.kept
        self.read = [x[:, found.kept] for x in self.read]

    def _cut(
        self, name: str, samples: list[Tensor], reads: nn.Conv2d, made_by: nn.Conv2d, keep: int
    ) -> surgeon.Cut:
        joined = torch.cat(samples)
        found = surgeon.cut(joined[:, : reads.in_channels], joined[:, reads.in_channels :], keep)
        self.errors[name] = found.error
        gone = sorted(set(range(reads.in_channels)) - set(found.kept.tolist()))
        if gone:
            with torch.enable_grad():
                self.graph.get_pruning_group(made_by, torch_pruning.prune_conv_out_channels, gone).prune()
        assert reads.bias is not None
        reads.weight.copy_(found.weight[:, :, None, None])
        reads.bias.copy_(found.bias)
        revive(reads)
        return found

    def _sampled(self, inputs: Tensor, wanted: Tensor) -> Tensor:
        """(1, I, H, W) and (1, O, H, W) → (places, I + O)."""
        both = torch.cat([inputs, wanted], dim=1)[0].flatten(1)
        return both[:, torch.randperm(both.shape[1], generator=self.random)[:SAMPLES]].T


def _inside(block: Block, x: Tensor) -> Tensor:
    return x if block.expand is None else functional.relu6(block.expand(x))


def _pair(mine: Backbone, whole: Backbone, index: int) -> tuple[Block, Block]:
    first, second = mine.blocks[index], whole.blocks[index]
    assert isinstance(first, Block)
    assert isinstance(second, Block)
    return first, second


def _pairs(mine: Backbone, whole: Backbone) -> Iterator[tuple[Block, Block]]:
    return (_pair(mine, whole, index) for index in range(len(whole.blocks)))
