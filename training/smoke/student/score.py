"""What a head makes of a whole sequence, frame by frame as the device does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.smoke.lesson.objective import smooth

CHUNK = 16  # frames at once


@dataclass(frozen=True, slots=True)
class Scored:
    """Logits of a sequence.

    Attributes:
        cells: (frames, rows, cols) float32, of each frame alone.
        scene: (frames, conditions) float32.
    """

    cells: NDArray[np.float32]
    scene: NDArray[np.float32]

    def maps(self) -> NDArray[np.float32]:
        """Return (frames, rows, cols, 1): smoothed over cells and frames, as the exported graph hands them out."""
        return np.asarray(smooth(torch.from_numpy(self.cells)[None])[0, :, :, :, None])


def score(
    head: nn.Module, features: NDArray[np.float16], change: NDArray[np.float16], inside: NDArray[np.bool_]
) -> Scored:
    """Score a sequence.

    Args:
        head: in evaluation mode; (features, change, inside) → logits of cells and of the scene.
        features: (frames, C, rows, cols).
        change: (frames, C, rows, cols), of the same frames.
        inside: (rows, cols), cells in the picture.
    """
    cells, scenes = [], []
    there = torch.from_numpy(inside)[None, None].float()
    with torch.inference_mode():
        for first in range(0, len(change), CHUNK):
            frame, moved = (_tensor(part[first : first + CHUNK]) for part in (features, change))
            found, scene = head(frame, moved, there.expand(len(frame), -1, -1, -1))
            cells.append(found[:, 0])
            scenes.append(scene)
    return Scored(torch.cat(cells).numpy(), torch.cat(scenes).numpy())


def _tensor(values: NDArray[np.float16]) -> Tensor:
    laid = torch.from_numpy(np.array(values)).contiguous(memory_format=torch.channels_last)
    return laid.float()
