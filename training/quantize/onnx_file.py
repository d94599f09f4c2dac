"""Quantizing a float ONNX file by ONNX Runtime: uint8 activations, INT8 weights a channel (fast on x86-64)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnxruntime import quantization as ort
from onnxruntime.quantization import calibrate as ort_calibrate

from training.export.file import quiet
from training.quantize.boundary import integer_ends_onnx
from training.quantize.tflite_file import Ranges, Sample

CALIBRATION_METHODS = ("minmax", "percentile", "entropy")


class Samples(ort.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands calibration inputs to ONNX Runtime one by one."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._rest: Iterator[Sample] = iter(samples)

    def get_next(self) -> Sample | None:
        """Return the next inputs, None at the end."""
        return next(self._rest, None)


def ranges_of(float_file: Path, samples: Sequence[Sample], method: str = "minmax") -> Ranges:
    """Return the range of each tensor over some inputs, chosen by one of `CALIBRATION_METHODS`."""
    kind = {
        "minmax": ort_calibrate.CalibrationMethod.MinMax,
        "percentile": ort_calibrate.CalibrationMethod.Percentile,
        "entropy": ort_calibrate.CalibrationMethod.Entropy,
    }[method]
    augmented = float_file.with_suffix(".augmented.onnx")
    options = {"num_bins": 2048, "percentile": 99.99} if method == "percentile" else {}
    chunk = len(samples) if method == "minmax" else 32  # the others keep every value of a chunk
    with quiet():
        calibrator_of = ort_calibrate.create_calibrator(
            float_file, augmented_model_path=str(augmented), calibrate_method=kind, extra_options=options
        )
        for first in range(0, len(samples), chunk):
            calibrator_of.collect_data(Samples(samples[first : first + chunk]))
        data = calibrator_of.compute_data()
    augmented.unlink()
    ends = {name: data[name].range_value for name in data}
    return {name: (float(np.min(low)), float(np.max(high))) for name, (low, high) in ends.items()}


def quantize(
    float_file: Path,
    ranges: Mapping[str, tuple[float, float]],
    entry: str,
    nodes: Sequence[str] | None = None,
) -> bytes:
    """Quantize a file by given ranges; its frame and scores are uint8 then.

    Args:
        float_file: of `export.file.export_onnx`.
        ranges: of every tensor that is quantized.
        entry: the tensor that the frame first is: itself, or what a transpose makes of it.
        nodes: what becomes INT8; all if absent.
    """
    method = ort_calibrate.CalibrationMethod.MinMax
    ends = {
        name: (np.array(low, np.float32), np.array(high, np.float32)) for name, (low, high) in ranges.items()
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
        nodes_to_quantize=nodes,
        calibrate_method=method,
        calibration_cache_path=cache,
    )
    model = onnx.load(str(quantized))
    integer_ends_onnx(model, entry)
    onnx.checker.check_model(model)
    quantized.unlink()
    cache.unlink()
    return bytes(model.SerializeToString())
