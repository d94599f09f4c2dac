"""The training loop: one network, from scratch or from given parameters, resumable at any step, on one process or many.

Every random draw is a function of (seed, epoch), so that a resumed run is the run that was never stopped, to the bit on
one process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from training.cifar10.recipe import Training
from training.distill import view
from training.distill.images import SIDE_PX, Images
from training.distill.optimizer import optimizers
from training.distill.process import accelerator, precision
from training.step.step import write_whole

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 120.0
EMA_EVERY = 5  # steps between two updates of the average
EVALUATION_BATCH = 500

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(logits (B, classes), labels (B,), teacher's logits (B, classes) or None) → scalar."""


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


class DivergedError(ValueError):
    """The loss left the finite numbers."""


class Stopped(Exception):  # noqa: N818 — not an error: the run goes on with the same command
    """Training stopped at a checkpoint because it was told to."""


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
        loss: of a batch.
        training: the recipe.
        seed: of order and cutout.
        checkpoint: a file; an unfinished run resumes from it. Left in place.
        compiled: by torch.compile, which takes a minute or more and rounds a little otherwise.
        tell: told before each step, and after the last, which share of them is done.
        stop_after_steps: for tests: stop there, after writing the checkpoint.

    Returns:
        A record an epoch: mean loss, validation accuracy, seconds of training (stops between checkpoints not counted).

    Raises:
        Stopped: see `stop_after_steps`.
        DivergedError: the loss left the finite numbers.
        ValueError: the checkpoint was begun with another `compiled`.
    """
    together = accelerator()
    network.to(together.device, memory_format=torch.channels_last)
    run = _Run(
        network, training, together, compiled=compiled, steps=training.epochs * _steps(lesson, training)
    )
    run.resume(checkpoint)
    shown = tqdm(
        total=run.steps,
        initial=run.step,
        unit="step",
        desc=checkpoint.parent.name,
        disable=None if together.is_main_process else True,
        mininterval=1.0,
    )
    while run.step < run.steps:
        epoch, first = divmod(run.step, _steps(lesson, training))
        for pixels, labels, soft in _batches(lesson, training, seed, epoch, first, together):
            if tell is not None:
                tell(run.step / run.steps)
            run.update(pixels, labels, soft, loss)
            shown.update()
            if run.step % _steps(lesson, training) == 0:
                run.end_epoch(epoch, lesson.validation)
            if stop_after_steps is not None and run.step >= stop_after_steps:
                run.save(checkpoint)
                raise Stopped(f"{checkpoint}: stopped after {run.step} steps")
            run.save_if_due(checkpoint, time.monotonic())
    shown.close()
    if tell is not None:
        tell(1.0)  # a run that was stopped behind its last step tells nothing else
    run.save(checkpoint)
    network.load_state_dict(run.average)
    return run.history


def _steps(lesson: Lesson, training: Training) -> int:
    """Return the steps of an epoch; the last, smaller batch is left out."""
    return max(1, len(lesson.images) // training.batch)


def _batches(
    lesson: Lesson, training: Training, seed: int, epoch: int, first: int, together: Accelerator
) -> Any:  # noqa: ANN401 — an iterator of three tensors
    """Yield this process's share of each batch of an epoch, from batch `first` on."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(len(lesson.images), generator=generator)
    number = epoch % len(lesson.views)
    side = training.small_px if epoch < training.small_share * training.epochs else SIDE_PX
    for index in range(_steps(lesson, training)):
        whole = order[index * training.batch : (index + 1) * training.batch]
        pixels = view.apply(
            lesson.images.pixels[whole],
            lesson.views.flipped[number][whole],
            lesson.views.shift[number][whole],
        )
        pixels = view.cutout(pixels, training.cutout_px, generator)
        if index < first:
            continue  # drawn all the same, so that the generator goes on as it did
        mine = slice(together.process_index, None, together.num_processes)
        chosen = whole[mine]
        soft = None if lesson.soft is None else lesson.soft[number][chosen].to(together.device).float()
        labels = lesson.images.labels[chosen].to(together.device)
        yield view.normalise(pixels[mine].to(together.device), side), labels, soft


