"""Training the head on cached features: which cells are smoke, the loss, and one short cycle.

Source: the loss is that of our study of smoke detection (positives, hardest negatives, mean over negatives).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.distill.loop import Batch, Course, follow
from training.distill.loss import mix, of_cells
from training.distill.rate import one_cycle
from training.distill.setting import Distillation
from training.smoke.network import CELL_PX, GRID, POOLED_CHANNELS, SCORE_RATE, Head
from training.smoke.recipe import Recipe

POSITIVE_OVERLAP = 0.25  # share of a cell that a box must cover
HARDEST = 15
LABEL_SMOOTHING = 0.02
# Quarter of an INT8 step of each feature's activation: what moves less cannot be seen once quantized.
SCALE_FLOOR = (0.006, 0.1, 0.1, 0.1)


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence, ready for training.

    Attributes:
        name, group: of the sequence.
        features, change: (frames, 112, 30, 40) float16.
        positive: (frames, 30, 40) bool, cells of a box.
        negative: (frames, 30, 40) bool, cells that are certainly free of smoke.
        sha256: of all that it is made of.
        soft: (frames, 30, 40) float16, a teacher's logits; None without a teacher.
        made_of: digests of the pictures behind it, those of its teachers among them.
    """

    name: str
    group: str
    features: Tensor
    change: Tensor
    positive: Tensor
    negative: Tensor
    sha256: str
    soft: Tensor | None = None
    made_of: frozenset[str] = frozenset()

    @property
    def boxed(self) -> list[int]:
        """Frames with a positive cell."""
        return [int(i) for i in self.positive.flatten(1).any(1).nonzero()[:, 0]]

    @property
    def quiet(self) -> list[int]:
        """Frames of which every cell of the picture is negative."""
        free = self.negative.flatten(1).any(1) & ~self.positive.flatten(1).any(1)
        return [int(i) for i in free.nonzero()[:, 0]]


def box_cells(boxes_px: Sequence[tuple[float, float, float, float]]) -> NDArray[np.bool_]:
    """Return (30, 40): cells of which a box covers a quarter, and of a tiny box those it covers most.

    Args:
        boxes_px: (x0, y0, x1, y1) in pixels of the model's input.
    """
    cells = np.zeros(GRID, np.bool_)
    edges_y, edges_x = np.arange(GRID[0]) * CELL_PX, np.arange(GRID[1]) * CELL_PX
    for x0, y0, x1, y1 in boxes_px:
        across = np.clip(np.minimum(x1, edges_x + CELL_PX) - np.maximum(x0, edges_x), 0, None) / CELL_PX
        down = np.clip(np.minimum(y1, edges_y + CELL_PX) - np.maximum(y0, edges_y), 0, None) / CELL_PX
        covered = np.outer(down, across)
        if covered.max() > 0:
            cells |= covered >= min(POSITIVE_OVERLAP, 0.99 * covered.max())
    return cells


def dilate(cells: NDArray[np.bool_], by: int = 2) -> NDArray[np.bool_]:
    """Grow a cell mask by some cells in every direction."""
    grown = functional.max_pool2d(torch.from_numpy(cells)[None, None].float(), 2 * by + 1, 1, by)
    return np.asarray(grown[0, 0] > 0)


