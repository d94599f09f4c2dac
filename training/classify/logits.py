"""What the ensemble says of every view of every image: extracted once, cached, read by every student."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.classify import fit, view
from training.classify.images import Images
from training.classify.run import Trained
from training.classify.step import Step, sha256, write_whole
from training.classify.workshop import Split, Workshop

logger = logging.getLogger(__name__)

LOGITS = "logits.pt"
VIEW_BATCH = 500


def extract(shop: Workshop, members: Sequence[Trained], split: Split) -> Step:
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
    whole = torch.stack([torch.load(part, weights_only=True) for part in parts])
    write_whole(folder / LOGITS, lambda path: torch.save(whole, path))
    return {
        "members": [one.run.name for one in members],
        "split": split,
        "shift_px": members[0].run.training.shift_px,
        "shape": list(whole.shape),
        "sha256": sha256(folder / LOGITS),
        "training_accuracy_of_view_0": float((whole[0].argmax(dim=1) == images.labels).double().mean()),
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


def load(made: Step, images: int, shift_px: int) -> Tensor:
    """Return (K, N, classes) float16 logits.

    Raises:
        ValueError: they are not whole, or not of so many images in views of that shift.
    """
    record, path = made.record(), made.folder / LOGITS
    if record is None or not path.exists() or sha256(path) != record["sha256"]:
        raise ValueError(f"{path}: cached logits are damaged; remove {made.folder} to extract them again")
    if record["shape"][1] != images or record["shift_px"] != shift_px:
        raise ValueError(
            f"{path}: logits of {record['shape'][1]} images with shift_px {record['shift_px']}, but the student sees "
            f"{images} with {shift_px}; give members and pairs the same shift_px"
        )
    logits: Tensor = torch.load(path, weights_only=True)
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
    logits = [fit.predict(one.load(), images) for one in (*unseen, *others)]
    together, added = logits[: len(unseen)], logits[len(unseen) :]

    def judged(some: list[Tensor]) -> float:
        return fit.accuracy_of(torch.stack(some).mean(dim=0), images)

    return {
        "members": [one.run.name for one in unseen],
        "validation_accuracy": judged(together),
        "with": {one.run.name: judged([*together, found]) for one, found in zip(others, added, strict=True)},
    }
