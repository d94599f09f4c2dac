"""A frozen backbone as an INT8 file that gives its features: what a pool of pictures is mapped by, once.

The student's own file can have the same ranges: the record keeps them by point, a place in the backbone that has one
name in every file that litert-torch writes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor, nn

from edge.model.manifest import Threshold
from training.export.file import export_tflite
from training.network import file, lite0
from training.network.file import AnyBackbone
from training.network.lite0 import Backbone, BackboneShape, imagenet_backbone, weights_sha256
from training.network.prune import PRESETS
from training.quantize.tflite_file import Ranges, Rule, Sample, TFLiteFile
from training.smoke import prune
from training.smoke.bundle import manifest_of
from training.smoke.export import FRAME_ENDS
from training.smoke.features import read_frames
from training.smoke.network import CELL_PX, FRAME_PX
from training.smoke.side import made_of_step
from training.step.step import Step, digests, picture_digest, write_whole
from training.step.workshop import Workshop

Name: TypeAlias = Literal["lite0", "lite1", "lite0-third", "lite0-slim", "lite0-coarse"]
NAMES: tuple[Name, ...] = get_args(Name)
FEATURES, BACKBONE = "features.tflite", "backbone.pt"
FRAME = "frame"
_INPUT = "args_0"
_TENSOR = "serving_default_args_0"
_OUTPUT = re.compile(r"serving_default_output_(\d+)_output")
_MODULE = re.escape(lite0.__name__)
_CONVOLUTION = re.compile(rf"{_MODULE}\.Backbone_\w+/(?:{_MODULE}\.Block_(\d+)/)?{_MODULE}\.SameConv_(\w+)/")
_BLOCK = re.compile(rf"{_MODULE}\.Backbone_\w+/{_MODULE}\.Block_(\d+)$")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen backbone and its INT8 file.

    Attributes:
        step: that made it; its record says which pictures set the ranges (`made_of`).
        name: of the backbone, for people; those that `frozen` knows are in `NAMES`.
        tflite: frame (1, 480, 640, 3) INT8 with scale 1/255 in, features (1, H, W, C) INT8 out, each with its own
            scale and zero point, in the order of `channels`.
        channels: of each feature.
        pools: of each feature, the side of a cell in its own pixels.
    """

    step: Step
    name: str
    tflite: Path
    channels: tuple[int, ...]
    pools: tuple[int, ...]

    def backbone(self) -> AnyBackbone:
        """Return the same network in floating point, (N, 3, H, W) in and (N, C, H, W) out."""
        return file.read(self.step.file(BACKBONE))

    def ranges(self) -> Ranges:
        """Return the range of each point, `frame` among them; of a ResNet-18 it alone is one."""
        return {point: (low, high) for point, (low, high) in self.step.read()["ranges"].items()}

    def given(self, tensors: Iterable[str]) -> Ranges:
        """Return the ranges of those tensors of another float file that are points of this backbone.

        Args:
            tensors: names, as `TFLiteFile.ranges` has them.
        """
        known = self.ranges()
        points = {tensor: point(tensor) for tensor in tensors}
        return {tensor: known[found] for tensor, found in points.items() if found in known}


class Extractor(nn.Module):
    """What is exported: NHWC frame in 0..1 in, NHWC features out."""

    def __init__(self, backbone: AnyBackbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, frame: Tensor) -> tuple[Tensor, ...]:
        """(1, H, W, 3) → (1, H / stride, W / stride, C) a feature."""
        return tuple(feature.permute(0, 2, 3, 1) for feature in self.backbone(frame.permute(0, 3, 1, 2)))


def frozen(
    shop: Workshop, name: Name, calibration: Sequence[Path], learned_from: Sequence[Path] | None = None
) -> Frozen:
    """Export and quantize a backbone, or find that done.

    Args:
        shop: where the step goes.
        name: of the backbone.
        calibration: pictures whose smallest and largest values set the ranges.
        learned_from: pictures that a pruned backbone is tuned on (`training.smoke.prune.pruned`), in the order of
            `prune.pictures_in` and with `Tuning()`; those of the calibration if None. The others need none.

    Raises:
        ValueError: no such backbone, no pictures or one that is not readable, a damaged file of a step.
    """
    if name not in NAMES:
        raise ValueError(f"backbone {name!r}: expected one of {', '.join(NAMES)}")
    if not calibration:
        raise ValueError(f"backbone {name!r}: no pictures to calibrate on; name some")
    backbone, before = _backbone(shop, name, learned_from if learned_from is not None else calibration)
    return freeze(shop, name, backbone, before, calibration)


