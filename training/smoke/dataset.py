"""A folder of sequences as training examples: truth, features and which cells are smoke."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from edge.model.manifest import Manifest
from edge.model.preprocess import place
from scoring.truth import TruthSequence
from training.network.lite0 import Backbone
from training.smoke.features import difference, extract, load
from training.smoke.head import Example, box_cells, dilate
from training.smoke.network import CELL_PX, FRAME_PX, GRID
from training.smoke.side import TrainingSide, made_of_step

logger = logging.getLogger(__name__)


def load_examples(side: TrainingSide, backbone: Backbone, manifest: Manifest) -> list[Example]:
    """Compute or recall the features of every sequence of a training side, and its targets."""
    started = time.monotonic()
    examples = []
    for index, sequence in enumerate(side.sequences, 1):
        paths = side.pictures(sequence, "features")
        step = side.take(extract(side.shop, backbone, sequence.id, paths, manifest), "features")
        features, (positive, negative) = load(step), targets(sequence)
        cells = positive.numpy().tobytes() + negative.numpy().tobytes()
        made_of = hashlib.sha256(step.key.encode() + cells).hexdigest()
        change, pictures = difference(features), made_of_step(step)
        examples.append(
            Example(
                sequence.id, sequence.group, features, change, positive, negative, made_of, made_of=pictures
            )
        )
        eta_s = (time.monotonic() - started) / index * (len(side.sequences) - index)
        logger.info("features %d of %d (%s), %.0f s left", index, len(side.sequences), sequence.id, eta_s)
    return examples


def targets(sequence: TruthSequence) -> tuple[torch.Tensor, torch.Tensor]:
    """Return positive and negative cells of each frame, (frames, 30, 40) bool.

    Negative are all cells of a frame without smoke, and of a boxed frame those away from every box of the sequence;
    a frame without a verdict is neither.
    """
    placement = place((sequence.height, sequence.width), FRAME_PX, letterbox=True)
    inside = placement.inside(GRID, CELL_PX)

    def cells(boxes: Sequence[tuple[float, float, float, float]]) -> NDArray[np.bool_]:
        return box_cells(
            [(*placement.to_input(x0, y0), *placement.to_input(x1, y1)) for x0, y0, x1, y1 in boxes]
        )

    away = inside & ~dilate(cells([box for frame in sequence.frames for box in frame.boxes]))
    positive = np.stack([cells(frame.boxes) for frame in sequence.frames])
    negative = np.zeros_like(positive)
    for index, frame in enumerate(sequence.frames):
        if frame.label == "no_smoke":
            negative[index] = inside
        elif frame.boxes:
            negative[index] = away
    return torch.from_numpy(positive), torch.from_numpy(negative & ~positive)
