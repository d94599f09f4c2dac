"""Pooled features of every frame of a sequence, computed once by the frozen backbone: a step by their content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.model.manifest import Manifest, TensorSpec
from edge.model.preprocess import Preprocess
from training.network.lite0 import Backbone, weights_sha256
from training.smoke.network import BACKGROUND_RATE, FRAME_PX, WARM_UP_GAIN, pool
from training.step.step import Step, digests, sha256, write_whole
from training.step.workshop import Workshop

FEATURES = "features.pt"
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
        preprocess(pixels.astype(np.uint8, copy=False)).write(tensor)
        yield tensor[0]


def extract(shop: Workshop, backbone: Backbone, name: str, paths: Sequence[Path], manifest: Manifest) -> Step:
    """Compute the features of a sequence, or find them computed.

    Args:
        shop: where the step goes.
        backbone: frozen.
        name: of the sequence.
        paths: of the frames, in order.
        manifest: how frames are fitted.
    """
    frames = [sha256(path) for path in paths]
    step = shop.step("features", f"features-{name}", {"backbone": weights_sha256(backbone), "frames": frames})

    def make() -> dict[str, Any]:
        return {"made_of": sorted(set(frames))} | _write(step.folder, backbone, paths, manifest)

    return shop.once(step, make)


def _write(folder: Path, backbone: Backbone, paths: Sequence[Path], manifest: Manifest) -> dict[str, Any]:
    frames = read_frames(paths, manifest)
    batches = iter(lambda: list(islice(frames, BATCH)), [])
    features = torch.cat([_pooled(backbone, batch) for batch in batches])
    write_whole(folder / FEATURES, lambda path: torch.save(features, path))
    return {"files": digests(folder, FEATURES), "shape": list(features.shape)}


def load(step: Step) -> Tensor:
    """Return (frames, 112, 30, 40) float16 features of a sequence.

    Raises:
        ValueError: they are damaged.
    """
    features: Tensor = torch.load(step.file(FEATURES), weights_only=True)
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
