"""What an inference of a TFLite file costs: multiply-accumulates, and time beside a file that stays the same."""

from __future__ import annotations

import math
from statistics import median

import msgspec
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

from edge.model.bundle import Bundle, bundled_path
from edge.model.litert import LiteRtRuntime
from edge.model.runtime import Runtime, State, Tensor
from training.export.spec import tflite_spec
from training.smoke.network import FRAME_PX

WARM_UP, RUNS = 5, 60
_KINDS = schema.BuiltinOperator
_SPATIAL = {_KINDS.CONV_2D, _KINDS.DEPTHWISE_CONV_2D}


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Times of single inferences, each file's in turn, one thread.

    Attributes:
        own_ns: of the file.
        reference_ns: of the reference, each right behind the file's.
    """

    own_ns: list[int]
    reference_ns: list[int]

    @property
    def ratio(self) -> float:
        """The median of the pairs' quotients, file to reference: what else runs slows both."""
        return median(own / other for own, other in zip(self.own_ns, self.reference_ns, strict=True))


def macs(model: bytes) -> int:
    """Count the multiply-accumulates of convolutions and fully connected layers in a TFLite file."""
    content = tfl_flatbuffer_utils.read_model(model)
    graph, total = content.subgraphs[0], 0
    for operator in graph.operators:
        code = content.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in {*_SPATIAL, _KINDS.FULLY_CONNECTED}:
            continue
        weights = [int(size) for size in graph.tensors[operator.inputs[1]].shape]
        made = math.prod(int(size) for size in graph.tensors[operator.outputs[0]].shape)
        per_value = weights[1:3] if kind == _KINDS.DEPTHWISE_CONV_2D else weights[1:]
        total += made * math.prod(per_value)
    return total


def reference() -> Bundle:
    """Return what every file is timed beside: the bundled model."""
    return Bundle.open(bundled_path())


def time(model: bytes, runs: int) -> Timed:
    """Time a student's INT8 file and the reference in turn, in the edge's own runtime, on one thread.

    Args:
        model: a TFLite file that has the project's names.
        runs: of each.

    Raises:
        RuntimeModelError: LiteRT refuses the file, or its scores are not finite.
    """
    turns = [
        _Turn(LiteRtRuntime(model, "student.tflite", tflite_spec(model), threads=1)),
        _Turn(_reference()),
    ]
    taken = [[turn.infer() for turn in turns] for _ in range(WARM_UP + runs)][WARM_UP:]
    return Timed(own_ns=[own for own, _ in taken], reference_ns=[other for _, other in taken])


def reference_ms(runs: int = RUNS) -> float:
    """Return the reference's time on this machine: the median."""
    turn = _Turn(_reference())
    return median([turn.infer() for _ in range(WARM_UP + runs)][WARM_UP:]) / 1e6


def _reference() -> Runtime:
    bundle = reference()
    file, spec = bundle.model_file(LiteRtRuntime.name)
    return LiteRtRuntime(bundle.read(file), file, spec, threads=1)


class _Turn:
    """One camera that sees the same noise again and again."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._state: State = runtime.zero_state()
        rng = np.random.default_rng(0)
        self._pixels = rng.integers(0, 256, (1, *FRAME_PX, 3), np.uint8)

    def infer(self) -> int:
        """Score a frame; return the nanoseconds."""
        found = self._runtime.infer(self._write, self._state)
        self._state = found.state
        return found.invoke_ns

    def _write(self, tensor: Tensor) -> None:
        np.copyto(tensor, self._pixels.view(tensor.dtype))
