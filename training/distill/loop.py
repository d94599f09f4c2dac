"""The training loop: a network, batches and a loss, resumable at any step, on one process or many.

Batches and rates are functions of (epoch, step), so that a resumed run is the run that was never stopped, to the bit on
one process.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from training.step.step import write_whole

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S = 120.0
EMA_EVERY = 5  # steps between two updates of the average

Loss = Callable[..., Tensor]
"""(logits, *targets) → scalar."""
Rates = Callable[[Sequence[Optimizer], int], None]
"""Gives the optimizers' groups what they have at a step, counted from 0."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from.

    Attributes:
        inputs: of the network.
        targets: what the loss reads after the logits; a teacher's logits among them, or None.
    """

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor | None, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How a network is trained.

    Attributes:
        epochs: how often `judge` looks.
        steps: of one epoch.
        batches: those of an epoch, from a step on; all random draws are made as if from its beginning.
        loss: of a batch.
        optimizers: of the network as it lies where it will be trained.
        rates: their rates.
        ema_decay: a step; the exponential average of the parameters is kept. None: the parameters are.
        judge: a figure of the network after each epoch; None if there is none.
        together: places the network and averages gradients; None trains on this process's CPU alone.
        autocast: what the forward pass runs in.
    """

    epochs: int
    steps: int
    batches: Callable[[int, int], Iterable[Batch]]
    loss: Loss
    optimizers: Callable[[nn.Module], Sequence[Optimizer]]
    rates: Rates
    ema_decay: float | None = None
    judge: Callable[[nn.Module], float | None] | None = None
    together: Accelerator | None = None
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext


class DivergedError(ValueError):
    """The loss left the finite numbers."""


class Stopped(Exception):  # noqa: N818 — not an error: the run goes on with the same command
    """Training stopped at a checkpoint because it was told to."""


def follow(
    network: nn.Module,
    course: Course,
    checkpoint: Path,
    *,
    compiled: bool = False,
    tell: Callable[[float], None] | None = None,
    stop_after_steps: int | None = None,
) -> list[dict[str, Any]]:
    """Train `network`, and leave in it what the course keeps.

    Args:
        network: parameters are changed.
        course: how.
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
    run = Run(network, course, compiled=compiled)
    run.resume(checkpoint)
    shown = tqdm(
        total=run.steps,
        initial=run.step,
        unit="step",
        desc=checkpoint.parent.name,
        disable=None if run.is_main else True,
        mininterval=1.0,
    )
    while run.step < run.steps:
        epoch, first = divmod(run.step, course.steps)
        for batch in course.batches(epoch, first):
            if tell is not None:
                tell(run.step / run.steps)
            run.update(batch)
            shown.update()
            if run.step % course.steps == 0:
                run.end_epoch(epoch)
            if stop_after_steps is not None and run.step >= stop_after_steps:
                run.save(checkpoint)
                raise Stopped(f"{checkpoint}: stopped after {run.step} steps")
            run.save_if_due(checkpoint, time.monotonic())
    shown.close()
    if tell is not None:
        tell(1.0)  # a run that was stopped behind its last step tells nothing else
    run.save(checkpoint)
    network.load_state_dict(run.kept())
    return run.history


class Run:
    """The state of one training run: parameters, momentum, average, step, history."""

    def __init__(self, network: nn.Module, course: Course, *, compiled: bool = False) -> None:
        together = course.together
        self._network = network
        # may move the parameters, so optimizers come after it
        self._parallel = network if together is None else together.prepare(network)
        self._optimizers = course.optimizers(network)
        self._compiled = compiled
        self._forward = torch.compile(self._parallel, dynamic=False) if compiled else self._parallel
        self._course = course
        self._device = torch.device("cpu") if together is None else together.device
        self._losses: list[float] = []
        self._saved_s = self._epoch_began_s = time.monotonic()
        self.is_main: bool = together is None or together.is_main_process
        self.steps = course.epochs * course.steps
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.average: dict[str, Tensor] | None = None
        if course.ema_decay is not None:
            self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, batch: Batch) -> None:
        """Take one step."""
        self._course.rates(self._optimizers, self.step)
        self._parallel.train()
        with self._course.autocast():
            logits = self._forward(*(part.to(self._device) for part in batch.inputs))
        targets = [None if part is None else part.to(self._device) for part in batch.targets]
        value = self._course.loss(logits.float(), *targets)
        if not torch.isfinite(value):
            raise DivergedError(f"the loss is {value.item()} at step {self.step + 1}; lower learning_rate")
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        if self._course.together is None:
            torch.autograd.backward(value)
        else:
            self._course.together.backward(value)
        for optimizer in self._optimizers:
            optimizer.step()
        self._losses.append(value.item())
        self.step += 1
        if self.step % EMA_EVERY == 0 or self.step == self.steps:
            self._move_average()

    def _move_average(self) -> None:
        """Move the average towards the parameters; early on faster, so that it forgets the beginning."""
        if self.average is None or self._course.ema_decay is None:
            return
        average = self.average
        decay = min(self._course.ema_decay**EMA_EVERY, self.step / (self.step + 10 * EMA_EVERY))
        current = self._network.state_dict()
        names = [name for name, value in average.items() if value.is_floating_point()]
        torch._foreach_lerp_([average[n] for n in names], [current[n] for n in names], 1 - decay)

    def kept(self) -> dict[str, Tensor]:
        """Return what the network is to be: the average, or the parameters where there is none."""
        return self._network.state_dict() if self.average is None else self.average

    def end_epoch(self, epoch: int) -> None:
        """Judge what is kept, and record the epoch."""
        seconds = time.monotonic() - self._epoch_began_s
        accuracy = self._judged()
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

    def _judged(self) -> float | None:
        if self._course.judge is None:
            return None
        now = {name: value.clone() for name, value in self._network.state_dict().items()}
        self._network.load_state_dict(self.kept())
        figure = self._course.judge(self._network)
        self._network.load_state_dict(now)
        return figure

    def save_if_due(self, path: Path, now_s: float) -> None:
        """Write a checkpoint every two minutes."""
        if now_s - self._saved_s >= CHECKPOINT_EVERY_S:
            self.save(path)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        self._saved_s = time.monotonic()
        if not self.is_main:
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
            "chance": torch.get_rng_state(),  # of dropout
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
            state = torch.load(path, weights_only=True, map_location=self._device)
            self._take_up(state)
        except (RuntimeError, OSError, EOFError, KeyError, ValueError, TypeError, UnpicklingError) as error:
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
        if "chance" in state:  # checkpoints of before have none
            torch.set_rng_state(state["chance"].cpu())