def freeze(
    shop: Workshop,
    name: str,
    backbone: AnyBackbone,
    before: frozenset[str],
    calibration: Sequence[Path],
) -> Frozen:
    """Export and quantize a backbone that is there already, or find that done.

    Args:
        shop: where the step goes.
        name: of the backbone, for people.
        backbone: frozen, its weights contiguous.
        before: digests of the pictures that it was made from.
        calibration: as `frozen`; some.

    Raises:
        ValueError: a picture is not readable, a damaged file of a step.
    """
    seen = [picture_digest(path) for path in calibration]
    step = shop.step(
        "frozen", f"frozen-{name}", {"backbone": weights_sha256(backbone), "calibration": sorted(set(seen))}
    )

    def make() -> dict[str, Any]:
        return {"made_of": sorted(before | set(seen))} | _make(step.folder, backbone, calibration)

    record = shop.once(step, make).read()
    channels, pools = tuple(record["channels"]), tuple(record["pools"])
    return Frozen(step, name, step.file(FEATURES), channels, pools)


def _backbone(shop: Workshop, name: Name, pictures: Sequence[Path]) -> tuple[Backbone, frozenset[str]]:
    """Return the float backbone, and the digests of what it was made from beyond its ImageNet weights."""
    if name in ("lite0", "lite1"):
        return imagenet_backbone(name), frozenset()
    preset = next(preset for preset in PRESETS if name == f"lite0-{preset}")
    step = prune.pruned(shop, preset, pictures)
    return prune.load(step), made_of_step(step)


def _make(folder: Path, backbone: AnyBackbone, calibration: Sequence[Path]) -> dict[str, Any]:
    float_file = folder / "float.tflite"
    export_tflite(Extractor(backbone).eval(), (torch.full((1, *FRAME_PX, 3), 0.5),), float_file)
    blank = manifest_of(Threshold(open=0.0, keep=0.0))
    samples: list[Sample] = [
        {_INPUT: pixels[None].astype(np.float32) / np.float32(255)}
        for pixels in read_frames(calibration, blank)
    ]
    wanted = TFLiteFile(float_file, [Rule("*")])
    shown = wanted.ranges(samples)
    quantized = wanted.quantize(samples, {_TENSOR: FRAME_ENDS})
    write_whole(folder / FEATURES, lambda path: path.write_bytes(quantized))
    file.write(backbone, folder / BACKBONE)
    float_file.unlink()
    shape = backbone.shape
    return {
        "files": digests(folder, FEATURES, BACKBONE),
        "channels": list(shape.channels),
        "pools": [CELL_PX // stride for stride in shape.strides],
        "ranges": (_by_point(shown, shape) if isinstance(shape, BackboneShape) else {}) | {FRAME: FRAME_ENDS},
    }


def _by_point(shown: Ranges, shape: BackboneShape) -> Ranges:
    found = {}
    for tensor, ends in shown.items():
        output = _OUTPUT.match(tensor)
        name = point(tensor) if output is None else _end(shape, shape.ends[int(output[1])])
        if name is not None:
            found[name] = ends
    return found


def _end(shape: BackboneShape, block: int) -> str:
    """Name the point of a feature: a block without a skip ends with its projection."""
    if block < 0:
        return "stem"
    one = shape.blocks[block]
    skip = one.stride == 1 and one.channels_in == one.channels_out
    return f"blocks.{block}" if skip else f"blocks.{block}.project"


def point(tensor: str) -> str | None:
    """Say which place in the backbone a tensor of a float file is, None if it is none.

    Args:
        tensor: its name: the modules that made it and those that it went through, by `;`.

    Returns:
        `stem`, `blocks.K` behind a skip, or `blocks.K.expand`, `.depthwise` or `.project`, behind their ReLU6.
    """
    parts = tensor.split(";")
    for part in parts:
        if made := _CONVOLUTION.search(part):
            return made[2] if made[1] is None else f"blocks.{made[1]}.{made[2]}"
    blocks = [found[1] for part in parts if (found := _BLOCK.search(part))]
    return f"blocks.{blocks[0]}" if blocks else None
