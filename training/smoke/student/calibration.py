"""Inputs of an exported student for its calibration: a few frames, each with the state that its past leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge.model.manifest import Manifest
from training.quantize.tflite_file import Sample
from training.smoke.features import LAG, read_frames
from training.smoke.lesson.example import Example
from training.smoke.network import GRID, SCORE_RATE, STATE_NAMES
from training.smoke.student.quantized import QuantizedHead
from training.smoke.student.score import score
from training.step.step import picture_digest

SEQUENCES = 16  # that frames are taken from, half of them with boxes where there are so many
_REMEMBERED = 10  # frames after which the average of scores has forgotten


@dataclass(frozen=True, slots=True)
class Framed:
    """A sequence of the pool with its pictures.

    Attributes:
        example: its maps, by the student's own frozen backbone.
        paths: of its frames.
    """

    example: Example
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Inputs of the float network.

    Attributes:
        samples: frame in 0..1 and states, by the project's names.
        pictures: digests of the frames' files.
    """

    samples: list[Sample]
    pictures: list[str]

    @property
    def sha256(self) -> str:
        """Over the digests, in order."""
        return hashlib.sha256("".join(self.pictures).encode()).hexdigest()


def calibrate(
    head: QuantizedHead, sequences: Sequence[Framed], manifest: Manifest, rate: float
) -> Calibration:
    """Read a few frames of a few sequences, those with boxes among them.

    Args:
        head: of the student.
        sequences: that it was trained on.
        manifest: how frames are fitted.
        rate: of the background, per scored frame.
    """
    samples: list[Sample] = []
    pictures: list[str] = []
    for one in some(sequences):
        for index in chosen(one.example):
            (pixels,) = read_frames([one.paths[index]], manifest)
            state = state_at(head, one.example, index, rate)
            named = zip(STATE_NAMES, (part.numpy() for part in state), strict=True)
            samples.append({"frame": pixels[None].astype(np.float32) / np.float32(255), **dict(named)})
            pictures.append(picture_digest(one.paths[index]))
    return Calibration(samples, pictures)


def some(sequences: Sequence[Framed]) -> Iterator[Framed]:
    """Yield SEQUENCES of them at most, half of them with boxes, each half spread evenly over its order."""
    boxed = [one for one in sequences if one.example.positive.any()]
    free = [one for one in sequences if not one.example.positive.any()]
    of_boxed = min(len(boxed), max(SEQUENCES // 2, SEQUENCES - len(free)))
    for part, count in ((boxed, of_boxed), (free, min(len(free), SEQUENCES - of_boxed))):
        yield from (part[index * len(part) // count] for index in range(count))


def chosen(example: Example) -> list[int]:
    """Choose two frames over the whole sequence, and of those with boxes the middle and the last one."""
    last = len(example.features) - 1
    boxed = np.flatnonzero(example.positive.any(axis=(1, 2)))
    own = {int(boxed[len(boxed) // 2]), int(boxed[-1])} if len(boxed) else set()
    return sorted({last // 3, 2 * last // 3} | own)


def state_at(head: QuantizedHead, example: Example, index: int, rate: float) -> tuple[Tensor, ...]:
    """Return the state with which a camera meets a frame, after all frames before it, as `Graph.forward` takes it.

    Args:
        head: of the student.
        example: the sequence, in features of the student's own backbone.
        index: of the frame.
        rate: of the background, per scored frame.
    """
    channels = head.mean.shape[1]
    background, mass = torch.zeros(1, *GRID, channels), 0.0
    for before in range(index - LAG):
        background = background * (1 - rate) + _standardised(head, example, before) * rate
        mass = mass * (1 - rate) + rate
    recent = [
        _standardised(head, example, back) if back >= 0 else torch.zeros(1, *GRID, channels)
        for back in (index - 1, index - 2)
    ]
    first = max(0, index - _REMEMBERED)
    total, weight = torch.zeros(1, *GRID, 1), 1 - (1 - SCORE_RATE) ** index
    if index:
        there = slice(first, index)
        cells = score(head, example.features[there], example.changes[1][there], example.inside).cells
        near = functional.avg_pool2d(torch.from_numpy(cells)[:, None], 3, 1, 1, count_include_pad=False)
        for frame in near:
            total = total * (1 - SCORE_RATE) + frame[0, None, :, :, None] * SCORE_RATE
    return (
        background,
        torch.cat(recent, dim=3),
        torch.full((1, 1, 1, 1), mass),
        total,
        torch.full((1, 1, 1, 1), weight),
    )


def _standardised(head: QuantizedHead, example: Example, index: int) -> Tensor:
    """Return (1, rows, cols, C)."""
    features = torch.from_numpy(np.asarray(example.features[index], np.float32))[None]
    return ((features - head.mean) / head.spread).permute(0, 2, 3, 1)
