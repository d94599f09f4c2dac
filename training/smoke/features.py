"""Pooled features of every frame of a sequence, computed once by the frozen backbone and cached by content."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.model.manifest import Manifest, TensorSpec
from edge.model.preprocess import Preprocess
from training.network.lite0 import Backbone
from training.smoke.network import BACKGROUND_RATE, FRAME_PX, WARM_UP_GAIN, pool

logger = logging.getLogger(__name__)

LAG = 2  # frames between the newest and the youngest one in the background
BATCH = 8


def read_frames(paths: Sequence[Path], manifest: Manifest) -> Iterator[NDArray[np.uint8]]:
    """Yield frames as the device prepares them: (480, 640, 3) uint8 RGB.

    Raises:
        ValueError: a file is no image; names it.
    """
    spec = TensorSpec(
        name="frame",
        role="frame",
        shape=(1, *FRAME_PX, 3),
        dtype="uint8",
        layout="NHWC",
        scale=1 / 255,
        zero_point=0,
    )
    preprocess = Preprocess(manifest, spec)
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise ValueError(f"{path}: not a readable image; remove it from sequences.json or replace it")
        tensor = np.empty((1, *FRAME_PX, 3), np.uint8)
        preprocess(pixels).write(tensor)
        yield tensor[0]


def extract(backbone: Backbone, paths: Sequence[Path], manifest: Manifest, cache: Path) -> Tensor:
    """Return (frames, 112, 30, 40) float16 features of a sequence, from the cache where its content is the same.

    Args:
        backbone: frozen.
        paths: of the frames, in order.
        manifest: how frames are fitted.
        cache: a folder, made if absent.
    """
    key = hashlib.sha256()
    for weight in backbone.state_dict().values():
        key.update(weight.numpy().tobytes())
    for path in paths:
        key.update(hashlib.sha256(path.read_bytes()).digest())
    cached = cache / f"{key.hexdigest()[:32]}.pt"
    if cached.exists():
        stored: Tensor = torch.load(cached, weights_only=True)
        return stored
    cache.mkdir(parents=True, exist_ok=True)
    batches, batch = [], []
    for frame in read_frames(paths, manifest):
        batch.append(frame)
        if len(batch) == BATCH:
            batches.append(_pooled(backbone, batch))
            batch = []
    if batch:
        batches.append(_pooled(backbone, batch))
    features = torch.cat(batches)
    partial = cached.with_suffix(".part")
    torch.save(features, partial)
    partial.rename(cached)
    return features


def _pooled(backbone: Backbone, frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    batch = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return pool(backbone(batch.contiguous(memory_format=torch.channels_last))).half()


def difference(features: Tensor) -> Tensor:
    """Subtract the slow background, as `Student.forward` does frame by frame.

    Args:
        features: (frames, C, rows, cols) of one sequence from its start.

    Returns:
        The same shape, float16; zero while there is no background, faded in while it is young.
    """
    result = torch.zeros_like(features)
    total, mass = torch.zeros_like(features[0], dtype=torch.float32), 0.0
    for index in range(LAG, features.shape[0]):
        total = total * (1 - BACKGROUND_RATE) + features[index - LAG].float() * BACKGROUND_RATE
        mass = mass * (1 - BACKGROUND_RATE) + BACKGROUND_RATE
        result[index] = ((features[index].float() - total / mass) * min(1.0, mass * WARM_UP_GAIN)).half()
    return result
