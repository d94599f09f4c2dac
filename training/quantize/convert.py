"""From a folded network and one set of ranges to a TFLite and an ONNX file of the same INT8 network.

Both quantizers are the libraries' own. A file's tensors are matched with the network's points by the ranges that both
show on the same few images, so that ranges that were learned or chosen in one place feed both files.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from ai_edge_quantizer import calibrator, quantizer
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.utils import qsv_utils
from numpy.typing import NDArray
from onnxruntime import quantization as ort
from onnxruntime.quantization import calibrate as ort_calibrate
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from training.distill.images import SIDE_PX
from training.quantize.boundary import Samples, integer_ends_onnx
from training.quantize.fake import Mode
from training.quantize.fold import FoldedResNet

Ranges = dict[str, tuple[float, float]]
SIGNATURE_IMAGES = 4
SIGNATURE_TOLERANCE = 1e-3  # relative; tensors of one network differ by far more on so many ends
WEIGHT_METHODS = ("min_max_uniform_quantize", "MSE", "OCTAV")  # ai-edge-quantizer's own
CALIBRATION_METHODS = ("minmax", "percentile", "entropy")
FRAME, SCORES, POOLED, STEM = "frame", "scores", "pooled", "stem_out"
_INPUT = "args_0"
_SIGNATURE = "serving_default"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the converters' running commentary from the user; warnings and errors of their logs still come."""
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def plain(network: FoldedResNet) -> FoldedResNet:
    """Return a copy whose weights lie on their grids and whose points are switched off: what is exported.

    Its weights are contiguous: litert-torch 0.10 reads channels-last ones in the wrong order and says nothing.
    """
    copied = copy.deepcopy(network).float().eval().to(memory_format=torch.contiguous_format)
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
        pixels: (N, 3, 32, 32) float32, as `view.normalise` makes them.
    """
    watched = copy.deepcopy(network)
    points = {**watched.points(), POOLED: watched.pooled}
    for point in points.values():
        point.set(0.0, 0.0)
        point.mode = "observe"
    with torch.inference_mode():
        for part in pixels.split(256):
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
    """Write a plain network as float TFLite, (1, 32, 32, 3) in and (1, 10) out."""
    import litert_torch  # noqa: PLC0415 — seconds to import

    wrapped = litert_torch.to_channel_last_io(network, args=[0]).eval()
    with quiet():
        litert_torch.convert(wrapped, (torch.zeros(1, SIDE_PX, SIDE_PX, 3),)).export(str(path))


def export_onnx(network: FoldedResNet, path: Path) -> None:
    """Write a plain network as float ONNX, (1, 3, 32, 32) in and (1, 10) out."""
    raw = path.with_suffix(".raw.onnx")
    with quiet():
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, SIDE_PX, SIDE_PX),),
            str(raw),
            input_names=[FRAME],
            output_names=[SCORES],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        quant_pre_process(str(raw), str(path), skip_symbolic_shape=True)
    raw.unlink()


def quantize_tflite(
    float_file: Path,
    network: FoldedResNet,
    ranges: Ranges,
    pixels: Tensor,
    weight_bits: int = 8,
    weights: str = "min_max_uniform_quantize",
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
    with quiet():
        return _quantize_tflite(float_file, network, ranges, pixels, weight_bits, weights)


def _quantize_tflite(
    float_file: Path, network: FoldedResNet, ranges: Ranges, pixels: Tensor, weight_bits: int, weights: str
) -> bytes:
    quantize = quantizer.Quantizer(str(float_file))
    quantize.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8)
    for operation in (TFLOperationName.CONV_2D, TFLOperationName.FULLY_CONNECTED):
        quantize.add_static_config(".*", operation, 8, 8, algorithm_key=weights)
    watch = calibrator.Calibrator(str(float_file), num_threads=2, qsv_update_func=qsv_utils.min_max_update)

    def tensors_of(image: Tensor) -> dict[str, tuple[float, float]]:
        watch.reset_model_qsvs()
        nhwc = np.ascontiguousarray(image.permute(0, 2, 3, 1).numpy())
        watch.calibrate({_SIGNATURE: [{_INPUT: nhwc}]}, quantize._recipe_manager)  # noqa: SLF001 — no public way
        return {
            name: (float(np.min(qsv["min"])), float(np.max(qsv["max"])))
            for name, qsv in watch.get_model_qsvs().items()
            if "min" in qsv
        }

    matched = match(network, tensors_of, pixels)
    statistics = copy.deepcopy(watch.get_model_qsvs())
    if strange := [name for name, shown in statistics.items() if "min" in shown and name not in matched]:
        raise ValueError(
            f"{float_file.name}: tensors that are no point's would get a range by chance: {strange}"
        )
    if weight_bits != 8:
        quantize.add_static_config(".*", TFLOperationName.CONV_2D, 8, weight_bits, algorithm_key=weights)
        for tensor in (name for name, point in matched.items() if point == STEM):
            quantize.add_static_config(
                re.escape(tensor), TFLOperationName.CONV_2D, 8, 8, algorithm_key=weights
            )
    last = f"blocks.{len(network.blocks) - 1}.out"  # an average has the scale of what it averages
    for tensor, point in matched.items():
        for key, value in zip(("min", "max"), ranges[last if point == POOLED else point], strict=True):
            statistics[tensor][key] = np.full_like(statistics[tensor][key], value)
    made = quantize.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    return bytes(made.quantized_model)


def quantize_onnx(float_file: Path, network: FoldedResNet, ranges: Ranges, pixels: Tensor) -> bytes:
    """Quantize a float ONNX file by given ranges: uint8 activations, INT8 weights a channel (fast on x86-64).

    Args and errors: as `quantize_tflite`.
    """
    matched = match(network, lambda image: _onnx_ranges(float_file, [image], "minmax"), pixels)
    method = ort_calibrate.CalibrationMethod.MinMax
    shown = _onnx_ranges(float_file, list(pixels.split(1)), "minmax")  # of the tensors that are no point's
    shown |= {tensor: ranges[point] for tensor, point in matched.items() if point != POOLED}
    ends = {
        name: (np.array(low, np.float32), np.array(high, np.float32)) for name, (low, high) in shown.items()
    }
    cache, quantized = float_file.with_suffix(".ranges.json"), float_file.with_suffix(".quantized.onnx")
    cache.unlink(missing_ok=True)
    ort_calibrate.save_tensors_data(ort_calibrate.TensorsData(method, ends), cache)
    ort.quantize_static(
        str(float_file),
        str(quantized),
        None,
        quant_format=ort.QuantFormat.QDQ,
        activation_type=ort.QuantType.QUInt8,
        weight_type=ort.QuantType.QInt8,
        per_channel=True,
        calibrate_method=method,
        calibration_cache_path=cache,
    )
    model = onnx.load(str(quantized))
    integer_ends_onnx(model, FRAME)
    onnx.checker.check_model(model)
    quantized.unlink()
    cache.unlink()
    return bytes(model.SerializeToString())


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
    matched = match(network, lambda image: _onnx_ranges(float_file, [image], "minmax"), pixels)
    found = _onnx_ranges(float_file, list(pixels.split(1)), method)
    return {point: found[tensor] for tensor, point in matched.items() if point != POOLED} | {
        FRAME: get_ranges(network)[FRAME]
    }


def _onnx_ranges(float_file: Path, images: list[Tensor], method: str) -> dict[str, tuple[float, float]]:
    """Run one of ONNX Runtime's calibrators over images."""
    kind = {
        "minmax": ort_calibrate.CalibrationMethod.MinMax,
        "percentile": ort_calibrate.CalibrationMethod.Percentile,
        "entropy": ort_calibrate.CalibrationMethod.Entropy,
    }[method]
    augmented = float_file.with_suffix(".augmented.onnx")
    options = {"num_bins": 2048, "percentile": 99.99} if method == "percentile" else {}
    chunk = len(images) if method == "minmax" else 32  # the others keep every value of a chunk
    with quiet():
        calibrator_of = ort_calibrate.create_calibrator(
            float_file, augmented_model_path=str(augmented), calibrate_method=kind, extra_options=options
        )
        for first in range(0, len(images), chunk):
            part = images[first : first + chunk]
            calibrator_of.collect_data(Samples([{FRAME: image.numpy()} for image in part]))
        data = calibrator_of.compute_data()
    augmented.unlink()
    ends = {name: data[name].range_value for name in data}
    return {name: (float(np.min(low)), float(np.max(high))) for name, (low, high) in ends.items()}


