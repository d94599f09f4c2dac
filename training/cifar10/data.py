"""CIFAR-10 in memory, in an order that does not depend on where it came from.

Images are sorted by the sha256 of their RGB bytes; the first ones of the training set are the validation split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.distill.images import Images, Scale, joined

SIDE_PX = 32
SCALE = Scale(zero=128, unit=64)  # CIFAR-10's mean is near 128 and its deviation near 64
LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE_FOLDER = "cifar-10-batches-py"  # torchvision's own


Split = Literal["training", "all"]
"""What a network is trained on: the training split, or the held-out images too."""


@dataclass(frozen=True, slots=True)
class Cifar10:
    """The three splits; no image of `test` is ever used for a choice."""

    training: Images
    validation: Images
    test: Images

    @property
    def all(self) -> Images:
        """Training and validation images together."""
        if not len(self.validation):
            return self.training
        return joined((self.validation, self.training))


def load(folder: Path | None, validation_images: int, cache: Path, limit: int | None = None) -> Cifar10:
    """Read CIFAR-10.

    Args:
        folder: holds either strips (`train_000.webp` …, `train_labels.npy`, `test_000.webp` …, `test_labels.npy`; a
            strip is images of 32 px side, stacked vertically, lossless) or torchvision's `cifar-10-batches-py`;
            None: torchvision downloads the archive.
        validation_images: how many of the training images to hold out; 0 trains on all.
        cache: where a download goes.
        limit: keep that many images of each split at the most, for a quick trial.

    Raises:
        ValueError: the folder holds neither, or an image or label is malformed.
        OSError: a file cannot be read, or the download failed.
    """
    if folder is not None and (folder / "train_labels.npy").is_file():
        training, test = _read_strips(folder, "train"), _read_strips(folder, "test")
    elif folder is None or (folder / ARCHIVE_FOLDER).is_dir():
        root = cache if folder is None else folder
        training, test = (
            _read_archive(root, is_train=part, download=folder is None) for part in (True, False)
        )
    else:
        raise ValueError(
            f"{folder}: holds neither train_labels.npy beside strips (train_000.webp …) nor {ARCHIVE_FOLDER}/; "
            "leave --data out to let torchvision download CIFAR-10"
        )
    pixels, labels, digests = _sorted(*training)
    if len(labels) <= validation_images:
        raise ValueError(
            f"{len(labels)} training images, {validation_images} of them for validation: none left"
        )
    validation = _images(pixels, labels, digests, slice(0, validation_images), limit)
    rest = _images(pixels, labels, digests, slice(validation_images, None), limit)
    return Cifar10(rest, validation, _images(*_sorted(*test), slice(None), limit))


def _images(
    pixels: NDArray[np.uint8], labels: NDArray[np.uint8], digests: list[bytes], part: slice, limit: int | None
) -> Images:
    kept = slice(0, limit)
    chosen, named, seen = pixels[part][kept], labels[part][kept], digests[part][kept]
    sha256 = hashlib.sha256(b"".join(seen) + named.tobytes()).hexdigest()
    tensor = torch.from_numpy(np.ascontiguousarray(chosen)).permute(0, 3, 1, 2)
    return Images(tensor, torch.from_numpy(named.astype(np.int64)), sha256, SCALE)


def _sorted(
    pixels: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[bytes]]:
    """Sort images by digest; equal ones by label."""
    digests = [hashlib.sha256(image.tobytes()).digest() for image in pixels]
    order = sorted(range(len(labels)), key=lambda index: (digests[index], labels[index]))
    return pixels[order], labels[order], [digests[index] for index in order]


def _read_strips(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    named = folder / f"{split}_labels.npy"
    try:
        labels = np.load(named, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"{named}: cannot be read: {error}") from error
    parts = []
    for path in _strips(folder, split):
        strip = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if strip is None or strip.shape[1] != SIDE_PX or strip.shape[0] % SIDE_PX:
            raise ValueError(f"{path}: expected a readable image {SIDE_PX} px wide, a multiple of that high")
        parts.append(strip.reshape(-1, SIDE_PX, SIDE_PX, 3))
    count = sum(map(len, parts))
    if labels.ndim != 1 or count != len(labels) or not count:
        raise ValueError(f"{folder}: {count} images in {split} strips and labels of shape {labels.shape}")
    if labels.dtype != np.uint8 or labels.max() >= len(LABELS):
        raise ValueError(f"{named}: expected uint8 labels below {len(LABELS)}")
    return np.concatenate(parts), labels


def _strips(folder: Path, split: str) -> list[Path]:
    """Return a split's strips in the order of their numbers.

    Raises:
        ValueError: a number is missing or there twice, so that labels would belong to other images.
    """
    found = {path: path.stem.removeprefix(f"{split}_") for path in folder.glob(f"{split}_[0-9]*.*")}
    if strange := [path.name for path, number in found.items() if not number.isdecimal()]:
        raise ValueError(f"{folder}: {strange[0]} is no strip ({split}_NUMBER.png); move it away")
    paths = {path: int(number) for path, number in found.items()}
    paths = dict(sorted(paths.items(), key=lambda item: item[1]))
    if list(paths.values()) != list(range(len(paths))):
        raise ValueError(
            f"{folder}: expected {split}_0…, {split}_1… without a gap, got {list(paths.values())[:20]}"
        )
    if lossy := [path.name for path in paths if path.suffix.lower() in {".jpg", ".jpeg"}]:
        raise ValueError(f"{folder}: {lossy[0]} is lossy; strips must be PNG or lossless WebP")
    return list(paths)


def _read_archive(
    root: Path, *, is_train: bool, download: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    datasets = _torchvision_datasets()
    try:
        stored = datasets.CIFAR10(str(root), train=is_train, download=download)
    except RuntimeError as error:  # torchvision's for a missing or damaged archive
        raise ValueError(f"{root}: {error}") from error
    return stored.data, np.asarray(stored.targets, np.uint8)


def _torchvision_datasets() -> ModuleType:
    """Import torchvision.datasets, only when it is what reads.

    Raises:
        ValueError: torchvision cannot be imported.
    """
    try:
        return import_module("torchvision.datasets")
    except (
        ImportError,
        RuntimeError,
    ) as error:  # beside another build of torch it lacks operators that it names
        raise ValueError(
            f"torchvision, which reads CIFAR-10's own archive, cannot be imported ({error}): install the wheels of "
            "torch and torchvision from one index, or give --data a folder of strips (README)"
        ) from error
