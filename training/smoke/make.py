"""How the shipped recipe makes the files of a bundle from a training side: one way, for the tower and for each fold.

Features once by the frozen backbone → inner folds choose the threshold → one head on all training groups → export
and quantization. All are steps.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.model.manifest import Manifest, Threshold
from training.network.lite0 import imagenet_backbone
from training.smoke.bundle import manifest_of
from training.smoke.data.split import folds
from training.smoke.dataset import load_examples
from training.smoke.export import Exported, export
from training.smoke.head import Example, score_maps
from training.smoke.recipe import Recipe
from training.smoke.side import TrainingSide
from training.smoke.threshold import Choice, choose
from training.smoke.train import load_head, train_head

logger = logging.getLogger(__name__)

INNER_FOLDS = 3
FALSE_ALARMS_PER_HOUR = 1.0


@dataclass(frozen=True, slots=True)
class Made:
    """What a bundle is written from: the model files and the threshold that the inner folds chose."""

    exported: Exported
    choice: Choice


def make(side: TrainingSide, recipe: Recipe) -> Made:
    """Train, choose the threshold, export and quantize; what is done is skipped.

    Args:
        side: its sequences are trained on, all of them.
        recipe: how.

    Raises:
        LeakError: something was made from what is left out.
        ValueError: as `head.train`.
    """
    backbone, blank = imagenet_backbone(), manifest_of(Threshold(open=0.0, keep=0.0))
    examples = load_examples(side, backbone, blank)
    choice = _choose(side, examples, recipe, blank)
    logger.info("threshold %s", choice.threshold)
    head = side.take(train_head(side.shop, "head", examples, recipe), "training", "feature scale")
    return Made(export(side, backbone, head, blank), choice)


def _choose(side: TrainingSide, examples: Sequence[Example], recipe: Recipe, manifest: Manifest) -> Choice:
    """Score each training group by a head that has not seen it, and choose the threshold on that."""
    maps: dict[str, NDArray[np.float32]] = {}
    for number, held in enumerate(folds([sequence.group for sequence in side.sequences], INNER_FOLDS)):
        others = [example for example in examples if example.group not in held]
        step = side.take(train_head(side.shop, f"head-fold-{number}", others, recipe), "thresholds")
        head = load_head(step)
        for example in examples:
            if example.group in held:
                side.note("thresholds", example.made_of)
                maps[example.name] = score_maps(head, example.features, example.change)
        logger.info("inner fold without %s is scored", ", ".join(held))
    return choose(side.sequences, maps, manifest.confirmation, FALSE_ALARMS_PER_HOUR)
