"""The step in which a ResNet-18 learns to give the features of another backbone: frames alone, no labels.

There are no weights of it to begin with. A 1×1 convolution brings its feature to the other's channels while it learns,
and goes afterwards.

Source: Romero et al. 2015 (FitNets, arXiv:1412.6550).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edge.model.manifest import Threshold
from training.distill.fit import autocast
from training.distill.loop import Batch, Course, follow
from training.distill.rate import one_cycle
from training.network import file
from training.network.memory import laid_out
from training.network.resnet18 import ResNet18
from training.smoke.bundle import manifest_of
from training.smoke.features import read_frames
from training.smoke.lesson.example import statistics
from training.smoke.lesson.train import alone
from training.smoke.side import MADE_OF
from training.smoke.student.calibration import Framed
from training.step.step import Step, digests
from training.step.workshop import Workshop

METHODS = {"imitation": 1}
BACKBONE, CHECKPOINT = "backbone.pt", "training.pt"
HELD = 25  # every so-manieth frame shows the error and is not learned from


@dataclass(frozen=True, slots=True)
class Imitating:
    """How it learns.

    Attributes:
        steps: of the optimizer.
        frames: at most, spread evenly over all sequences.
        batch: frames a step.
        learning_rate, weight_decay: of AdamW in one cycle.
        seed: of initialisation and order.
    """

    steps: int
    frames: int = 2000
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    seed: int = 0


class Imitator(nn.Module):
    """A ResNet-18, its feature brought to another backbone's channels.

    Args:
        channels: of the other one, over all of its features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.backbone = ResNet18()
        self.project = nn.Conv2d(sum(self.backbone.shape.channels), channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, 480, 640, 3) uint8 RGB → (N, channels, 30, 40)."""
        (feature,) = self.backbone(frames.permute(0, 3, 1, 2).float() / 255)
        projected: Tensor = self.project(feature)
        return projected


@dataclass(frozen=True, slots=True)
class _Shown:
    """A frame, and what the other backbone makes of it."""

    of: Framed
    index: int


def imitated(shop: Workshop, sequences: Sequence[Framed], setting: Imitating) -> Step:
    """Teach a ResNet-18, or find it taught; `file.read` opens its `backbone.pt`.

    Args:
        shop: where the step goes.
        sequences: frames, and examples that hold the other backbone's features of them.
        setting: how.

    Raises:
        ValueError: there are fewer frames than show the error, or one cannot be read.
        DivergedError: the loss left the finite numbers.
    """
    inputs = {"of": [one.example.sha256 for one in sequences], "setting": asdict(setting)}
    step = shop.step("imitation", "imitation-resnet18", inputs)
    return shop.once(step, lambda: _make(step.folder, sequences, setting))


def _make(folder: Path, sequences: Sequence[Framed], setting: Imitating) -> dict[str, Any]:
    examples = [one.example for one in sequences]
    shown = [_Shown(one, index) for one in sequences for index in range(len(one.example.features))]
    shown = shown[:: max(1, -(-len(shown) // setting.frames))]
    held = shown[HELD // 2 :: HELD]
    if not held:
        raise ValueError(f"a ResNet-18 wants {HELD} frames or more to learn from, got {len(shown)}")
    learned = [one for number, one in enumerate(shown) if number % HELD != HELD // 2]
    known = statistics(examples)
    mean, spread = (values.view(-1, 1, 1) for values in (known.mean, known.spread))
    with alone():
        torch.manual_seed(setting.seed)
        network = laid_out(Imitator(len(known.mean)), torch.channels_last)
        follow(network, _course(learned, setting, mean, spread), folder / CHECKPOINT)
        error = _error(network.eval(), held, setting.batch, mean, spread)
    file.write(laid_out(network.backbone.folded(), torch.contiguous_format), folder / BACKBONE)
    (folder / CHECKPOINT).unlink()
    return {
        "files": digests(folder, BACKBONE),
        "setting": asdict(setting),
        "frames": {"learned": len(learned), "held": len(held)},
        "sequences": len(sequences),
        "error": error,
        MADE_OF: sorted(frozenset[str]().union(*(example.made_of for example in examples))),
    }


def _course(learned: Sequence[_Shown], setting: Imitating, mean: Tensor, spread: Tensor) -> Course:
    def batches(_: int, done: int) -> Iterator[Batch]:
        for number in range(done, setting.steps):
            places = range(number * setting.batch, (number + 1) * setting.batch)
            yield _batch([learned[_turn(at, len(learned), setting.seed)] for at in places], mean, spread)

    def optimizers(network: nn.Module) -> list[torch.optim.Optimizer]:
        return [
            torch.optim.AdamW(network.parameters(), setting.learning_rate, weight_decay=setting.weight_decay)
        ]

    return Course(
        epochs=1,
        steps=setting.steps,
        batches=batches,
        loss=lambda given, wanted: (given - wanted).square().mean(),
        optimizers=optimizers,
        rates=one_cycle(setting.learning_rate, setting.steps),
        autocast=functools.partial(autocast, "cpu"),
    )


def _turn(place: int, count: int, seed: int) -> int:
    """Return whose turn it is: all frames once, in an order of each lap's own, then again."""
    lap, at = divmod(place, count)
    return int(np.random.default_rng((seed, lap)).permutation(count)[at])


def _batch(some: Sequence[_Shown], mean: Tensor, spread: Tensor) -> Batch:
    paths = [one.of.paths[one.index] for one in some]
    frames = np.stack(list(read_frames(paths, manifest_of(Threshold(open=0.0, keep=0.0)))))
    features = np.stack([one.of.example.features[one.index] for one in some])
    wanted = (torch.from_numpy(features).float() - mean) / spread
    return Batch((torch.from_numpy(frames),), (wanted,))


def _error(network: nn.Module, held: Sequence[_Shown], batch: int, mean: Tensor, spread: Tensor) -> float:
    """Return the mean squared error in variances of each channel: 1 where nothing was learned but the mean."""
    squares = []
    with torch.inference_mode():
        for first in range(0, len(held), batch):
            one = _batch(held[first : first + batch], mean, spread)
            (wanted,) = one.targets
            assert wanted is not None
            squares.append((network(*one.inputs) - wanted).square().mean(dim=(1, 2, 3)))
    return round(float(torch.cat(squares).mean()), 4)
