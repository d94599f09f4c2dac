"""What scores mean to people: probabilities, whatever the bundle gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.errors import RuntimeModelError
from edge.model.manifest import Manifest, TensorSpec
from edge.model.runtime import Tensor


def probabilities(scores: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """Turn scores into probabilities: a softmax over labels that exclude each other, else a sigmoid each.

    Those of `cells` never do, nor do independent labels, and one alone has none to exclude.

    Args:
        scores: (rows, cols, classes) float32, of the manifest's kind; probabilities return as they came.
        manifest: says what they are.
    Returns:
        (rows, cols, classes) float32 within 0…1.
    """
    if manifest.kind == "probabilities":
        return scores
    if not _exclusive(manifest):
        return sigmoid(scores)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def probability(label: str, peak: float, scores: NDArray[np.float32], manifest: Manifest) -> float:
    """Return what a label's peak means to people, within 0…1.

    Args:
        label: one of the manifest's.
        peak: its largest score so far; where labels exclude each other, only `scores` can say.
        scores: (rows, cols, classes) float32 of the newest frame, of the manifest's kind.
        manifest: says what they are.
    """
    if _exclusive(manifest):
        return float(probabilities(scores, manifest)[..., manifest.labels.index(label)].max())
    return float(probabilities(np.full((1, 1, 1), peak, np.float32), manifest)[0, 0, 0])


def _exclusive(manifest: Manifest) -> bool:
    """Say whether scores are logits of labels of which one is true."""
    alone = manifest.task == "cells" or manifest.labels_independent or len(manifest.labels) == 1
    return manifest.kind == "logits" and not alone


def condition_probabilities(stored: Tensor, spec: TensorSpec, file: str) -> NDArray[np.float32]:
    """Copy scene conditions out of a backend's buffer as probabilities: a sigmoid each, for several may stand.

    Args:
        stored: of the tensor's own shape and dtype, (1, N) or (1, 1, 1, N).
        spec: its scale and zero point (float32 is taken as it is).
        file: its name, for messages.
    Returns:
        (N,) float32 within 0…1.
    Raises:
        RuntimeModelError: the model gave what is not finite.
    """
    logits = dequantize(stored, spec).ravel()
    if not np.isfinite(logits).all():
        raise RuntimeModelError(f"{file}: conditions are not finite")
    return sigmoid(logits)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each logit, in the same shape."""
    return np.asarray(1 / (1 + np.exp(-logits.clip(-80, 80))), np.float32)


def dequantize(stored: Tensor, spec: TensorSpec) -> NDArray[np.float32]:
    """Copy a scores tensor out of a backend's buffer as real numbers.

    Args:
        stored: of the tensor's own shape and dtype, (1, rows, cols, classes) or scores of one cell in any shape.
        spec: its scale and zero point (float32 is taken as it is), and the axis of the classes.
    Returns:
        (rows, cols, classes) float32, a copy; one cell if the tensor has none.
    """
    if spec.classes_axis is not None:
        stored = np.moveaxis(stored, spec.classes_axis, -1)
    shape = stored.shape[1:] if stored.ndim == 4 else (1, 1, stored.size)
    if spec.dtype == "float32":
        return np.array(stored, np.float32).reshape(shape)
    offset = np.float32(spec.zero_point or 0)
    return ((stored.astype(np.float32) - offset) * np.float32(spec.scale or 1.0)).reshape(shape)
