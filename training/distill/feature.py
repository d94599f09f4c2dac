"""Feature distillation: a smaller network learns to give what a larger one gives, averaged over cells.

Source: Romero et al. 2015 (FitNets, arXiv:1412.6550), with the larger network's own channels as the aim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks that give features at several strides.

    Attributes:
        student: learns.
        teacher: frozen.
        whole: for each of the student's features, the index of the teacher's.
        kept: for each of them, the channels that the student has of it.
        kernels: for each of them, the side of a cell in its own pixels.
    """

    student: nn.Module
    teacher: nn.Module
    whole: Sequence[int]
    kept: Sequence[Tensor]
    kernels: Sequence[int]

    def taught(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, C, rows, cols) of the teacher, the student's channels alone."""
        with torch.no_grad():
            features = self.teacher(frames)
        return self._cells([features[w][:, k] for w, k in zip(self.whole, self.kept, strict=True)])

    def learned(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, C, rows, cols) of the student."""
        return self._cells(self.student(frames))

    def _cells(self, features: Sequence[Tensor]) -> Tensor:
        cells = [functional.avg_pool2d(f, k) for f, k in zip(features, self.kernels, strict=True)]
        return torch.cat(cells, dim=1)


def spread(pair: Pair, frames: Sequence[Tensor]) -> Tensor:
    """Return the deviation of each of the teacher's channels over some frames, (C, 1, 1); never quite 0.

    Args:
        pair: of networks.
        frames: (3, H, W) each.
    """
    cells = torch.cat([pair.taught(frame[None])[0].flatten(1) for frame in frames], dim=1)
    return cells.std(dim=1).clamp(min=1e-3)[:, None, None]


def error(pair: Pair, scale: Tensor, frames: Sequence[Tensor]) -> list[float]:
    """Return the mean squared error over variance of each feature over some frames.

    Args:
        pair: of networks.
        scale: of `spread`.
        frames: (3, H, W) each.
    """
    with torch.no_grad():
        squares = torch.stack(
            [
                ((pair.learned(frame[None]) - pair.taught(frame[None]))[0] / scale).square().mean(dim=(1, 2))
                for frame in frames
            ]
        )
    parts = torch.split(squares.mean(dim=0), [len(kept) for kept in pair.kept])
    return [float(part.mean()) for part in parts]


def tune(
    pair: Pair,
    scale: Tensor,
    batches: Iterator[Tensor],
    steps: int,
    learning_rate: float,
    tell: Callable[[int, float], None],
) -> None:
    """Train the student on; one cycle of AdamW.

    Args:
        pair: of networks; the student's weights move.
        scale: of `spread`; the loss is the mean square of differences in it.
        batches: (N, 3, H, W) each, as many as there are steps.
        steps: of the optimizer, 1 or more.
        learning_rate: the peak.
        tell: is told each step's number and loss.
    """
    optimizer = torch.optim.AdamW(pair.student.parameters(), lr=learning_rate, weight_decay=0.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=max(steps, 2), pct_start=0.2, cycle_momentum=False
    )
    for step in range(steps):
        frames = next(batches)
        loss = ((pair.learned(frames) - pair.taught(frames)) / scale).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves backward untyped
        optimizer.step()
        cycle.step()
        tell(step + 1, float(loss.detach()))
