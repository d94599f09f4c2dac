"""The steps that train: teachers and baselines on labels, the ensemble's logits, students on those."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from tqdm import tqdm

from training.classify import fit, loss, view
from training.classify.images import Cifar10, Images
from training.classify.process import precision, processes
from training.classify.recipe import Distillation, Recipe, Training
from training.classify.resnet import ResNet, Stem, build
from training.classify.step import Step, step, write_whole

logger = logging.getLogger(__name__)

Split = Literal["training", "all"]
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
NETWORK = "network.pt"
LOGITS = "logits.pt"
CHECKPOINT = "checkpoint.pt"
VIEW_BATCH = 500


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
        return step(self.work, kind, name, common | inputs)

    def done(self, step: Step) -> bool:
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
        if self.done(step):
            return step
        with step.alone() if self.processes.is_main_process else nullcontext():
            if not self.done(step):  # another command has made it meanwhile
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


def runs(recipe: Recipe) -> dict[str, Run]:
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


def train_step(shop: Workshop, run: Run) -> Step:
    """Find or name the step that trains a network."""
    taught = None
    if run.taught is not None:
        taught = [run.taught[0].key, msgspec.to_builtins(run.taught[1])]
    inputs = {
        "network": run.network,
        "stem": run.stem,
        "training": {
            key: value for key, value in msgspec.to_builtins(run.training).items() if value is not None
        },
        "seed": run.seed,
        "taught": taught,
    }
    return shop.step("train", run.name, inputs, run.split)


def train(shop: Workshop, run: Run) -> Step:
    """Train a network, or find it trained.

    Raises:
        ValueError: the teacher's logits are damaged or of other views, or the loss left the finite numbers.
    """
    made = train_step(shop, run)
    shop.together(made, lambda: _train(shop, run, made.folder))
    (made.folder / CHECKPOINT).unlink(missing_ok=True)  # three times the network
    return made


def _train(shop: Workshop, run: Run, folder: Path) -> dict[str, Any]:
    """Train a network and write it; return its record."""
    logger.info("%s: %s, %s stem, %d epochs", run.name, run.network, run.stem, run.training.epochs)
    torch.manual_seed(run.seed)
    network = build(run.network, run.stem)
    lesson = lesson_of(shop, run)
    history = fit.fit(
        network,
        lesson,
        loss_of(run),
        run.training,
        run.seed,
        folder / CHECKPOINT,
        compiled=shop.compiled,
    )
    if shop.processes.is_main_process:
        write_whole(folder / NETWORK, lambda path: torch.save(network.state_dict(), path))
    return {
        "history": history,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "validation_accuracy": fit.validation_accuracy(network, lesson.validation),
        "processes": shop.processes.num_processes,
        "compiled": shop.compiled,
        "precision": str(precision()),
    }


def lesson_of(shop: Workshop, run: Run) -> fit.Lesson:
    """Return what a run learns from.

    Raises:
        ValueError: the teacher's logits are damaged, or not of this run's images and views.
    """
    soft = None
    if run.taught is not None:
        soft = load_logits(run.taught[0], len(shop.images(run.split)), run.training.shift_px)
    return fit.Lesson(
        shop.images(run.split), shop.views(run.split, run.training), soft, shop.held_out(run.split)
    )


def loss_of(run: Run) -> fit.Loss:
    """Return the loss of a run; whether it reads a teacher's logits depends on the run alone."""
    smoothing = run.training.smoothing
    if run.taught is None:
        return lambda logits, labels, soft: loss.cross_entropy(logits, labels, smoothing)  # noqa: ARG005
    method = run.taught[1]

    def taught(logits: Tensor, labels: Tensor, soft: Tensor | None) -> Tensor:
        assert soft is not None
        return loss.taught(logits, soft, labels, method, smoothing)

    return taught


def trained(run: Run, made: Step) -> ResNet:
    """Load a trained network, on the CPU, in evaluation mode."""
    network = build(run.network, run.stem)
    network.load_state_dict(torch.load(made.folder / NETWORK, weights_only=True, map_location="cpu"))
    return network.to(memory_format=torch.channels_last).eval()


def soft_label(shop: Workshop, members: Sequence[Trained], split: Split) -> Step:
    """Extract the ensemble's logits of every view of every image of a split, or find them extracted.

    The mean of the members' logits is kept, float16, for softmax at any temperature; view by view, so that an
    interrupted extraction goes on. Views are 32 px wide and without cutout, whatever the student is shown.

    Raises:
        ValueError: the members were trained with unlike shifts, so that no pool of views is theirs.
    """
    shifts = {one.run.training.shift_px for one in members}
    if len(shifts) != 1:
        raise ValueError(f"members of the ensemble need the same shift_px, got {sorted(shifts)}")
    (shift_px,) = shifts
    inputs = {"members": [one.made.key for one in members], "shift_px": shift_px}
    made = shop.step("logits", "logits", inputs, split)
    shop.together(made, lambda: _extract(shop, members, split, made.folder))
    for part in made.folder.glob("view-*.pt"):
        part.unlink(missing_ok=True)
    return made


