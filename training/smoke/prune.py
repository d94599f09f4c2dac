"""The step that prunes the backbone and lets it learn from the whole one, on pictures that somebody chose."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from edge.camera.folder import SUFFIXES
from edge.model.manifest import Threshold
from training.distill import feature
from training.distill.feature import Pair
from training.network import file
from training.network.lite0 import Backbone, SameConv, imagenet_backbone, revive, weights_sha256
from training.network.memory import laid_out
from training.network.prune import PRESETS, Preset, prune
from training.smoke.bundle import manifest_of
from training.smoke.features import read_frames
from training.smoke.network import CELL_PX, FRAME_PX
from training.smoke.train import METHODS
from training.step.step import Step, digests, picture_digest
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)

BACKBONE = "backbone.pt"
HELD = 8  # every so manieth picture shows the error and is not learned from
FITTED = 16  # pictures, at most, that the refit looks at
CROP_PX = (240, 320)
BATCH = 8  # crops: two whole frames
LEARNING_RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a pruned backbone learns on.

    Attributes:
        steps: of the optimizer.
        seed: of crops and their order.
    """

    steps: int = 400
    seed: int = 0


def pruned(shop: Workshop, preset: Preset, pictures: Sequence[Path], tuning: Tuning = Tuning()) -> Step:
    """Prune Lite0 to a preset and let it learn, or find that done; `load` returns it.

    Args:
        shop: where the step goes.
        preset: what is kept.
        pictures: of towers; what was made from them must not be judged on them.
        tuning: how.

    Raises:
        ValueError: too few pictures, or one is not readable.
    """
    if len(pictures) < HELD:
        raise ValueError(f"pruning wants {HELD} pictures or more, got {len(pictures)}; name more of them")
    whole = imagenet_backbone()
    seen = [picture_digest(path) for path in pictures]
    inputs = {
        "backbone": weights_sha256(whole),
        "shape": asdict(PRESETS[preset]),
        "pictures": seen,
        "tuning": asdict(tuning),
    }
    step = shop.step("prune", f"prune-{preset}", inputs)

    def make() -> dict[str, Any]:
        return {"made_of": sorted(set(seen))} | _make(step, whole, preset, pictures, tuning)

    return shop.once(step, make)


def load(step: Step) -> Backbone:
    """Return a pruned backbone, frozen.

    Raises:
        ValueError: its file is damaged.
    """
    backbone = file.read(step.file(BACKBONE))
    assert isinstance(backbone, Backbone)
    return backbone


def _make(
    step: Step, whole: Backbone, preset: Preset, paths: Sequence[Path], tuning: Tuning
) -> dict[str, Any]:
    blank = manifest_of(Threshold(open=0.0, keep=0.0))
    pictures = [torch.from_numpy(pixels) for pixels in read_frames(paths, blank)]  # uint8
    held = [_frame(picture) for picture in pictures[::HELD]]
    learned = [picture for index, picture in enumerate(pictures) if index % HELD]
    fitted = [_frame(picture) for picture in learned[:: -(-len(learned) // FITTED)]]
    cut = prune(whole, PRESETS[preset], fitted, tuning.seed)
    logger.info("%s: cut and refitted on %d pictures", preset, len(fitted))
    kernels = [CELL_PX // stride for stride in cut.backbone.shape.strides]
    pair = Pair(laid_out(cut.backbone, torch.channels_last), whole, cut.whole, cut.kept, kernels)
    scale = feature.spread(pair, fitted)
    before = feature.error(pair, scale, held)
    logger.info("error over variance by feature: %s", _said(before))

    def tell(number: int, loss: float) -> None:
        if number % 20 == 0 or number == tuning.steps:
            logger.info("step %d of %d: loss %.4f", number, tuning.steps, loss)

    cut.backbone.requires_grad_()
    feature.tune(pair, scale, crops(learned, tuning.seed), tuning.steps, LEARNING_RATE, tell)
    for module in cut.backbone.modules():
        if isinstance(module, SameConv):
            revive(module.conv)
    after = feature.error(pair, scale, held)
    logger.info("after learning: %s", _said(after))
    file.write(laid_out(cut.backbone, torch.contiguous_format), step.folder / BACKBONE)
    return {
        "files": digests(step.folder, BACKBONE),
        "preset": preset,
        "channels": list(cut.backbone.shape.channels),
        "kept": [kept.tolist() for kept in cut.kept],
        "layer_error": cut.errors,
        "feature_error": {"refitted": before, "tuned": after},
        "pictures": {"learned": len(learned), "held": len(held), "fitted": len(fitted)},
    }


def crops(pictures: Sequence[Tensor], seed: int) -> Iterator[Tensor]:
    """Yield batches of crops without end, each from another picture, half of them mirrored.

    Args:
        pictures: (H, W, 3) uint8 RGB each.
        seed: of all chances.

    Returns:
        (8, 3, 240, 320) in 0..1 each.
    """
    random = torch.Generator().manual_seed(seed)
    order: list[int] = []
    while True:
        batch = []
        for _ in range(BATCH):
            order = order or torch.randperm(len(pictures), generator=random).tolist()
            picture = pictures[order.pop()]
            row, col = (
                int(torch.randint(size - crop + 1, (), generator=random))
                for size, crop in zip(FRAME_PX, CROP_PX, strict=True)
            )
            part = picture[row : row + CROP_PX[0], col : col + CROP_PX[1]]
            batch.append(part.flip(1) if torch.rand((), generator=random) < 0.5 else part)
        frames = torch.stack(batch).permute(0, 3, 1, 2).float() / 255
        yield frames.contiguous(memory_format=torch.channels_last)


def handle(options: argparse.Namespace) -> int:
    """Do what `python -m training prune` does; return the exit code.

    Raises:
        ValueError: a folder holds no pictures, or too few.
    """
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    paths = [path for folder in options.pictures for path in pictures_in(folder)]
    step = pruned(shop, options.preset, paths, Tuning(options.steps, options.seed))
    record = step.read()
    shown = {
        "folder": str(step.folder),
        **{key: record[key] for key in ("preset", "channels", "feature_error")},
    }
    print(msgspec.json.encode(shown).decode())
    return 0


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures below a folder, in the order in which `pruned` is told of them.

    Raises:
        ValueError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}); name another folder")
    return found


def _frame(picture: Tensor) -> Tensor:
    return picture.permute(2, 0, 1).float() / 255


def _said(errors: Sequence[float]) -> str:
    return ", ".join(f"{error:.3f}" for error in errors)
