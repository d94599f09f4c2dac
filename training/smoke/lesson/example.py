"""One sequence of the pool as a training example; its maps stay on disk and are read window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge.model.preprocess import place
from scoring.truth import TruthSequence
from training.smoke.dataset import targets
from training.smoke.network import CELL_PX, FRAME_PX, GRID
from training.smoke.student.head import CHANGE_LIMIT, FRAME_LIMIT, Statistics

WINDOW = 2  # frames that the loss runs through
CHANGE_FLOOR = 0.02  # in spreads of a feature: half a step of its INT8 map. What moves less cannot be seen
SAMPLED_FRAMES = 400  # that statistics are taken from

Map = NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One sequence of a pool, ready for training.

    Attributes:
        name, group: of the sequence.
        source: what kind of sequence it is, such as `real`, `planted`, `weather`.
        features: (frames, C, rows, cols).
        changes: by k: (⌈frames / k⌉, C, rows, cols), as a camera that delivers every k-th frame sees them.
        positive, negative: (frames, rows, cols), cells of a box, and cells that are certainly free of smoke.
        inside: (rows, cols), cells in the picture.
        conditions: (frames, N), 1 where a condition holds, 0 where not, NaN where nobody knows.
        sha256: of all that it is made of.
        made_of: digests of the pictures behind it.
        soft: by k: (⌈frames / k⌉, rows, cols), a teacher's logits; empty without a teacher.
    """

    name: str
    group: str
    source: str
    features: Map
    changes: Mapping[int, Map]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    conditions: NDArray[np.float32]
    sha256: str
    made_of: frozenset[str]
    soft: Mapping[int, Map] = field(default_factory=dict)

    def starts(self, every: int, *, smoky: bool) -> NDArray[np.intp]:
        """Return where windows of every k-th frame begin.

        Args:
            every: k.
            smoky: those whose last frame has a cell of smoke; or those whose frames have none, and free cells.
        """
        there: NDArray[np.bool_] = np.asarray(self.positive[::every].any(axis=(1, 2)))
        free: NDArray[np.bool_] = np.asarray(self.negative[::every].any(axis=(1, 2))) & ~there
        last = np.arange(WINDOW - 1, len(there))
        kept = there[last] if smoky else np.all([free[last - back] for back in range(WINDOW)], axis=0)
        return last[kept] - (WINDOW - 1)

    def unsure(self) -> Example:
        """Return the same sequence with its smoky frames neither smoky nor free: weather may hide what burns."""
        burning = self.positive.any(axis=(1, 2), keepdims=True)
        if not burning.any():
            return self
        return replace(
            self,
            positive=np.zeros_like(self.positive),
            negative=self.negative & ~burning,
            sha256=sha256(f"{self.sha256} unsure".encode()).hexdigest(),
        )


def load(
    sequence: TruthSequence,
    source: str,
    features: Path,
    changes: Mapping[int, Path],
    conditions: NDArray[np.float32],
    made_of: frozenset[str],
    keys: Sequence[str],
) -> Example:
    """Open a sequence's maps.

    Args:
        sequence: its truth.
        source: what kind of sequence it is.
        features: the file of (frames, C, rows, cols) float16.
        changes: files of their changes, by k.
        conditions: (frames, N).
        made_of: digests of the pictures behind it.
        keys: of the steps that made the maps.

    Raises:
        ValueError: a map has not as many frames as the truth; names it.
    """
    count = len(sequence.frames)
    opened = _open(features, count)
    changed = {every: _open(path, -(-count // every)) for every, path in sorted(changes.items())}
    if len(conditions) != count:
        raise ValueError(f"sequence '{sequence.id}': {len(conditions)} rows of conditions, {count} frames")
    positive, negative = (cells.numpy() for cells in targets(sequence))
    inside = place((sequence.height, sequence.width), FRAME_PX, letterbox=True).inside(GRID, CELL_PX)
    digest = sha256("\n".join(keys).encode())
    for part in (positive, negative, conditions):
        digest.update(part.tobytes())
    return Example(
        sequence.id, sequence.group, source, opened, changed, positive, negative, inside,
        np.asarray(conditions, np.float32), digest.hexdigest(), made_of,
    )  # fmt: skip


def _open(path: Path, frames: int) -> Map:
    found: Map = np.load(path, mmap_mode="r")
    if len(found) != frames:
        raise ValueError(
            f"{path}: {len(found)} frames, expected {frames}; remove its folder to make it again"
        )
    return found


def statistics(examples: Sequence[Example]) -> Statistics:
    """Measure what inputs are standardised by, over frames spread evenly over all examples.

    Returns:
        See `Statistics`; only cells in the picture count.
    """
    channels = examples[0].features.shape[1]
    seen, moved = _Sums(channels), _Sums(channels)
    for frame, change in _sampled(examples):
        seen.add(frame)
        moved.add(change)
    spread = seen.spread().clamp(min=1e-3)
    scale = torch.maximum(moved.spread(), CHANGE_FLOOR * spread)
    frames, changes = _Sums(channels), _Sums(channels)
    for frame, change in _sampled(examples):
        frames.add(((frame - seen.mean()) / spread).clamp(-FRAME_LIMIT, FRAME_LIMIT))
        changes.add((change / scale).clamp(-CHANGE_LIMIT, CHANGE_LIMIT))
    return Statistics(seen.mean(), spread, scale, frames.covariance(), changes.covariance())


def _sampled(examples: Sequence[Example]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (cells, C) float32 features and change of some frames."""
    every = max(1, sum(len(example.features) for example in examples) // SAMPLED_FRAMES)
    for example in examples:
        cadence = min(example.changes)
        change = example.changes[cadence]
        for index in range(min(every // 2, len(change) - 1), len(change), every):
            frame = example.features[index * cadence]
            yield _cells(frame, example.inside), _cells(change[index], example.inside)


def _cells(values: Map, inside: NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(values[:, inside].astype(np.float32)).T


class _Sums:
    """First and second moments of rows of C values."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._first = torch.zeros(channels, dtype=torch.float64)
        self._second = torch.zeros(channels, channels, dtype=torch.float64)

    def add(self, rows: torch.Tensor) -> None:
        self._count += len(rows)
        self._first += rows.sum(dim=0)
        self._second += rows.T @ rows

    def mean(self) -> torch.Tensor:
        return (self._first / self._count).float()

    def covariance(self) -> torch.Tensor:
        mean = self._first / self._count
        return (self._second / self._count - torch.outer(mean, mean)).float()

    def spread(self) -> torch.Tensor:
        return self.covariance().diagonal().clamp(min=0).sqrt()