def loss(logits: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """BCE over positives + over the hardest negatives of each frame + twice the mean over negatives.

    Args:
        logits: (N, rows, cols).
        positive: (N, rows, cols) bool.
        negative: (N, rows, cols) bool, disjoint from positive.
    """
    target = positive.float() * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    on_positive = (entropy * positive).sum() / positive.sum().clamp(min=1)
    on_negative = torch.where(negative, entropy, torch.zeros_like(entropy)).flatten(1)
    hardest = on_negative.topk(HARDEST, dim=1).values.mean()
    return on_positive + hardest + 2 * on_negative.sum() / negative.sum().clamp(min=1)


def train(
    examples: Sequence[Example], recipe: Recipe, checkpoint: Path, method: Distillation | None = None
) -> Head:
    """Train one head; sequences are sampled evenly, half of each batch has smoke.

    Args:
        examples: of at least one sequence with smoke and one without.
        recipe: steps, rates, sizes, seed.
        checkpoint: a file; an unfinished training resumes from it. Left in place.
        method: temperature and α of a teacher, whose logits the examples have; None learns from boxes alone.

    Raises:
        ValueError: no sequence has a box, or none a quiet frame.
    """
    torch.manual_seed(recipe.seed)
    head = Head(_scale(examples), recipe.channels, recipe.width)
    course = Course(
        epochs=1,
        steps=recipe.steps,
        batches=lambda _, first: _batches(examples, recipe, first),
        loss=lambda logits, positive, negative, soft: _cost(logits[:, 0], positive, negative, soft, method),
        optimizers=lambda network: [
            torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        ],
        rates=one_cycle(recipe.learning_rate, recipe.steps),
    )
    torch.set_flush_denormal(True)  # of this thread; denormals make a step many times slower
    try:
        follow(head, course, checkpoint)
    finally:
        torch.set_flush_denormal(False)
    return head.eval().requires_grad_(requires_grad=False)


def _cost(
    logits: Tensor, positive: Tensor, negative: Tensor, soft: Tensor | None, method: Distillation | None
) -> Tensor:
    hard = loss(logits, positive, negative)
    if method is None:
        return hard
    assert soft is not None
    return mix(of_cells(logits, soft, method.temperature), hard, method)


def _batches(examples: Sequence[Example], recipe: Recipe, first: int) -> Iterator[Batch]:
    """Yield the batches of a training from one on; those before it are drawn all the same.

    Raises:
        ValueError: no sequence has a box, or none a quiet frame.
    """
    smoky = [(e, e.boxed) for e in examples if e.boxed]
    quiet = [(e, e.quiet) for e in examples if e.quiet]
    if not smoky or not quiet:
        raise ValueError("training needs at least one sequence with boxes and one with frames without smoke")
    rng = np.random.default_rng(recipe.seed)
    for number in range(recipe.steps):
        drawn = [_draw(smoky if index % 2 else quiet, rng) for index in range(recipe.batch)]
        if number >= first:
            yield _batch(drawn)


def _draw(pool: Sequence[tuple[Example, list[int]]], rng: np.random.Generator) -> tuple[Example, int, bool]:
    """Draw a sequence, one of its frames, and whether that is mirrored."""
    example, frames = pool[int(rng.integers(len(pool)))]
    return example, frames[int(rng.integers(len(frames)))], rng.random() < 0.5


def _batch(drawn: Sequence[tuple[Example, int, bool]]) -> Batch:
    def column(parts: Iterable[Tensor]) -> Tensor:
        rows = zip(parts, drawn, strict=True)
        return torch.stack([part[frame].flip(-1) if flip else part[frame] for part, (_, frame, flip) in rows])

    examples = [example for example, _, _ in drawn]
    soft = [example.soft for example in examples if example.soft is not None]
    return Batch(
        (column(e.features for e in examples).float(), column(e.change for e in examples).float()),
        (
            column(e.positive for e in examples),
            column(e.negative for e in examples),
            column(soft).float() if soft else None,
        ),
    )


def _scale(examples: Sequence[Example]) -> Tensor:
    """Return the standard deviation of each feature's change over training frames, floored."""
    floor = torch.cat([torch.full((n,), v) for n, v in zip(POOLED_CHANNELS, SCALE_FLOOR, strict=True)])
    sample = torch.cat([example.change[::4].float() for example in examples])
    return torch.maximum(sample.std(dim=(0, 2, 3)), floor)


def score_maps(head: Head, features: Tensor, change: Tensor) -> NDArray[np.float32]:
    """Score a sequence as `Student.forward` does: smoothed over 3×3 cells and over frames.

    Returns:
        (frames, 30, 40, 1) float32 logits.
    """
    with torch.inference_mode():
        logits = head(features.float(), change.float())
    logits = functional.avg_pool2d(logits, 3, 1, 1, count_include_pad=False).permute(0, 2, 3, 1).numpy()
    total, mass = np.zeros_like(logits[0]), 0.0
    smoothed = np.empty_like(logits)
    for index, frame in enumerate(logits):
        total = total * (1 - SCORE_RATE) + frame * SCORE_RATE
        mass = mass * (1 - SCORE_RATE) + SCORE_RATE
        smoothed[index] = total / mass
    return smoothed