def match(
    network: FoldedResNet, tensors_of: Callable[[Tensor], dict[str, tuple[float, float]]], pixels: Tensor
) -> dict[str, str]:
    """Find the point of each tensor of a file: the one with the same ends on each of a few images.

    Args:
        network: plain.
        tensors_of: the ends of the file's tensors for one image, by name.
        pixels: at least `SIGNATURE_IMAGES`, normalised.

    Returns:
        The point's name by the tensor's; tensors that are no point's are left out.

    Raises:
        ValueError: a point has no tensor.
    """
    images = pixels[:SIGNATURE_IMAGES].split(1)
    shown = [tensors_of(image) for image in images]
    known = [observe(network, image) for image in images]
    points = {name: _ends(known, name) for name in known[0] if name != FRAME}
    points[FRAME] = np.array([[float(image.min()), float(image.max())] for image in images])
    matched = {}
    for tensor in shown[0]:
        ends = _ends(shown, tensor)
        distances = {name: _distance(ends, other) for name, other in points.items()}
        nearest = min(distances, key=lambda name: distances[name])
        if distances[nearest] < SIGNATURE_TOLERANCE:
            matched[tensor] = nearest
    if missing := sorted(set(points) - set(matched.values())):
        raise ValueError(f"no tensor of the file is that of {', '.join(missing)}")
    return matched


def _ends(shown: list[Any], name: str) -> NDArray[np.float64]:
    return np.array([ends[name] for ends in shown])


def _distance(ends: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the largest difference of two tensors' ends, relative to their widths; a range always holds 0."""
    ends = np.stack([np.minimum(ends[:, 0], 0), np.maximum(ends[:, 1], 0)], axis=1)
    others = np.stack([np.minimum(others[:, 0], 0), np.maximum(others[:, 1], 0)], axis=1)
    width = np.maximum(others[:, 1] - others[:, 0], 1e-6)[:, None]
    return float((np.abs(ends - others) / width).max())
