"""A bundle of one classifier of CIFAR-10: what its manifest and its card say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.model.bundle import Bundle
from edge.model.manifest import Manifest, Normalisation
from training.cifar10.data import LABELS, SCALE
from training.distill.images import Images
from training.export import bundle, card

EXPORT = 2  # raise it when an export of the same network gives another file
TOLERANCE_STEPS = 4.0
LICENCE = "research and tests; CIFAR-10 (Krizhevsky 2009) has no licence of its own"


def write(folder: Path, name: str, files: dict[str, bytes], card_text: str, **more: Any) -> Bundle:  # noqa: ANN401
    """Write a bundle, self-test included; an older one of that name is replaced.

    Args:
        folder: of the bundle.
        name: in its manifest.
        files: `model.tflite`, `model.onnx` or both.
        card_text: Markdown.
        more: further fields of the manifest.
    """
    manifest = Manifest(
        schema="1.0",
        name=name,
        version="0.1.0",
        task="classify",
        kind="logits",
        labels=LABELS,
        files={},
        normalisation=Normalisation(mean=(SCALE.zero / 255,) * 3, std=(SCALE.unit / 255,) * 3),
        tolerance_steps=TOLERANCE_STEPS,
        **more,
    )
    return bundle.write(folder, manifest, files, card_text)


def card_of(name: str, recipe: str) -> str:
    """Write the card of one row of the experiment."""
    return card.render(Path(__file__).with_name("card.md.jinja"), name=name, recipe=recipe)


def scores(written: Bundle, images: Images, backend: str | None = None) -> NDArray[np.float32]:
    """Return (N, classes) logits of images, as `export.bundle.scores`."""
    return bundle.scores(written, images.frames(), backend)