class _Run:
    """The state of one training run: parameters, momentum, average, step, history."""

    def __init__(
        self,
        network: nn.Module,
        training: Training,
        together: Accelerator,
        *,
        compiled: bool = False,
        steps: int,
    ) -> None:
        self._network = network
        self._parallel = together.prepare(network)  # may move the parameters, so optimizers come after it
        self._optimizers = optimizers(network, training)
        self._compiled = compiled
        self._forward = torch.compile(self._parallel, dynamic=False) if compiled else self._parallel
        self._together = together
        self._training = training
        self._losses: list[float] = []
        self._saved_s = self._epoch_began_s = time.monotonic()
        self.steps = steps
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, pixels: Tensor, labels: Tensor, soft: Tensor | None, loss: Loss) -> None:
        """Take one step."""
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * self._share_of_peak()
        self._parallel.train()
        device = self._together.device.type
        with autocast(device):
            logits = self._forward(pixels)
        value = loss(logits.float(), labels, soft)
        if not torch.isfinite(value):
            raise DivergedError(f"the loss is {value.item()} at step {self.step + 1}; lower learning_rate")
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        self._together.backward(value)
        for optimizer in self._optimizers:
            optimizer.step()
        self._losses.append(value.item())
        self.step += 1
        if self.step % EMA_EVERY == 0 or self.step == self.steps:
            self._follow()

    def _share_of_peak(self) -> float:
        """One triangle: up to the peak, down to zero."""
        peak, done = self._training.warm_up, (self.step + 1) / (self.steps + 1)
        return min(done / max(peak, 1e-9), (1 - done) / max(1 - peak, 1e-9))

    def _follow(self) -> None:
        """Move the average towards the parameters; early on faster, so that it forgets the beginning."""
        decay = min(self._training.ema_decay**EMA_EVERY, self.step / (self.step + 10 * EMA_EVERY))
        current = self._network.state_dict()
        names = [name for name, value in self.average.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[n] for n in names], [current[n] for n in names], 1 - decay)

    def end_epoch(self, epoch: int, validation: Images) -> None:
        """Score the average on the validation split and record the epoch."""
        seconds = time.monotonic() - self._epoch_began_s
        kept = {name: value.clone() for name, value in self._network.state_dict().items()}
        self._network.load_state_dict(self.average)
        accuracy = validation_accuracy(self._network, validation, precision())
        self._network.load_state_dict(kept)
        record = {
            "epoch": epoch + 1,
            "loss": sum(self._losses) / max(1, len(self._losses)),
            "validation_accuracy": accuracy,
            "seconds": round(seconds, 1),
        }
        self._losses = []
        self._epoch_began_s = time.monotonic()
        self.history.append(record)
        shown = "" if accuracy is None else f", validation {accuracy:.2%}"
        logger.info("epoch %d: loss %.4f%s, %.0f s", epoch + 1, record["loss"], shown, seconds)

    def save_if_due(self, path: Path, now_s: float) -> None:
        """Write a checkpoint every two minutes."""
        if now_s - self._saved_s >= CHECKPOINT_EVERY_S:
            self.save(path)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        self._saved_s = time.monotonic()
        if not self._together.is_main_process:
            return
        state = {
            "network": self._network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "average": self.average,
            "step": self.step,
            "losses": self._losses,
            "history": self.history,
            "epoch_s": time.monotonic() - self._epoch_began_s,
            "compiled": self._compiled,
        }
        write_whole(path, lambda partial: torch.save(state, partial))

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one.

        Raises:
            ValueError: it is damaged, of other settings, or was begun with another `compiled`.
        """
        if not path.exists():
            return
        try:
            state = torch.load(path, weights_only=True, map_location=self._together.device)
            self._take_up(state)
        except (RuntimeError, EOFError, KeyError, ValueError, UnpicklingError) as error:
            raise ValueError(
                f"{path}: cannot be resumed ({error!r}); remove it to begin this network again"
            ) from error
        if state["compiled"] != self._compiled:
            raise ValueError(
                f"{path}: begun {'with' if state['compiled'] else 'without'} --compile; go on so"
            )
        logger.info("%s: resumed at step %d of %d", path.name, self.step, self.steps)

    def _take_up(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"])
        for optimizer, kept in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.average = state["average"]
        self.step, self._losses, self.history = state["step"], state["losses"], state["history"]
        self._epoch_began_s = time.monotonic() - state["epoch_s"]


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
            parts.append(network(view.normalise(pixels)).float().cpu())
    return torch.cat(parts)


def accuracy_of(logits: Tensor, images: Images) -> float:
    """Return the share of images whose largest logit is their label."""
    return float((logits.argmax(dim=1) == images.labels).double().mean())


def validation_accuracy(
    network: nn.Module, images: Images, dtype: torch.dtype = torch.float32
) -> float | None:
    """Return a network's accuracy, None where there are no images."""
    return accuracy_of(predict(network, images, dtype), images) if len(images) else None
