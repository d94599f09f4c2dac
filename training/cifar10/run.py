"""The networks of a recipe: which are to be trained, on what, and those that are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from training.cifar10.data import LABELS, Split
from training.cifar10.recipe import Recipe, Training
from training.distill.soft import Taught
from training.network.memory import laid_out
from training.network.resnet import ResNet, build
from training.network.shape import Stem
from training.step.step import Step

NETWORK = "network.pt"


@dataclass(frozen=True, slots=True)
class Run:
    """One network to train.

    Attributes:
        name: of its step.
        taught: by what; None trains on labels alone.
        split: what it trains on.
    """

    name: str
    network: str
    stem: Stem
    training: Training
    seed: int
    taught: Taught | None = None
    split: Split = "training"


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that is to be spoken of: what it is, and the step that trained it."""

    run: Run
    step: Step

    def load(self) -> ResNet:
        """Return it on the CPU, in evaluation mode.

        Raises:
            ValueError: its file is damaged.
        """
        network = build(self.run.network, self.run.stem, len(LABELS))
        network.load_state_dict(torch.load(self.step.file(NETWORK), weights_only=True, map_location="cpu"))
        return laid_out(network, torch.channels_last).eval()


def pairs_split(recipe: Recipe) -> Split:
    """Return what pairs train on, and what the ensemble's logits are extracted of."""
    return "all" if recipe.pairs_on_all else "training"


def label_runs(recipe: Recipe) -> dict[str, Run]:
    """Return the networks that are trained on labels alone, by name: teachers first, then each pair's baselines."""
    found = {
        name: Run(f"teacher-{name}", teacher.network, teacher.stem, teacher.training, teacher.seed)
        for name, teacher in recipe.teachers.items()
    }
    split = pairs_split(recipe)
    for name, pair in recipe.pairs.items():
        for seed in pair.seeds:
            run = Run(f"baseline-{name}-{seed}", pair.network, pair.stem, pair.training, seed, split=split)
            found[f"{name}/{seed}"] = run
    return found


def student_of(baseline: Run, pair: str, taught: Taught) -> Run:
    """Return the student that differs from its baseline in the loss alone."""
    return replace(baseline, name=f"student-{pair}-{baseline.seed}", taught=taught)
