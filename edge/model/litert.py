"""LiteRT (the successor of tflite-runtime) behind the runtime's contract; imported only when a model is to run on it.

The `Interpreter`, not the `CompiledModel`: its `invoke` releases the GIL, and cameras decode beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from edge.errors import RuntimeModelError
from edge.model.backend import Backend, Run, Shapes
from edge.model.interface import FileTensor, Interface, check_interface
from edge.model.manifest import FileSpec
from edge.model.runtime import Inference, State, Tensor
from edge.model.scores import condition_probabilities, dequantize

_IDENTIFIER = b"TFL3"  # bytes 4 to 8 of a TFLite flatbuffer
_FAILURES = (ValueError, RuntimeError, MemoryError)
_AS_DECLARED: Shapes = MappingProxyType({})


def open_interpreter(model: bytes, file: str, threads: int, shapes: Shapes = _AS_DECLARED) -> Any:  # noqa: ANN401 — ai-edge-litert is not typed
    """Load a model from memory and allocate its tensors; `shapes` fixes inputs that the file leaves open.

    A malformed file may still crash the process inside LiteRT: `edge.model.probe` keeps that in a child.

    Raises:
        MissingExtraError: LiteRT is not installed.
        RuntimeModelError: not a TFLite file, or LiteRT refuses it; names the file.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 — only when a model is to run on it
    except ImportError as error:
        raise BACKEND.missing() from error
    if model[4:8] != _IDENTIFIER:
        raise RuntimeModelError(f"{file}: not a TFLite model: no {_IDENTIFIER.decode()} at byte 4")
    try:
        interpreter = Interpreter(model_content=model, num_threads=threads)
        for name, shape in shapes.items():
            for details in interpreter.get_input_details():
                if details["name"] == name and tuple(details["shape"]) != shape:
                    interpreter.resize_tensor_input(details["index"], shape, strict=True)
        interpreter.allocate_tensors()
    except _FAILURES as error:
        raise RuntimeModelError(f"{file}: LiteRT cannot load it: {error}") from error
    return interpreter


def _describe(model: bytes, file: str) -> Interface:
    return _interface(open_interpreter(model, file, 1))


def _interface(interpreter: Any) -> Interface:  # noqa: ANN401
    return Interface(
        tuple(map(_tensor, interpreter.get_input_details())),
        tuple(map(_tensor, interpreter.get_output_details())),
    )


def _tensor(details: dict[str, Any]) -> FileTensor:
    scales, zero_points = (details["quantization_parameters"][key] for key in ("scales", "zero_points"))
    one = len(scales) == 1
    shape = tuple(map(int, details["shape"]))
    signature = tuple(int(size) if size > 0 else -1 for size in details.get("shape_signature", shape))
    return FileTensor(
        name=details["name"],
        shape=signature if len(signature) == len(shape) else shape,
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scales[0]) if one else None,
        zero_point=int(zero_points[0]) if one else None,
    )


def _probe(model: bytes, file: str, shapes: Shapes) -> Run:
    interpreter = open_interpreter(model, file, 1, shapes)
    inputs = {details["name"]: details["index"] for details in interpreter.get_input_details()}
    outputs = [details["index"] for details in interpreter.get_output_details()]

    def run(feed: Mapping[str, Tensor]) -> list[Tensor]:
        for name, tensor in feed.items():
            interpreter.set_tensor(inputs[name], tensor)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return run


def _put(file: str, buffer: Tensor, tensor: Tensor) -> None:
    if buffer.shape != tensor.shape or buffer.dtype != tensor.dtype:
        raise RuntimeModelError(
            f"{file}: a state tensor is {tensor.shape} {tensor.dtype}, expected {buffer.shape} {buffer.dtype}"
        )
    np.copyto(buffer, tensor)


class LiteRtRuntime:
    """One `.tflite` file, loaded.

    Args:
        model: the file's bytes, checked against the manifest's digest.
        file: its name, for messages.
        spec: what the manifest says of it.
        threads: of XNNPACK.
    Raises:
        BundleError: the file's tensors are not the manifest's.
        MissingExtraError: LiteRT is not installed.
        RuntimeModelError: LiteRT refuses it.
    """

    name = "litert"

    def __init__(self, model: bytes, file: str, spec: FileSpec, threads: int = 1) -> None:
        self._file = file
        self._interpreter = open_interpreter(model, file, threads, spec.input_shapes())
        check_interface(file, spec, _interface(self._interpreter))
        inputs = {d["name"]: d["index"] for d in self._interpreter.get_input_details()}
        outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        self._states = [said for said, _ in spec.state_pairs()]
        self._scores_spec = spec.one("scores")
        self._frame = self._interpreter.tensor(inputs[spec.one("frame").name])
        self._scores = self._interpreter.tensor(outputs[self._scores_spec.name])
        self._conditions_spec = spec.conditions
        if spec.conditions is not None:
            self._conditions = self._interpreter.tensor(outputs[spec.conditions.name])
        self._states_in = [self._interpreter.tensor(inputs[said.name]) for said, _ in spec.state_pairs()]
        self._states_out = [self._interpreter.tensor(outputs[said.name]) for _, said in spec.state_pairs()]

    def zero_state(self) -> State:
        """Return zeros of each state tensor's shape and dtype."""
        return tuple(np.zeros(said.shape, said.dtype) for said in self._states)

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        """Score one frame; views of LiteRT's buffers live within single calls, for `invoke` needs them gone.

        Raises:
            RuntimeModelError: LiteRT failed, or scores or conditions are not finite.
        """
        write_frame(self._frame())
        for buffer, tensor in zip(self._states_in, state, strict=True):
            _put(self._file, buffer(), tensor)
        try:
            started_ns = time.perf_counter_ns()
            self._interpreter.invoke()
            invoke_ns = time.perf_counter_ns() - started_ns
        except _FAILURES as error:
            raise RuntimeModelError(f"{self._file}: LiteRT failed: {error}") from error
        scores = dequantize(self._scores(), self._scores_spec)
        if not np.isfinite(scores).all():
            raise RuntimeModelError(f"{self._file}: scores are not finite")
        told = self._conditions_spec
        conditions = None if told is None else condition_probabilities(self._conditions(), told, self._file)
        states = tuple(buffer().copy() for buffer in self._states_out)
        return Inference(scores, states, invoke_ns, conditions)


BACKEND = Backend(
    name=LiteRtRuntime.name,
    title="LiteRT",
    suffix=".tflite",
    library="ai_edge_litert",
    distribution="ai-edge-litert",
    extra=None,
    open=LiteRtRuntime,
    describe=_describe,
    probe=_probe,
)
