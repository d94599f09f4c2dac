"""The steps that train: teachers and baselines on labels, the ensemble's logits, students on those."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor, nn

from training.classify import fit, loss, view
from training.classify.images import Cifar10, Images
from training.classify.process import processes
from training.classify.recipe import Distillation, Recipe, Training
from training.classify.resnet import ResNet, Stem, build
from training.classify.step import Step, step

logger = logging.getLogger(__name__)

METHOD = 1  # raise it when the loop, a network or a loss changes what a run gives
Split = Literal["training", "all"]
NETWORK = "network.pt"
LOGITS = "logits.pt"
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
    """The images, the recipe and the folder that all steps share."""

    def __init__(self, cifar10: Cifar10, recipe: Recipe, work: Path, *, compiled: bool = False) -> None:
        self.cifar10 = cifar10
        self.recipe = recipe
        self.work = work
        self.compiled = compiled
        self.processes = processes()  # one, or those of `accelerate launch`, which share `work`

        self._images: dict[Split, Images] = {"training": cifar10.training, "all": cifar10.all}

    def images(self, split: Split) -> Images:
        """Return what a run trains on."""
        return self._images[split]

    def step(self, kind: str, name: str, inputs: dict[str, Any], split: Split = "training") -> Step:
        """Find or name a step; the images and the pool of views are always among its inputs."""
        common = {
            "method": METHOD,
            "images": self.images(split).sha256,
            "views": [self.recipe.views, self.recipe.view_seed],
        }
        return step(self.work, kind, name, common | inputs)

    def once(self, step: Step, make: Callable[[], dict[str, Any]]) -> Step:
        """Let the main process make a step's record if there is none; the others wait for it."""
        if self.processes.is_main_process and step.record() is None:
            step.folder.mkdir(parents=True, exist_ok=True)
            step.finish(make())
        self.processes.wait_for_everyone()
        return step

    def views(self, split: Split, training: Training) -> view.Views:
        """Return the pool of a split's images."""
        recipe = self.recipe
        return view.pool(len(self.images(split)), recipe.views, training.shift_px, recipe.view_seed)


def runs(recipe: Recipe) -> dict[str, Run]:
    """Return the networks that are trained on labels alone, by name: teachers first, then each pair's baselines."""
    found = {
        name: Run(f"teacher-{name}", teacher.network, teacher.stem, teacher.training, teacher.seed)
        for name, teacher in recipe.teachers.items()
    }
    for name, pair in recipe.pairs.items():
        for seed in pair.seeds:
            split: Split = "all" if recipe.pairs_on_all else "training"
            run = Run(f"baseline-{name}-{seed}", pair.network, pair.stem, pair.training, seed, split=split)
            found[f"{name}/{seed}"] = run
    return found


def student_of(baseline: Run, pair: str, soft: Step, distillation: Distillation) -> Run:
    """Return the student that differs from its baseline in the loss alone."""
    return replace(baseline, name=f"student-{pair}-{baseline.seed}", taught=(soft, distillation))


def train_step(shop: Workshop, run: Run) -> Step:
    """Name the step that trains a network."""
    taught = None
    if run.taught is not None:
        taught = [run.taught[0].key, msgspec.to_builtins(run.taught[1])]
    inputs = {
        "network": run.network,
        "stem": run.stem,
        "training": msgspec.to_builtins(run.training),
        "seed": run.seed,
        "taught": taught,
    }
    return shop.step("train", run.name, inputs, run.split)


def train(shop: Workshop, run: Run) -> Step:
    """Train a network, or find it trained."""
    made = train_step(shop, run)
    if made.record() is not None:
        return made
    logger.info("%s: %s, %s stem, %d epochs", run.name, run.network, run.stem, run.training.epochs)
    torch.manual_seed(run.seed)
    network = build(run.network, run.stem)
    soft = None if run.taught is None else load_logits(run.taught[0])
    held_out = shop.cifar10.validation if run.split == "training" else shop.cifar10.validation.none()
    lesson = fit.Lesson(shop.images(run.split), shop.views(run.split, run.training), soft, held_out)
    checkpoint = made.folder / f"{run.name}.pt"
    history = fit.fit(
        network, lesson, loss_of(run), run.training, run.seed, checkpoint, compiled=shop.compiled
    )

    def keep() -> dict[str, Any]:
        torch.save(network.state_dict(), made.folder / NETWORK)
        checkpoint.unlink(missing_ok=True)  # three times the network
        parameters = sum(parameter.numel() for parameter in network.parameters())
        accuracy = _accuracy(network, held_out)
        return {
            "history": history,
            "parameters": parameters,
            "validation_accuracy": accuracy,
            "processes": shop.processes.num_processes,
        }

    return shop.once(made, keep)


