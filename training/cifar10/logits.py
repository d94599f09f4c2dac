"""What the ensemble says of every view of every image: extracted once, cached, read by every student."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.cifar10.data import Split
from training.cifar10.run import Trained
from training.cifar10.workshop import Workshop
from training.distill import fit, soft, view
from training.distill.images import Images
from training.step.step import Step

logger = logging.getLogger(__name__)

VIEW_BATCH = 500


def extract(shop: Workshop, members: Sequence[Trained], split: Split) -> Step:
    """Extract the ensemble's logits of every view of every image of a split, or find them extracted.

    The mean of the members' logits is kept, float16, for softmax at any temperature; view by view, so that an
    interrupted extraction goes on. Views are 32 px wide and without cutout, whatever the student is shown.
    """
    shift_px = members[0].run.training.shift_px  # everyone's: recipe.read
    inputs = {"members": [one.step.key for one in members], "shift_px": shift_px}
    step = shop.step("logits", "logits", inputs, split)
    images, views = shop.images(split), shop.views(split, members[0].run.training)
    networks: list[nn.Module] = []

    def of_part(number: int) -> Tensor:
        if not networks:
            networks.extend(one.load() for one in members)
        return _of_view(networks, images, views, number)[None]

    def describe(whole: Tensor) -> dict[str, Any]:
        return {
            "members": [one.run.name for one in members],
            "split": split,
            "shift_px": shift_px,
            "training_accuracy_of_view_0": fit.accuracy_of(whole[0], images),
        }

    return soft.extract(shop, step, len(views), of_part, describe)


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
            batch = view.normalise(pixels.to(device), images.scale)
            logits = torch.stack([network(batch).float() for network in networks])
            parts.append(logits.mean(dim=0).half().cpu())
    return torch.cat(parts)


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
