"""What the ensemble says of every view of every image: extracted once, cached, read by every student."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.cifar10.run import Trained
from training.cifar10.workshop import Workshop
from training.distill import fit, view
from training.distill.images import Images, Split
from training.step.step import Step, digests, write_whole

logger = logging.getLogger(__name__)

LOGITS = "logits.pt"
VIEW_BATCH = 500


def extract(shop: Workshop, members: Sequence[Trained], split: Split) -> Step:
    """Extract the ensemble's logits of every view of every image of a split, or find them extracted.

    The mean of the members' logits is kept, float16, for softmax at any temperature; view by view, so that an
    interrupted extraction goes on. Views are 32 px wide and without cutout, whatever the student is shown.
    """
    shift_px = members[0].run.training.shift_px  # everyone's: recipe.read
    inputs = {"members": [one.step.key for one in members], "shift_px": shift_px}
    step = shop.step("logits", "logits", inputs, split)
    shop.together(step, lambda: _extract(shop, members, split, step.folder))
    for part in step.folder.glob("view-*.pt"):
        part.unlink(missing_ok=True)
    return step


def _extract(shop: Workshop, members: Sequence[Trained], split: Split, folder: Path) -> dict[str, Any]:
    """Write the logits of every view; return their record."""
    networks = [one.load() for one in members]
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
    whole = torch.stack([_part(path) for path in parts])
    write_whole(folder / LOGITS, lambda path: torch.save(whole, path))
    return {
        "members": [one.run.name for one in members],
        "split": split,
        "shift_px": members[0].run.training.shift_px,
        "shape": list(whole.shape),
        "files": digests(folder, LOGITS),
        "training_accuracy_of_view_0": float((whole[0].argmax(dim=1) == images.labels).double().mean()),
    }


def _part(path: Path) -> Tensor:
    """Read the logits of one view.

    Raises:
        ValueError: they are damaged.
    """
    try:
        logits: Tensor = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise ValueError(f"{path}: damaged; remove it and run the command again") from error
    return logits


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


def load(step: Step) -> Tensor:
    """Return (K, N, classes) float16 logits.

    Raises:
        ValueError: they are damaged.
    """
    logits: Tensor = torch.load(step.file(LOGITS), weights_only=True)
    return logits


def compare(shop: Workshop, members: Sequence[Trained], others: Sequence[Trained]) -> Step:
    """Judge on the validation split the members that have not seen it, together, and with each other teacher added.

    Args:
        shop: its validation split.
        members: of the ensemble.
        others: teachers that are not.
    """
    unseen = [one for one in members if one.run.split == "training"]
    inputs = {
        "members": [one.step.key for one in unseen],
        "others": [one.step.key for one in others],
        "validation": shop.cifar10.validation.sha256,
    }
    step = shop.step("teachers", "teachers", inputs)
    return shop.once(step, lambda: _compared(shop.cifar10.validation, unseen, others))


def _compared(images: Images, unseen: Sequence[Trained], others: Sequence[Trained]) -> dict[str, Any]:
    if not unseen or not len(images):
        return {"members": [], "validation_accuracy": None, "with": {}}
    logger.info("teachers on the validation split")
    logits = [fit.predict(one.load(), images) for one in (*unseen, *others)]
    together, added = logits[: len(unseen)], logits[len(unseen) :]

    def judged(some: list[Tensor]) -> float:
        return fit.accuracy_of(torch.stack(some).mean(dim=0), images)

    return {
        "members": [one.run.name for one in unseen],
        "validation_accuracy": judged(together),
        "with": {one.run.name: judged([*together, found]) for one, found in zip(others, added, strict=True)},
    }
