"""Where a file is cut when not all of it becomes INT8: the frame comes in and the scores go out as 8-bit integers.

The quantizers put a QUANTIZE behind a float frame and a DEQUANTIZE before float scores; both are dropped, so that
integer ends stand beside whatever else, such as a state, stays in float32.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import onnx
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.utils import tfl_flatbuffer_utils

TFLITE_IDENTIFIER = b"TFL3"


def integer_ends_tflite(model: bytes, names: dict[str, str]) -> bytes:
    """Drop the frame's leading QUANTIZE and the scores' trailing DEQUANTIZE, and rename the tensors.

    Raises:
        ValueError: the graph does not begin and end as expected.
    """
    tree = tfl_flatbuffer_utils.read_model(model)
    graph = tree.subgraphs[0]
    frame, scores = graph.inputs[0], graph.outputs[0]
    dropped = []
    for index, operator in enumerate(graph.operators):
        code = tree.operatorCodes[operator.opcodeIndex].builtinCode
        if code == schema.BuiltinOperator.QUANTIZE and operator.inputs[0] == frame:
            _replace(tree, graph.inputs, 0, operator.outputs[0])
            dropped.append(index)
        if code == schema.BuiltinOperator.DEQUANTIZE and operator.outputs[0] == scores:
            _replace(tree, graph.outputs, 0, operator.inputs[0])
            dropped.append(index)
    if len(dropped) != 2:
        raise ValueError(
            f"expected one QUANTIZE after the frame and one DEQUANTIZE before the scores, got {dropped}"
        )
    graph.operators = [operator for index, operator in enumerate(graph.operators) if index not in dropped]
    ends = {int(frame): int(graph.inputs[0]), int(scores): int(graph.outputs[0])}
    by_name = {tensor.name.decode(): index for index, tensor in enumerate(graph.tensors)}
    for old, new in names.items():
        index = by_name[old]
        graph.tensors[ends.get(index, index)].name = new.encode()
        if index in ends:
            graph.tensors[index].name = f"{new}_float".encode()
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), TFLITE_IDENTIFIER)
    return bytes(builder.Output())


def _replace(tree: Any, ends: Any, position: int, tensor: int) -> None:  # noqa: ANN401 — flatbuffer objects
    """Point a graph's end and the signature's entry for it at another tensor."""
    old = ends[position]
    ends[position] = tensor
    for signature in tree.signatureDefs or []:
        for entry in [*signature.inputs, *signature.outputs]:
            if entry.tensorIndex == old:
                entry.tensorIndex = tensor


def frame_entry(graph: onnx.GraphProto) -> str:
    """Return the tensor that a transpose makes of the input `frame`."""
    return next(
        str(node.output[0]) for node in graph.node if node.op_type == "Transpose" and node.input[0] == "frame"
    )


def convolution_nodes(graph: onnx.GraphProto) -> list[str]:
    """Name the convolutions, their ReLUs, the skips between them and the transposes at the graph's ends."""
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    chosen = {node.name: node for node in graph.node if node.op_type == "Conv"}
    for node in list(chosen.values()):
        chosen.update({n.name: n for n in consumers.get(node.output[0], []) if n.op_type in {"Clip", "Relu"}})
    producers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        after = consumers.get(node.output[0], [])
        if node.op_type == "Add" and after and all(n.op_type in {"Conv", "Add"} for n in after):
            sources = [producers.get(name) for name in node.input]
            if any(s is not None and s.op_type == "Conv" and s.name in chosen for s in sources) and any(
                n.op_type == "Conv" for n in after
            ):
                chosen[node.name] = node
        if node.op_type == "Transpose" and (
            node.input[0] == "frame" or node.output[0] == graph.output[0].name
        ):
            chosen[node.name] = node
        if node.op_type == "Pad":
            chosen[node.name] = node
    return list(chosen)


def integer_ends_onnx(model: onnx.ModelProto, entry: str) -> None:
    """Drop the QuantizeLinear behind the frame's transpose (`entry`) and the scores' DequantizeLinear.

    Raises:
        ValueError: the graph does not begin and end as expected.
    """
    graph = model.graph
    scores = graph.output[0].name
    first = [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == entry]
    last = [n for n in graph.node if n.op_type == "DequantizeLinear" and n.output[0] == scores]
    if len(first) != 1 or len(last) != 1:
        raise ValueError(
            f"expected one QuantizeLinear of {entry!r} and one DequantizeLinear before {scores!r}"
        )
    renamed = {first[0].output[0]: entry, last[0].input[0]: scores}
    graph.node.remove(first[0])
    graph.node.remove(last[0])
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.elem_type = onnx.TensorProto.UINT8
    del graph.value_info[:]
