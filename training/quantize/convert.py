"""From a folded network and one set of ranges to a TFLite and an ONNX file of the same INT8 network.

Both quantizers are the libraries' own. A file's tensors are matched with the network's points by the ranges that both
show on the same few images, so that ranges that were learned or chosen in one place feed both files.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.export import file
from training.network.memory import laid_out
from training.quantize import onnx_file
from training.quantize.fake import Mode
from training.quantize.fold import FoldedResNet
from training.quantize.tflite_file import MIN_MAX, Ranges, Rule, Sample, TFLiteFile

SIGNATURE_IMAGES = 4
SIGNATURE_TOLERANCE = 1e-3  # relative; tensors of one network differ by far more on so many ends
FRAME, SCORES, POOLED, STEM = "frame", "scores", "pooled", "stem_out"
_INPUT = "args_0"


def plain(network: FoldedResNet) -> FoldedResNet:
    """Return a copy whose weights lie on their grids and whose points are switched off: what is exported.

    Its weights are contiguous: litert-torch 0.10 reads channels-last ones in the wrong order and says nothing.
    """
    copied = laid_out(copy.deepcopy(network).float().eval(), torch.contiguous_format)
    for layer in copied.layers().values():
        layer.bake()
        layer.weight.data = layer.weight.data.contiguous()
    set_mode(copied, "off")
    return copied


def set_mode(network: FoldedResNet, mode: Mode) -> None:
    """Switch every point."""
    for point in network.points().values():
        point.mode = mode


def observe(network: FoldedResNet, pixels: Tensor) -> Ranges:
    """Return each point's smallest and largest value over some images, and those of the average over the last map.

    Args:
        network: its points' own ranges are not changed.
        pixels: (N, 3, side, side) float32, as `view.normalise` makes them.
    """
    watched = copy.deepcopy(network)
    points = {**watched.points(), POOLED: watched.pooled}
    for point in points.values():
        point.set(0.0, 0.0)
        point.mode = "observe"
    with torch.inference_mode():
        for part in torch.split(pixels, 256):
            watched(part)
    ranges = {name: (float(point.low), float(point.high)) for name, point in points.items()}
    return ranges | {FRAME: (float(network.frame.low), float(network.frame.high))}


def set_ranges(network: FoldedResNet, ranges: Ranges) -> None:
    """Give every point its range."""
    for name, point in network.points().items():
        point.set(*ranges[name])


def get_ranges(network: FoldedResNet) -> Ranges:
    """Return every point's range."""
    return {name: (float(point.low), float(point.high)) for name, point in network.points().items()}


def export_tflite(network: FoldedResNet, path: Path) -> None:
    """Write a plain network as float TFLite, (1, side, side, 3) in and (1, classes) out."""
    import litert_torch  # noqa: PLC0415 — seconds to import

    wrapped = litert_torch.to_channel_last_io(network, args=[0]).eval()
    file.export_tflite(wrapped, (torch.zeros(1, network.side_px, network.side_px, 3),), path)


def export_onnx(network: FoldedResNet, path: Path) -> None:
    """Write a plain network as float ONNX, (1, 3, side, side) in and (1, classes) out."""
    inputs = (torch.zeros(1, 3, network.side_px, network.side_px),)
    file.export_onnx(network, inputs, path, [FRAME], [SCORES])


def quantize_tflite(
    float_file: Path,
    network: FoldedResNet,
    ranges: Ranges,
    pixels: Tensor,
    weight_bits: int = 8,
    weights: str = MIN_MAX,
) -> bytes:
    """Quantize a float TFLite file by given ranges: INT8 in, INT8 out, INT8 between.

    Args:
        float_file: of `network`.
        network: plain.
        ranges: by point.
        pixels: a few images, normalised, to match tensors with points.
        weight_bits: of convolutions but the stem's; 4 is what LiteRT runs without its fast kernels.
        weights: how the quantizer chooses their scales, one of `WEIGHT_METHODS`.

    Raises:
        ValueError: a point has no tensor, or a tensor no point.
    """
    layers = [Rule(kind, weights=weights) for kind in ("CONV_2D", "FULLY_CONNECTED")]
    made = TFLiteFile(float_file, [Rule("*"), *layers])
    samples = [
        {_INPUT: np.ascontiguousarray(image.permute(0, 2, 3, 1).numpy())} for image in torch.split(pixels, 1)
    ]
    shown = [made.ranges([sample]) for sample in samples]
    matched = match(network, shown, pixels)
    if strange := sorted(set(shown[0]) - set(matched)):
        raise ValueError(
            f"{float_file.name}: tensors that are no point's would get a range by chance: {strange}"
        )
    if weight_bits != 8:
        made.add(Rule("CONV_2D", weight_bits=weight_bits, weights=weights))
        for tensor in (name for name, point in matched.items() if point == STEM):
            made.add(Rule("CONV_2D", re.escape(tensor), weights=weights))
    last = f"blocks.{len(network.blocks) - 1}.out"  # an average has the scale of what it averages
    given = {tensor: ranges[last if point == POOLED else point] for tensor, point in matched.items()}
    return made.quantize(samples, given)