def loss_of(run: Run) -> fit.Loss:
    """Return the loss of a run; what it is given a teacher's logits for depends on the run alone."""
    smoothing = run.training.smoothing
    if run.taught is None:
        return lambda logits, labels, soft: loss.cross_entropy(logits, labels, smoothing)  # noqa: ARG005
    method = run.taught[1]

    def taught(logits: Tensor, labels: Tensor, soft: Tensor | None) -> Tensor:
        assert soft is not None
        return loss.taught(logits, soft, labels, method, smoothing)

    return taught


def _accuracy(network: nn.Module, images: Images) -> float | None:
    return fit.accuracy_of(fit.predict(network, images), images) if len(images) else None


def trained(run: Run, made: Step) -> ResNet:
    """Load a trained network."""
    network = build(run.network, run.stem)
    network.load_state_dict(torch.load(made.folder / NETWORK, weights_only=True))
    return network.to(memory_format=torch.channels_last).eval()


def soft_label(shop: Workshop, members: Sequence[Trained], split: Split) -> Step:
    """Extract the ensemble's logits of every view of every image of a split, or find them extracted.

    The mean of the members' logits is kept, float16, for softmax at any temperature; view by view, so that an
    interrupted extraction goes on.

    Raises:
        ValueError: the members were trained with unlike shifts, so that no pool of views is theirs.
    """
    shifts = {one.run.training.shift_px for one in members}
    if len(shifts) != 1:
        raise ValueError(f"members of the ensemble need the same shift_px, got {sorted(shifts)}")
    inputs = {"members": [one.made.key for one in members], "shift_px": shifts.pop()}
    made = shop.step("logits", "logits", inputs, split)
    if made.record() is not None:
        return made
    made.folder.mkdir(parents=True, exist_ok=True)
    networks = [trained(one.run, one.made) for one in members]
    images, views = shop.images(split), shop.views(split, members[0].run.training)
    parts = [made.folder / f"view-{number}.pt" for number in range(len(views))]
    for number in range(shop.processes.process_index, len(views), shop.processes.num_processes):
        if not parts[number].exists():
            logger.info("logits of view %d of %d", number + 1, len(views))
            _save(_of_view(networks, images, views, number), parts[number])
    shop.processes.wait_for_everyone()

    def join() -> dict[str, Any]:
        logits = torch.stack([torch.load(part, weights_only=True) for part in parts])
        _save(logits, made.folder / LOGITS)
        for part in parts:
            part.unlink()
        hit = (logits[0].argmax(dim=1) == images.labels).double().mean()
        return {
            "members": [one.run.name for one in members],
            "split": split,
            "shape": list(logits.shape),
            "sha256": _sha256(made.folder / LOGITS),
            "training_accuracy_of_view_0": float(hit),
            "validation_accuracy": _of_unseen(shop, members, networks),
        }

    return shop.once(made, join)


def _of_unseen(shop: Workshop, members: Sequence[Trained], networks: Sequence[nn.Module]) -> float | None:
    """Return the ensemble's accuracy on the validation split; None if a member has trained on it."""
    if any(one.run.split == "all" for one in members):
        return None
    return ensemble_accuracy(networks, shop.cifar10.validation)


def _save(tensor: Tensor, path: Path) -> None:
    """Write a tensor, whole or not at all."""
    partial = path.with_suffix(".part")
    torch.save(tensor, partial)
    partial.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_view(networks: Sequence[nn.Module], images: Images, views: view.Views, number: int) -> Tensor:
    """Return (N, classes) float16 logits of one view."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parts = []
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        for first in range(0, len(images), VIEW_BATCH):
            part = slice(first, first + VIEW_BATCH)
            pixels = view.apply(images.pixels[part], views.flipped[number][part], views.shift[number][part])
            batch = view.normalise(pixels.to(device))
            logits = torch.stack([network.to(device)(batch).float() for network in networks])
            parts.append(logits.mean(dim=0).half().cpu())
    return torch.cat(parts)


def ensemble_accuracy(networks: Sequence[nn.Module], images: Images) -> float | None:
    """Return the accuracy of the mean of the networks' logits; None without images."""
    if not len(images):
        return None
    logits = torch.stack([fit.predict(network, images) for network in networks])
    return fit.accuracy_of(logits.mean(dim=0), images)


def load_logits(made: Step) -> Tensor:
    """Return (K, N, classes) float16 logits.

    Raises:
        ValueError: they are not whole.
    """
    record, path = made.record(), made.folder / LOGITS
    if record is None or not path.exists() or _sha256(path) != record["sha256"]:
        raise ValueError(f"{path}: cached logits are damaged; remove {made.folder} to extract them again")
    logits: Tensor = torch.load(path, weights_only=True)
    return logits
