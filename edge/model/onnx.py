"""ONNX Runtime behind the runtime's contract; an extra, imported only when a bundle is to run on it.

Everything is bound in place: the frame is written straight into the array that ONNX Runtime reads, states go
in as the arrays that came out of the last call and come out as new ones; no tensor is copied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edge.errors import RuntimeModelError
from edge.model.backend import Backend, Run, Shapes
from edge.model.external import inline
from edge.model.interface import FileTensor, Interface, check_interface
from edge.model.manifest import FileSpec, TensorSpec
from edge.model.runtime import Inference, State, Tensor
from edge.model.scores import condition_probabilities, dequantize

_DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int8)": "int8"}
_ONLY_FATAL = 4
_NOWHERE = "/dev/null"


def open_session(model: bytes, file: str, threads: int) -> Any:  # noqa: ANN401 — onnxruntime is not typed
    """Load a model from memory.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        RuntimeModelError: ONNX Runtime refuses the file; names it.
    """
    try:
        import onnxruntime  # noqa: PLC0415 — an extra
    except ImportError as error:
        raise BACKEND.missing() from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_FATAL  # what goes wrong comes as an exception
    # Threads that spin between frames would burn the battery and take the core from the decoders: two threads,
    # a frame each 15 ms, took 2.6 times the CPU time on two x86-64 cores. (The arena stays: without it RSS grew.)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # On x86-64 without VNNI products of uint8 and INT8 overflow 16 bits; there it then computes them otherwise, slower.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Weights outside of the file would escape the manifest's digest; an import puts them into it.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no other common root
        raise RuntimeModelError(f"{file}: ONNX Runtime cannot load it: {error}") from error


def _describe(model: bytes, file: str) -> Interface:
    return _interface(open_session(model, file, 1))


def _interface(session: Any) -> Interface:  # noqa: ANN401
    return Interface(tuple(map(_tensor, session.get_inputs())), tuple(map(_tensor, session.get_outputs())))


def _tensor(node: Any) -> FileTensor:  # noqa: ANN401
    shape = tuple(size if isinstance(size, int) and size > 0 else -1 for size in node.shape)
    return FileTensor(
        node.name,
        shape,
        _DTYPES.get(node.type, node.type),
        told=False,  # ONNX has no scales here
        rank_told=bool(shape),  # ONNX Runtime says the same of a scalar and of an unknown rank
    )


def _probe(model: bytes, file: str, shapes: Shapes) -> Run:
    del shapes  # they are those of what is fed
    session = open_session(model, file, 1)

    def run(feed: Mapping[str, Tensor]) -> list[Tensor]:
        return [np.asarray(result) for result in session.run(None, dict(feed))]

    return run


class OnnxRuntime:
    """One `.onnx` file, loaded.

    Args:
        model: the file's bytes, checked against the manifest's digest.
        file: its name, for messages.
        spec: what the manifest says of it.
        threads: within one operator; operators run one after the other.
    Raises:
        BundleError: the file's tensors are not the manifest's.
        MissingExtraError: ONNX Runtime is not installed.
        RuntimeModelError: ONNX Runtime refuses it.
    """

    name = "onnx"

    def __init__(self, model: bytes, file: str, spec: FileSpec, threads: int = 1) -> None:
        self._file = file
        self._session = open_session(model, file, threads)
        check_interface(file, spec, _interface(self._session))
        self._pairs = spec.state_pairs()
        self._scores_spec = spec.one("scores")
        self._binding = self._session.io_binding()
        self._frame = self._empty(spec.one("frame"))
        self._scores = self._empty(self._scores_spec)
        self._conditions_spec = spec.conditions
        if spec.conditions is not None:
            self._conditions = self._empty(spec.conditions)
            self._bind(self._binding.bind_output, spec.conditions, self._conditions)
        self._bind(self._binding.bind_input, spec.one("frame"), self._frame)
        self._bind(self._binding.bind_output, self._scores_spec, self._scores)

    def zero_state(self) -> State:
        """Return zeros of each state tensor's shape and dtype."""
        return tuple(np.zeros(said.shape, said.dtype) for said, _ in self._pairs)

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        """Score one frame.

        Raises:
            RuntimeModelError: ONNX Runtime failed, or scores or conditions are not finite.
        """
        write_frame(self._frame)
        outcome = tuple(self._empty(said) for _, said in self._pairs)
        for (said_in, said_out), tensor, result in zip(self._pairs, state, outcome, strict=True):
            self._bind(self._binding.bind_input, said_in, tensor)
            self._bind(self._binding.bind_output, said_out, result)
        try:
            started_ns = time.perf_counter_ns()
            self._session.run_with_iobinding(self._binding)
            invoke_ns = time.perf_counter_ns() - started_ns
        except Exception as error:  # its exceptions have no other common root
            raise RuntimeModelError(f"{self._file}: ONNX Runtime failed: {error}") from error
        scores = dequantize(self._scores, self._scores_spec)
        if not np.isfinite(scores).all():
            raise RuntimeModelError(f"{self._file}: scores are not finite")
        told = self._conditions_spec
        conditions = None if told is None else condition_probabilities(self._conditions, told, self._file)
        return Inference(scores, outcome, invoke_ns, conditions)

    @staticmethod
    def _empty(said: TensorSpec) -> Tensor:
        return np.empty(said.shape, said.dtype)

    def _bind(self, bind: Callable[..., None], said: TensorSpec, tensor: Tensor) -> None:
        if tensor.shape != said.shape or tensor.dtype != said.dtype or not tensor.flags.c_contiguous:
            raise RuntimeModelError(
                f"{self._file}: tensor '{said.name}' got {tensor.shape} {tensor.dtype}, "
                f"expected {said.shape} {said.dtype}"
            )
        bind(said.name, "cpu", 0, tensor.dtype.type, said.shape, tensor.ctypes.data)


BACKEND = Backend(
    name=OnnxRuntime.name,
    title="ONNX Runtime",
    suffix=".onnx",
    library="onnxruntime",
    distribution="onnxruntime",
    extra="onnx",
    open=OnnxRuntime,
    describe=_describe,
    probe=_probe,
    whole=inline,
)