def quantize_onnx(float_file: Path, network: FoldedResNet, ranges: Ranges, pixels: Tensor) -> bytes:
    """Quantize a float ONNX file by given ranges.

    Args and errors: as `quantize_tflite`.
    """
    matched = _match_onnx(float_file, network, pixels)
    shown = onnx_file.ranges_of(float_file, _samples(pixels))  # of the tensors that are no point's
    shown |= {tensor: ranges[point] for tensor, point in matched.items() if point != POOLED}
    return onnx_file.quantize(float_file, shown, FRAME)


def calibrate(float_file: Path, network: FoldedResNet, pixels: Tensor, method: str) -> Ranges:
    """Choose ranges by one of ONNX Runtime's calibrators.

    Args:
        float_file: the ONNX file of `network`.
        network: plain.
        pixels: calibration images, normalised.
        method: one of `CALIBRATION_METHODS`.

    Raises:
        ValueError: a point has no tensor.
    """
    matched = _match_onnx(float_file, network, pixels)
    found = onnx_file.ranges_of(float_file, _samples(pixels), method)
    return {point: found[tensor] for tensor, point in matched.items() if point != POOLED} | {
        FRAME: get_ranges(network)[FRAME]
    }


def _match_onnx(float_file: Path, network: FoldedResNet, pixels: Tensor) -> dict[str, str]:
    few = pixels[:SIGNATURE_IMAGES]
    return match(network, [onnx_file.ranges_of(float_file, [sample]) for sample in _samples(few)], few)


def _samples(pixels: Tensor) -> list[Sample]:
    return [{FRAME: image.numpy()} for image in torch.split(pixels, 1)]


def match(network: FoldedResNet, shown: Sequence[Ranges], pixels: Tensor) -> dict[str, str]:
    """Find the point of each tensor of a file: the one with the same ends on each of a few images.

    Args:
        network: plain.
        shown: the ends of the file's tensors for each image, by name.
        pixels: those images, normalised.

    Returns:
        The point's name by the tensor's; tensors that are no point's are left out.

    Raises:
        ValueError: a point has no tensor.
    """
    images = torch.split(pixels, 1)
    known = [observe(network, image) for image in images]
    points = {name: ends_of(known, name) for name in known[0] if name != FRAME}
    points[FRAME] = np.array([[float(image.min()), float(image.max())] for image in images])
    matched = {}
    for tensor in shown[0]:
        ends = ends_of(shown, tensor)
        distances = {name: distance(ends, other) for name, other in points.items()}
        nearest = min(distances, key=lambda name: distances[name])
        if distances[nearest] < SIGNATURE_TOLERANCE:
            matched[tensor] = nearest
    if missing := sorted(set(points) - set(matched.values())):
        raise ValueError(f"no tensor of the file is that of {', '.join(missing)}")
    return matched


def ends_of(shown: Sequence[Ranges], name: str) -> NDArray[np.float64]:
    """Return (inputs, 2), the ends of one tensor for each input."""
    return np.array([ends[name] for ends in shown])


def distance(ends: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the largest difference of two tensors' ends, relative to their widths; a range always holds 0."""
    ends = np.stack([np.minimum(ends[:, 0], 0), np.maximum(ends[:, 1], 0)], axis=1)
    others = np.stack([np.minimum(others[:, 0], 0), np.maximum(others[:, 1], 0)], axis=1)
    width = np.maximum(others[:, 1] - others[:, 0], 1e-6)[:, None]
    return float((np.abs(ends - others) / width).max())
