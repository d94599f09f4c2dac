"""What all steps of an experiment share: images, recipe, folder, processes, and how they make a step together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list

from training.cifar10.recipe import Recipe, Training
from training.distill import view
from training.distill.images import Cifar10, Images, Split
from training.distill.process import processes
from training.step.step import Step, find_step

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


class Workshop:
    """The images, the recipe, the folder that all steps share, and the processes that work in it.

    Args:
        cifar10: the three splits.
        recipe: the experiment.
        work: of all steps; shared by all processes.
        compiled: whether networks train through torch.compile.
    """

    def __init__(self, cifar10: Cifar10, recipe: Recipe, work: Path, *, compiled: bool = False) -> None:
        self.cifar10 = cifar10
        self.recipe = recipe
        self.work = work
        self.compiled = compiled
        self.processes = processes()
        self._left = False
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
        """Find or name a step; its kind's method, the images and the pool of views are always among its inputs."""
        common = {
            "method": METHODS[kind],
            "images": self.images(split).sha256,
            "views": [self.recipe.views, self.recipe.view_seed],
        }
        assert not common.keys() & inputs.keys()
        return find_step(self.work, kind, name, common | inputs)

    def _done(self, step: Step) -> bool:
        """Return whether a step has its record: the main process looks, all agree."""
        known = [step.record() is not None]
        if self.processes.num_processes > 1 and not self._left:
            broadcast_object_list(known)
        return known[0]

    def once(self, step: Step, make: Callable[[], dict[str, Any]]) -> Step:
        """Let the main process make a step's record if there is none; the others wait for it."""
        if self.processes.is_main_process and step.record() is None:
            with step.alone(), self._apart():
                if step.record() is None:
                    step.finish(make())
        self.wait()
        return step

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Ask and wait for nobody meanwhile: what the main process makes alone may look for other steps."""
        before, self._left = self._left, True
        try:
            yield
        finally:
            self._left = before

    def together(self, step: Step, make: Callable[[], dict[str, Any]]) -> Step:
        """Let all processes make a step, of which the main one writes the record, or find it done."""
        if self._done(step):
            return step
        with step.alone() if self.processes.is_main_process else nullcontext():
            if not self._done(step):  # another command has made it meanwhile
                found = make()
                if self.processes.is_main_process:
                    step.finish(found)
            self.wait()
        return step

    def wait(self) -> None:
        """Wait for all processes."""
        if not self._left:
            self.processes.wait_for_everyone()

    def leave(self) -> bool:
        """Part from the other processes; return whether this is the main one, which goes on alone."""
        self._left = True
        return bool(self.processes.is_main_process)
