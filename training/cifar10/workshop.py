"""What all steps of the experiment share: images, recipe, folder, processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.cifar10.data import Cifar10, Split
from training.cifar10.recipe import Recipe
from training.distill import view
from training.distill.images import Images
from training.distill.setting import Training
from training.step import workshop
from training.step.step import Step

# Raise a number when that kind of step would give something else from the same inputs.
METHODS = {
    "train": 1,
    "logits": 1,
    "teachers": 1,
    "ptq": 2,
    "qat": 2,
    "sensitivity": 1,
    "corrections": 1,
    "measure": 1,
    "latency": 1,
    "replay": 1,
}


class Workshop(workshop.Workshop):
    """The images, the recipe, and the folder and processes of every workshop.

    Args:
        cifar10: the three splits.
        recipe: the experiment.
        work: of all steps; shared by all processes.
        compiled: whether networks train through torch.compile.
    """

    def __init__(self, cifar10: Cifar10, recipe: Recipe, work: Path, *, compiled: bool = False) -> None:
        super().__init__(work, METHODS)
        self.cifar10 = cifar10
        self.recipe = recipe
        self.compiled = compiled
        self._images: dict[Split, Images] = {"training": cifar10.training, "all": cifar10.all}

    def images(self, split: Split) -> Images:
        """Return what a run trains on."""
        return self._images[split]

    def held_out(self, split: Split) -> Images:
        """Return the validation images, none where the run trains on them."""
        return self.cifar10.validation if split == "training" else self.cifar10.validation.none()

    def views(self, split: Split, training: Training) -> view.Views:
        """Return the pool of a split's images."""
        recipe = self.recipe
        return view.pool(len(self.images(split)), recipe.views, training.shift_px, recipe.view_seed)

    def step(self, kind: str, name: str, inputs: dict[str, Any], split: Split = "training") -> Step:
        """Find or name a step; the images and the pool of views are always among its inputs."""
        common = {
            "images": self.images(split).sha256,
            "views": [self.recipe.views, self.recipe.view_seed],
        }
        assert not common.keys() & inputs.keys()
        return super().step(kind, name, common | inputs)
