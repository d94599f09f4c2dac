"""What a manifest says of a model file, read from the file itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter

from edge.model.bundle import file_spec
from edge.model.manifest import FileSpec, TensorSpec

NEXT = "_next"  # ends the name of what a state becomes
CONDITIONS = "conditions"  # the output beside the scores that tells them


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One end of a graph, as its file describes it; `quantization` is scale and zero point, None for floats."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: tuple[float, int] | None


def spec_of(file: str, data: bytes) -> FileSpec:
    """Describe a model file of ours by its name's suffix."""
    return tflite_spec(data) if file.endswith(".tflite") else onnx_spec(data)


def tflite_spec(data: bytes, names: Mapping[str, str] | None = None) -> FileSpec:
    """Describe a TFLite file of ours.

    Args:
        data: the file.
        names: the project's names by the file's, where they differ; with one input and one output none is needed.

    Raises:
        ValueError: the states that go in are not those that come out.
    """
    interpreter = Interpreter(model_content=data)
    ends = [
        [
            _Tensor(
                detail["name"],
                tuple(int(size) for size in detail["shape"]),
                np.dtype(detail["dtype"]).name,
                None
                if detail["dtype"] == np.float32
                else (float(detail["quantization"][0]), int(detail["quantization"][1])),
            )
            for detail in details
        ]
        for details in (interpreter.get_input_details(), interpreter.get_output_details())
    ]
    return file_spec(data, "litert", tuple(_specs(ends[0], ends[1], names or {})))


def onnx_spec(data: bytes) -> FileSpec:
    """Describe an ONNX file of ours.

    Raises:
        ValueError: the states that go in are not those that come out.
    """
    graph = onnx.load_from_string(data).graph
    inputs = [_onnx_tensor(graph, value) for value in graph.input]
    outputs = [_onnx_tensor(graph, value) for value in graph.output]
    return file_spec(data, "onnx", tuple(_specs(inputs, outputs, {})))


def _onnx_tensor(graph: onnx.GraphProto, value: onnx.ValueInfoProto) -> _Tensor:
    kind = value.type.tensor_type
    integer = kind.elem_type == onnx.TensorProto.UINT8
    return _Tensor(
        value.name,
        tuple(size.dim_value for size in kind.shape.dim),
        "uint8" if integer else "float32",
        _quantization(graph, value.name) if integer else None,
    )


def _quantization(graph: onnx.GraphProto, name: str) -> tuple[float, int]:
    """Return scale and zero point of the node that reads or writes an integer end, behind transposes.

    Raises:
        ValueError: there is none.
    """
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    reached = {name}
    for node in [*graph.node, *reversed(graph.node)]:
        ends = {*node.input[:1], *node.output[:1]}
        if reached.isdisjoint(ends):
            continue
        if node.op_type == "Transpose":
            reached |= ends
        elif node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            return float(constants[node.input[1]]), int(constants[node.input[2]])
    raise ValueError(f"no node quantizes or dequantizes {name!r}")


def _specs(
    inputs: Sequence[_Tensor], outputs: Sequence[_Tensor], names: Mapping[str, str]
) -> Iterator[TensorSpec]:
    states: list[set[str]] = []
    for tensors, given, of_state in ((inputs, "frame", "state_in"), (outputs, "scores", "state_out")):
        named = [given if len(tensors) == 1 else names.get(tensor.name, tensor.name) for tensor in tensors]
        states.append({name.removesuffix(NEXT) for name in named} - {given, CONDITIONS})
        for tensor, name in zip(tensors, named, strict=True):
            yield _spec(tensor, name, name if name in {given, CONDITIONS} else of_state)
    if states[0] != states[1]:
        raise ValueError(f"states go in and come out under one name, got {states[0]} and {states[1]}")


def _spec(tensor: _Tensor, name: str, role: str) -> TensorSpec:
    described: dict[str, object] = {
        "name": tensor.name,
        "role": role,
        "shape": tensor.shape,
        "dtype": tensor.dtype,
    }
    if role == "frame":
        described["layout"] = "NHWC" if tensor.shape[-1] == 3 else "NCHW"
    if tensor.quantization is not None:
        described["scale"], described["zero_point"] = tensor.quantization
    if role.startswith("state"):
        described["state"] = name.removesuffix(NEXT)
    return msgspec.convert(described, TensorSpec)