def _extract(shop: Workshop, members: Sequence[Trained], split: Split, folder: Path) -> dict[str, Any]:
    """Write the logits of every view; return their record."""
    networks = [trained(one.run, one.made) for one in members]
    images, views = shop.images(split), shop.views(split, members[0].run.training)
    parts = [folder / f"view-{number}.pt" for number in range(len(views))]
    for number in range(shop.processes.process_index, len(views), shop.processes.num_processes):
        if not parts[number].exists():
            logger.info("logits of view %d of %d", number + 1, len(views))
            logits = _of_view(networks, images, views, number)
            write_whole(parts[number], lambda path, logits=logits: torch.save(logits, path))
    shop.wait()
    if not shop.processes.is_main_process:
        return {}
    whole = torch.stack([torch.load(part, weights_only=True) for part in parts])
    write_whole(folder / LOGITS, lambda path: torch.save(whole, path))
    return {
        "members": [one.run.name for one in members],
        "split": split,
        "shift_px": members[0].run.training.shift_px,
        "shape": list(whole.shape),
        "sha256": _sha256(folder / LOGITS),
        "training_accuracy_of_view_0": float((whole[0].argmax(dim=1) == images.labels).double().mean()),
    }


def compare_teachers(shop: Workshop, members: Sequence[Trained], others: Sequence[Trained]) -> Step:
    """Judge on the validation split the members that have not seen it, together, and with each other teacher added.

    Args:
        shop: its validation split.
        members: of the ensemble.
        others: teachers that are not.
    """
    unseen = [one for one in members if one.run.split == "training"]
    inputs = {
        "members": [one.made.key for one in unseen],
        "others": [one.made.key for one in others],
        "validation": shop.cifar10.validation.sha256,
    }
    step = shop.step("teachers", "teachers", inputs)
    return shop.once(step, lambda: _compared(shop.cifar10.validation, unseen, others))


def _compared(images: Images, unseen: Sequence[Trained], others: Sequence[Trained]) -> dict[str, Any]:
    if not unseen or not len(images):
        return {"members": [], "validation_accuracy": None, "with": {}}
    logger.info("teachers on the validation split")
    logits = [fit.predict(trained(one.run, one.made), images) for one in (*unseen, *others)]
    together, added = logits[: len(unseen)], logits[len(unseen) :]

    def judged(some: list[Tensor]) -> float:
        return fit.accuracy_of(torch.stack(some).mean(dim=0), images)

    return {
        "members": [one.run.name for one in unseen],
        "validation_accuracy": judged(together),
        "with": {one.run.name: judged([*together, found]) for one, found in zip(others, added, strict=True)},
    }


def _of_view(networks: Sequence[nn.Module], images: Images, views: view.Views, number: int) -> Tensor:
    """Return (N, classes) float16 logits of one view."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    networks = [network.to(device) for network in networks]
    parts = []
    starts = range(0, len(images), VIEW_BATCH)
    with torch.inference_mode(), fit.autocast(device):
        for first in tqdm(starts, desc=f"view {number + 1}", unit="batch", disable=None):
            part = slice(first, first + VIEW_BATCH)
            pixels = view.apply(images.pixels[part], views.flipped[number][part], views.shift[number][part])
            batch = view.normalise(pixels.to(device))
            logits = torch.stack([network(batch).float() for network in networks])
            parts.append(logits.mean(dim=0).half().cpu())
    return torch.cat(parts)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_logits(made: Step, images: int, shift_px: int) -> Tensor:
    """Return (K, N, classes) float16 logits.

    Raises:
        ValueError: they are not whole, or not of so many images in views of that shift.
    """
    record, path = made.record(), made.folder / LOGITS
    if record is None or not path.exists() or _sha256(path) != record["sha256"]:
        raise ValueError(f"{path}: cached logits are damaged; remove {made.folder} to extract them again")
    if record["shape"][1] != images or record["shift_px"] != shift_px:
        raise ValueError(
            f"{path}: logits of {record['shape'][1]} images with shift_px {record['shift_px']}, but the student sees "
            f"{images} with {shift_px}; give members and pairs the same shift_px"
        )
    logits: Tensor = torch.load(path, weights_only=True)
    return logits
