"""Training a classifier of images: from scratch or from given parameters, on labels or a teacher's logits too.

Every random draw is a function of (seed, epoch); the loop is training/distill/loop.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training.distill import view
from training.distill.images import Images
from training.distill.loop import Batch, Course, Loss, follow
from training.distill.optimizer import optimizers
from training.distill.rate import triangle
from training.distill.setting import Training
from training.network.memory import laid_out
from training.step.process import accelerator, precision

EVALUATION_BATCH = 500


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a network learns from.

    Attributes:
        images: the training split.
        views: its pool.
        soft: (K, N, classes) float16, a teacher's logits of each view; None without a teacher.
        validation: scored after each epoch; empty if there is none.
    """

    images: Images
    views: view.Views
    soft: Tensor | None
    validation: Images


def fit(  # noqa: PLR0913 — every part is handed in
    network: nn.Module,
    lesson: Lesson,
    loss: Loss,
    training: Training,
    seed: int,
    checkpoint: Path,
    *,
    compiled: bool = False,
    tell: Callable[[float], None] | None = None,
    stop_after_steps: int | None = None,
) -> list[dict[str, Any]]:
    """Train `network` and leave in it the exponential average of its parameters.

    Args:
        network: parameters are changed.
        lesson: what it learns from.
        loss: of a batch, (logits (B, classes), labels (B,), teacher's logits (B, classes) or None) → scalar.
        training: the recipe.
        seed: of order and cutout.
        checkpoint: as `loop.follow` has it, like all that comes after it, the record and the errors.
        compiled: by torch.compile.
        tell: told which share of the steps is done.
        stop_after_steps: for tests.
    """
    together = accelerator()
    laid_out(network, torch.channels_last).to(together.device)
    course = course_of(lesson, loss, training, seed, together)
    return follow(
        network, course, checkpoint, compiled=compiled, tell=tell, stop_after_steps=stop_after_steps
    )


def course_of(lesson: Lesson, loss: Loss, training: Training, seed: int, together: Accelerator) -> Course:
    """Say how a classifier is trained by a recipe."""
    steps = _steps(lesson, training)
    return Course(
        training.epochs,
        steps,
        lambda epoch, first: batches(lesson, training, seed, epoch, first, together),
        loss,
        lambda network: optimizers(network, training),
        triangle(training.warm_up, training.epochs * steps),
        training.ema_decay,
        lambda network: validation_accuracy(network, lesson.validation, precision()),
        together,
        lambda: autocast(together.device.type),
    )


def _steps(lesson: Lesson, training: Training) -> int:
    """Return the steps of an epoch; the last, smaller batch is left out."""
    return max(1, len(lesson.images) // training.batch)


def batches(
    lesson: Lesson, training: Training, seed: int, epoch: int, first: int, together: Accelerator
) -> Iterator[Batch]:
    """Yield this process's share of each batch of an epoch, from batch `first` on."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    images = lesson.images
    order = torch.randperm(len(images), generator=generator)
    number = epoch % len(lesson.views)
    side_px = training.small_px if epoch < training.small_share * training.epochs else None
    for index in range(_steps(lesson, training)):
        whole = order[index * training.batch : (index + 1) * training.batch]
        pixels = view.apply(
            images.pixels[whole], lesson.views.flipped[number][whole], lesson.views.shift[number][whole]
        )
        pixels = view.cutout(pixels, training.cutout_px, images.scale.zero, generator)
        if index < first:
            continue  # drawn all the same, so that the generator goes on as it did
        mine = slice(together.process_index, None, together.num_processes)
        chosen = whole[mine]
        soft = None if lesson.soft is None else lesson.soft[number][chosen].float()
        shown = view.normalise(pixels[mine].to(together.device), images.scale, side_px)
        yield Batch((shown,), (images.labels[chosen], soft))


def autocast(device: str) -> torch.autocast:
    """Return the context in which networks are trained: bfloat16 where the processor has it."""
    return torch.autocast(device, torch.bfloat16, enabled=precision() == torch.bfloat16)


def predict(network: nn.Module, images: Images, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return (N, classes) float32 logits of images as they are, in evaluation mode."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        for first in range(0, len(images), EVALUATION_BATCH):
            pixels = images.pixels[first : first + EVALUATION_BATCH].to(device)
            parts.append(network(view.normalise(pixels, images.scale)).float().cpu())
    return torch.cat(parts)


def accuracy_of(logits: Tensor, images: Images) -> float:
    """Return the share of images whose largest logit is their label."""
    return float((logits.argmax(dim=1) == images.labels).double().mean())


def validation_accuracy(
    network: nn.Module, images: Images, dtype: torch.dtype = torch.float32
) -> float | None:
    """Return a network's accuracy, None where there are no images."""
    return accuracy_of(predict(network, images, dtype), images) if len(images) else None
