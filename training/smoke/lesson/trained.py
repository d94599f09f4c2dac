"""The step that trains a head on examples, in floating point and then quantized; what is done is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import torch

from training.distill.setting import Distillation
from training.network.memory import laid_out
from training.smoke.lesson import scene
from training.smoke.lesson.example import Example
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.train import (
    FLOAT_CHECKPOINT,
    QUANTIZED_CHECKPOINT,
    alone,
    train_float,
    train_quantized,
)
from training.smoke.side import MADE_OF
from training.smoke.student.head import Head, Shape, Statistics
from training.smoke.student.quantized import QuantizedHead
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop

# Raise a number when that kind of step would give something else from the same inputs.
METHODS = {"lesson": 2, "lesson-soft": 1, "lesson-maps": 1, "student": 1}
FLOAT, QUANTIZED = "float-head.pt", "quantized-head.pt"


def trained(
    shop: Workshop,
    name: str,
    examples: Sequence[Example],
    setting: Setting,
    method: Distillation | None = None,
) -> Step:
    """Train a head, or find it trained.

    Args:
        shop: where the step goes.
        name: of the step, for people.
        examples: with a teacher's logits where there is a method.
        setting: how; one without quantized steps gives a head in floating point alone.
        method: temperature and α of the teacher; None learns from labels alone.

    Raises:
        ValueError: no example has smoke, or none frames without; or a method and no teacher's logits.
    """
    if method is not None and not all(example.soft for example in examples):
        raise ValueError(f"{name}: a method for a teacher's logits, and not all examples have them")
    inputs = {
        "setting": asdict(setting),
        "examples": [example.sha256 for example in examples],
        "taught": None if method is None else msgspec.to_builtins(method),
    }
    step = shop.step("lesson", name, inputs)
    shop.once(step, lambda: _train(step, examples, setting, method))
    for checkpoint in (FLOAT_CHECKPOINT, QUANTIZED_CHECKPOINT):
        (step.folder / checkpoint).unlink(missing_ok=True)
    return step


def _train(
    step: Step, examples: Sequence[Example], setting: Setting, method: Distillation | None
) -> dict[str, Any]:
    head = train_float(examples, setting, step.folder, method)
    names = [FLOAT]
    write_whole(step.folder / FLOAT, lambda path: torch.save(head.state_dict(), path))
    if setting.quantized_steps:
        quantized = train_quantized(head, examples, setting, step.folder, method)
        with alone():
            scene.fit(quantized, examples)
        write_whole(step.folder / QUANTIZED, lambda path: torch.save(quantized.state_dict(), path))
        names.append(QUANTIZED)
    return {
        "files": digests(step.folder, *names),
        "shape": asdict(head.shape),
        MADE_OF: sorted(frozenset().union(*(example.made_of for example in examples))),
    }


def load_float(step: Step) -> Head:
    """Return a trained head in floating point, in evaluation mode.

    Raises:
        ValueError: its file is damaged.
    """
    head = _blank(step)
    head.load_state_dict(torch.load(step.file(FLOAT), weights_only=True))
    return laid_out(head.eval().requires_grad_(requires_grad=False), torch.channels_last)


def load_quantized(step: Step) -> QuantizedHead:
    """Return a trained, quantizing head, in evaluation mode.

    Raises:
        ValueError: its file is damaged or was never made.
    """
    head = QuantizedHead(_blank(step))
    head.load_state_dict(torch.load(step.file(QUANTIZED), weights_only=True))
    head.set_mode("fixed")
    return laid_out(head.eval().requires_grad_(requires_grad=False), torch.channels_last)


def _blank(step: Step) -> Head:
    shape = msgspec.convert(step.read()["shape"], Shape)
    return Head(shape, Statistics.plain(shape.features))
