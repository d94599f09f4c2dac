"""Soft labels: what a teacher says of every example, extracted once, cached as a step, read by every student."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from training.distill.setting import Distillation
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)

LOGITS = "logits.pt"


@dataclass(frozen=True, slots=True)
class Taught:
    """What a student learns from besides labels: the step of a teacher's logits, the loss that uses them."""

    soft: Step
    method: Distillation


def extract(
    shop: Workshop,
    step: Step,
    parts: int,
    of_part: Callable[[int], Tensor],
    describe: Callable[[Tensor], dict[str, Any]],
) -> Step:
    """Extract logits, or find them extracted; part by part, so that an interrupted extraction goes on.

    Args:
        shop: whose processes share the parts.
        step: where they go.
        parts: how many there are.
        of_part: the logits of one, float16 for softmax at any temperature; all are joined along the first axis.
        describe: what the record says of the whole besides its shape.
    """
    shop.together(step, lambda: _extract(shop, step.folder, parts, of_part, describe))
    for part in step.folder.glob("part-*.pt"):
        part.unlink(missing_ok=True)
    return step


def _extract(
    shop: Workshop,
    folder: Path,
    parts: int,
    of_part: Callable[[int], Tensor],
    describe: Callable[[Tensor], dict[str, Any]],
) -> dict[str, Any]:
    """Write the logits of every part and of all together; return their record."""
    paths = [folder / f"part-{number}.pt" for number in range(parts)]
    for number in range(shop.processes.process_index, parts, shop.processes.num_processes):
        if not paths[number].exists():
            logger.info("logits: part %d of %d", number + 1, parts)
            write_whole(paths[number], partial(torch.save, of_part(number)))
    shop.wait()
    if not shop.processes.is_main_process:
        return {}
    whole = torch.cat([_part(path) for path in paths])
    write_whole(folder / LOGITS, lambda path: torch.save(whole, path))
    return {**describe(whole), "shape": list(whole.shape), "files": digests(folder, LOGITS)}


def _part(path: Path) -> Tensor:
    """Read the logits of one part.

    Raises:
        ValueError: they are damaged.
    """
    try:
        logits: Tensor = torch.load(path, weights_only=True)
    except (RuntimeError, OSError, EOFError, UnpicklingError) as error:
        raise ValueError(f"{path}: damaged; remove it and run the command again") from error
    return logits


def load(step: Step) -> Tensor:
    """Return the logits of all parts, float16.

    Raises:
        ValueError: they are damaged.
    """
    logits: Tensor = torch.load(step.file(LOGITS), weights_only=True)
    return logits
