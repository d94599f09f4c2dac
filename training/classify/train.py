"""The step that trains one network: teachers and baselines on labels, students on the ensemble's logits too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from training.classify import fit, logits, loss
from training.classify.process import precision
from training.classify.resnet import build
from training.classify.run import NETWORK, Run, Trained
from training.classify.step import Step, sha256, write_whole
from training.classify.workshop import Workshop

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"


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


def train(shop: Workshop, run: Run) -> Trained:
    """Train a network, or find it trained.

    Raises:
        ValueError: the teacher's logits are damaged or of other views, or the loss left the finite numbers.
    """
    made = train_step(shop, run)
    shop.together(made, lambda: _train(shop, run, made.folder))
    (made.folder / CHECKPOINT).unlink(missing_ok=True)  # three times the network
    return Trained(run, made)


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
    if not shop.processes.is_main_process:
        return {}
    write_whole(folder / NETWORK, lambda path: torch.save(network.state_dict(), path))
    return {
        "sha256": sha256(folder / NETWORK),
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
        soft = logits.load(run.taught[0], len(shop.images(run.split)), run.training.shift_px)
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
