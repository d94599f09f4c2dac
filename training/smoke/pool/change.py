"""The difference to a slow background, blind to gain and offset: what changes everywhere at once leaves nothing.

Per frame and channel the picture is fitted as f ≈ g·b + o over its cells, by least squares; the change is what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.model.preprocess import place
from scoring.truth import TruthSequence
from training.smoke.features import LAG
from training.smoke.network import BACKGROUND_RATE, CELL_PX, FRAME_PX, GRID, WARM_UP_GAIN
from training.smoke.side import MADE_OF, made_of_step
from training.step.step import Step, digests, write_whole
from training.step.workshop import Workshop

CHANGES = "changes.npy"
GAIN = (0.5, 2.0)  # beyond it a scene is another one, not the same in other light
_FLAT = 1e-6  # variance below which a channel has no gain to fit


def blind(features: Tensor, background: Tensor, inside: Tensor, cells: tuple[int, int] = (2, 3)) -> Tensor:
    """Subtract the background after fitting its gain and offset to the frame; means and products alone.

    Args:
        features: (N, C, rows, cols) float32 of the frame.
        background: the same shape.
        inside: broadcasts to it, 1 in the picture, 0 on the bars of the letterbox.
        cells: the dimensions of rows and columns; (1, 2) for NHWC.

    Returns:
        The same shape, 0 outside.
    Source: ours.
    """
    share = 1 / torch.mean(inside, dim=cells, keepdim=True)
    frame = (features - torch.mean(features * inside, dim=cells, keepdim=True) * share) * inside
    slow = (background - torch.mean(background * inside, dim=cells, keepdim=True) * share) * inside
    # both without their mean; the share of cells inside is in both means, and so in neither's quotient
    variance = torch.mean(slow * slow, dim=cells, keepdim=True)
    gain = torch.mean(frame * slow, dim=cells, keepdim=True) / torch.clamp(variance, min=_FLAT)
    return frame - torch.clamp(gain, min=GAIN[0], max=GAIN[1]) * slow


def inside_of(sequence: TruthSequence) -> NDArray[np.bool_]:
    """Return which cells lie in a sequence's pictures, (30, 40) bool."""
    return place((sequence.height, sequence.width), FRAME_PX, letterbox=True).inside(GRID, CELL_PX)


def changes(
    features: NDArray[np.float16], inside: NDArray[np.bool_], rate: float = BACKGROUND_RATE, every: int = 1
) -> Iterator[NDArray[np.float16]]:
    """Yield the change of every `every`-th frame, as a camera of that cadence sees it.

    Args:
        features: (frames, C, rows, cols) of one sequence from its start.
        inside: (rows, cols), cells in the picture.
        rate: of the background's moving average, per scored frame; it lags LAG of them.
        every: 2 scores every other frame.

    Yields:
        (C, rows, cols); 0 while there is no background, faded in while it is young.
    """
    there = torch.from_numpy(inside.astype(np.float32))[None, None]
    total, mass = torch.zeros(features.shape[1:]), 0.0
    waiting: list[Tensor] = []
    for index in range(0, len(features), every):
        frame = torch.from_numpy(features[index].astype(np.float32))
        waiting.append(frame)
        if len(waiting) > LAG:
            total = total * (1 - rate) + waiting.pop(0) * rate
            mass = mass * (1 - rate) + rate
        if mass == 0:
            yield np.zeros(features.shape[1:], np.float16)
            continue
        change = blind(frame[None], total[None] / mass, there)[0] * min(1.0, mass * WARM_UP_GAIN)
        yield change.numpy().astype(np.float16)


def step_of(shop: Workshop, name: str, source: Step, rate: float = BACKGROUND_RATE, every: int = 1) -> Step:
    """Return the step of a map's changes, done or not.

    Args:
        shop: where it goes.
        name: of the variant.
        source: the map's step.
        rate: of the background, per scored frame.
        every: which frames are scored.
    """
    inputs: dict[str, Any] = {"map": source.key, "rate": rate, "every": every}
    return shop.step("pool-change", f"changes-{round(1 / rate)}-{every}-{name}", inputs)


def make(step: Step, source: Step, file: str, sequence: TruthSequence, rate: float, every: int) -> None:
    """Compute the changes of a map into the step's folder, unless another process has.

    Args:
        step: of the changes.
        source: the map's step, done.
        file: the map's name in it.
        sequence: the variant's truth.
        rate: of the background.
        every: which frames are scored.
    """
    torch.set_num_threads(1)
    with step.alone():
        if step.record() is None:
            began = time.monotonic()
            features = np.load(source.file(file), mmap_mode="r")
            shape = (-(-len(features) // every), *features.shape[1:])
            rows = changes(features, inside_of(sequence), rate, every)
            write_whole(step.folder / CHANGES, lambda path: write_rows(path, shape, rows))
            step.finish(
                {
                    "took_s": round(time.monotonic() - began, 3),
                    "files": digests(step.folder, CHANGES),
                    "shape": list(shape),
                    MADE_OF: sorted(made_of_step(source)),
                }
            )


def write_rows(path: Path, shape: tuple[int, ...], rows: Iterator[NDArray[np.float16]]) -> None:
    """Write an array that is never whole in memory: `np.load` maps it.

    Raises:
        ValueError: another number of rows than the shape says.
    """
    array = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    for index, row in zip(range(shape[0]), rows, strict=True):
        array[index] = row
    array.flush()
