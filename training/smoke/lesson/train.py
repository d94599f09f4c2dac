"""Training one head on examples: in floating point first, then with fake quantization."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from training.distill.loop import Batch, Course, follow
from training.distill.rate import one_cycle
from training.distill.setting import Distillation
from training.network.memory import laid_out
from training.smoke.lesson.draw import batch_of, draws
from training.smoke.lesson.example import Example, statistics
from training.smoke.lesson.objective import Through, objective
from training.smoke.lesson.setting import Setting
from training.smoke.student.head import Head, Shape
from training.smoke.student.quantized import QuantizedHead, observe

FLOAT_CHECKPOINT, QUANTIZED_CHECKPOINT = "float.pt", "quantized.pt"
OBSERVED = 6  # batches that set the ranges
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _KEPT_BYTES = -3, -1, 1 << 30  # of glibc's malloc.h


def train_float(
    examples: Sequence[Example], setting: Setting, folder: Path, method: Distillation | None = None
) -> Head:
    """Train a head in floating point.

    Args:
        examples: of at least one sequence with smoke and one without.
        setting: how.
        folder: of the checkpoint; an unfinished training resumes from it.
        method: temperature and α of a teacher, whose logits the examples have; None learns from labels alone.

    Returns:
        In evaluation mode.

    Raises:
        ValueError: no sequence has a box, or none a quiet frame.
    """
    with alone():
        torch.manual_seed(setting.seed)
        head = Head(shape_of(examples, setting), statistics(examples))
        follow(
            Through(laid_out(head, torch.channels_last)),
            _course(examples, setting, method, first=0, steps=setting.float_steps),
            folder / FLOAT_CHECKPOINT,
        )
    return head.eval()


def train_quantized(
    head: Head,
    examples: Sequence[Example],
    setting: Setting,
    folder: Path,
    method: Distillation | None = None,
) -> QuantizedHead:
    """Train a head on with fake quantization, its ranges frozen.

    Args:
        head: of `train_float` with the same arguments.
        examples: as `train_float`.
        setting: as `train_float`.
        folder: as `train_float`.
        method: as `train_float`.

    Returns:
        In evaluation mode, quantizing.
    """
    with alone():
        torch.manual_seed(setting.seed)
        made = laid_out(QuantizedHead(head), torch.channels_last)
        observe(made.eval(), (_frames(batch_of(drawn)) for drawn in draws(examples, setting, 0, OBSERVED)))
        steps = setting.quantized_steps
        if steps:
            course = _course(examples, setting, method, first=setting.float_steps, steps=steps)
            follow(Through(made), course, folder / QUANTIZED_CHECKPOINT)
    return made.eval()


def _frames(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch's inputs frame by frame."""
    features, change, inside = batch.inputs
    every = features.shape[1]
    return features.flatten(0, 1), change.flatten(0, 1), inside.repeat_interleave(every, dim=0)


def shape_of(examples: Sequence[Example], setting: Setting) -> Shape:
    """Return the sizes of a head for these examples."""
    return Shape(
        features=examples[0].features.shape[1],
        projected=setting.projected,
        width=setting.width,
        depth=setting.depth,
        kernel=setting.kernel,
        plain=setting.plain,
        context=setting.context,
        conditions=examples[0].conditions.shape[1],
    )


def _course(
    examples: Sequence[Example], setting: Setting, method: Distillation | None, *, first: int, steps: int
) -> Course:
    """Return the course over some of a training's steps; batches go on where the part before left off."""
    peak = setting.learning_rate if first == 0 else setting.quantized_rate

    def batches(_: int, done: int) -> Iterator[Batch]:
        return (batch_of(drawn) for drawn in draws(examples, setting, first + done, first + steps))

    def optimizers(network: nn.Module) -> list[torch.optim.Optimizer]:
        return [torch.optim.AdamW(network.parameters(), peak, weight_decay=setting.weight_decay)]

    return Course(
        epochs=1,
        steps=steps,
        batches=batches,
        loss=objective(method, setting.conditions_weight),
        optimizers=optimizers,
        rates=one_cycle(peak, steps),
    )


@contextmanager
def alone() -> Iterator[None]:
    """Train on one thread, denormals flushed: they make a step many times slower, a second thread brings little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _keep_memory()
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def _keep_memory() -> None:
    """Let glibc keep what it has: maps of a batch are above its largest threshold, and go back to the kernel each time.

    Other C libraries have no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for what in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            mallopt(what, _KEPT_BYTES)
