"""The step that trains one network: teachers and baselines on labels, students on the ensemble's logits too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import torch

from training.cifar10.data import LABELS
from training.cifar10.run import NETWORK, Run, Trained
from training.cifar10.workshop import Workshop
from training.distill import fit, loss, soft
from training.distill.loop import Loss
from training.network.resnet import build
from training.step.process import precision
from training.step.step import Step, digests, write_whole

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"


def step_of(shop: Workshop, run: Run) -> Step:
    """Find or name the step that trains a network."""
    taught = None
    if run.taught is not None:
        taught = [run.taught.soft.key, msgspec.to_builtins(run.taught.method)]
    inputs = {
        "network": run.network,
        "stem": run.stem,
        "training": msgspec.to_builtins(run.training),
        "seed": run.seed,
        "taught": taught,
    }
    return shop.step("train", run.name, inputs, run.split)


def train(shop: Workshop, run: Run) -> Trained:
    """Train a network, or find it trained.

    Raises:
        ValueError: the teacher's logits are damaged, or the loss left the finite numbers.
    """
    step = step_of(shop, run)
    shop.together(step, lambda: _train(shop, run, step.folder))
    (step.folder / CHECKPOINT).unlink(missing_ok=True)  # three times the network
    return Trained(run, step)


def _train(shop: Workshop, run: Run, folder: Path) -> dict[str, Any]:
    """Train a network and write it; return its record."""
    logger.info("%s: %s, %s stem, %d epochs", run.name, run.network, run.stem, run.training.epochs)
    torch.manual_seed(run.seed)
    network = build(run.network, run.stem, len(LABELS))
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
    if not shop.processes.is_main_process:
        return {}
    write_whole(folder / NETWORK, lambda path: torch.save(network.state_dict(), path))
    return {
        "files": digests(folder, NETWORK),
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
        ValueError: the teacher's logits are damaged.
    """
    logits = None if run.taught is None else soft.load(run.taught.soft)
    return fit.Lesson(
        shop.images(run.split), shop.views(run.split, run.training), logits, shop.held_out(run.split)
    )


def loss_of(run: Run) -> Loss:
    """Return the loss of a run; whether it reads a teacher's logits depends on the run alone."""
    return loss.of_labels(run.training.smoothing, None if run.taught is None else run.taught.method)
