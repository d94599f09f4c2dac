"""The networks of a recipe: which are to be trained, on what, and those that are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from training.classify.recipe import Distillation, Recipe, Training
from training.classify.resnet import ResNet, Stem, build
from training.classify.step import Step, sha256
from training.classify.workshop import Split

NETWORK = "network.pt"


@dataclass(frozen=True, slots=True)
class Run:
    """One network to train.

    Attributes:
        name: of its step.
        taught: the ensemble's logits and the loss that uses them; None trains on labels alone.
        split: what it trains on: the training split, or the held-out images too.
    """

    name: str
    network: str
    stem: Stem
    training: Training
    seed: int
    taught: tuple[Step, Distillation] | None = None
    split: Split = "training"


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that is to be spoken of: what it is, and the step that trained it."""

    run: Run
    made: Step

    def load(self) -> ResNet:
        """Return it on the CPU, in evaluation mode.

        Raises:
            ValueError: its file is damaged.
        """
        file, known = self.made.folder / NETWORK, self.made.read().get("sha256")
        if not file.exists() or known not in {None, sha256(file)}:
            raise ValueError(
                f"{file}: the trained network is damaged; remove {self.made.folder} to train it again"
            )
        network = build(self.run.network, self.run.stem)
        network.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
        return network.to(memory_format=torch.channels_last).eval()


def on_labels(recipe: Recipe) -> dict[str, Run]:
    """Return the networks that are trained on labels alone, by name: teachers first, then each pair's baselines."""
    found = {
        name: Run(f"teacher-{name}", teacher.network, teacher.stem, teacher.training, teacher.seed)
        for name, teacher in recipe.teachers.items()
    }
    split: Split = "all" if recipe.pairs_on_all else "training"
    for name, pair in recipe.pairs.items():
        for seed in pair.seeds:
            run = Run(f"baseline-{name}-{seed}", pair.network, pair.stem, pair.training, seed, split=split)
            found[f"{name}/{seed}"] = run
    return found


def student_of(baseline: Run, pair: str, soft: Step, distillation: Distillation) -> Run:
    """Return the student that differs from its baseline in the loss alone."""
    return replace(baseline, name=f"student-{pair}-{baseline.seed}", taught=(soft, distillation))
