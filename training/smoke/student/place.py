"""Which tensor of an exported file is which point of the network, so that ranges that were learned go into both files.

A TFLite file names its tensors after the modules that wrote them. An ONNX file does not: its tensors are known by the
values that they take on a few frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

from training.quantize.convert import SIGNATURE_TOLERANCE, distance, ends_of
from training.quantize.tflite_file import Ranges
from training.smoke.student.quantized import QuantizedHead

# Of a tensor's name, which may hold several modules' names: the first that is found.
_PLACES = (
    (re.compile(r"QuantizedStage_(\d+)/[^;]*_spread;"), "stages.{}.between"),
    (re.compile(r"QuantizedStage_(\d+)/[^;]*_point;"), "stages.{}.after"),
    (re.compile(r"\.Told_told;"), "told_out"),
    (re.compile(r"\.Beside_beside;"), "beside"),
    *(
        (re.compile(rf"QuantizedConv2d_{name};"), f"{name}_out")
        for name in ("change", "frame", "context", "mix", "out")
    ),
)
_READ = {"frame_out": "seen", "change_out": "moved", "context_out": "mean_out"}
"""What a convolution reads, by what it writes, where that is a point of its own."""


def of_head(file: Path, head: QuantizedHead, scores: str, tensors: Iterable[str]) -> Ranges:
    """Return the ranges of those tensors of a float TFLite file that are points of the head.

    Args:
        file: what was exported.
        head: whose ranges.
        scores: the tensor of the smoothed scores, an average of logits.
        tensors: names of those that become INT8.

    Raises:
        ValueError: a point has no tensor; names it.
    """
    known = {name: (float(point.low), float(point.high)) for name, point in head.points().items()}
    read = _inputs(file)
    places = {tensor: found for tensor in tensors if (found := _place(tensor)) is not None}
    places |= {read[t]: _READ[p] for t, p in places.items() if p in _READ}
    if missing := sorted(set(known) - set(places.values())):
        raise ValueError(f"{file.name}: no tensor is that of {', '.join(missing)}")
    known["beside"] = known["frame_out"]
    given = {tensor: known[point] for tensor, point in places.items()}
    return given | dict.fromkeys((scores, read[scores]), known["out_out"])


def _place(tensor: str) -> str | None:
    for pattern, point in _PLACES:
        if found := pattern.search(f"{tensor};"):
            return point.format(*found.groups())
    return None


def _inputs(file: Path) -> dict[str, str]:
    """Return the first input of what writes each tensor, by names."""
    graph = tfl_flatbuffer_utils.read_model(file.read_bytes()).subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    return {names[op.outputs[0]]: names[op.inputs[0]] for op in graph.operators}


def alike(
    shown: Sequence[Ranges], others: Sequence[Ranges], given: Mapping[str, tuple[float, float]]
) -> Ranges:
    """Return the ranges of another file's tensors that take the same values.

    Args:
        shown: ends of the one file's tensors for each of a few inputs.
        others: those of the other file's for the same inputs.
        given: ranges of the one file's tensors.
    """
    known = {name: ends_of(shown, name) for name in given if name in shown[0]}
    stacked = np.stack(list(known.values()))
    found = {}
    for tensor in others[0]:
        ends = ends_of(others, tensor)
        distances = np.array([distance(ends, one) for one in stacked])
        if distances.min() < SIGNATURE_TOLERANCE:
            found[tensor] = given[list(known)[int(distances.argmin())]]
    return found
