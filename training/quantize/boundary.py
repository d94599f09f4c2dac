"""Post-training quantization of one float network into two files, with the same ranges in both.

The quantizers are the libraries' own (ai-edge-quantizer, ONNX Runtime); both take plain minimum and maximum over the
same calibration inputs. What is ours: which operations become INT8, and dropping the outermost QUANTIZE and DEQUANTIZE
so that the frame comes in and the scores go out as 8-bit integers beside a float32 state.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import calibrator, qtyping, quantizer
from ai_edge_quantizer.utils import qsv_utils, tfl_flatbuffer_utils
from numpy.typing import NDArray
from onnxruntime import quantization as ort_quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

logger = logging.getLogger(__name__)

Sample = dict[str, NDArray[np.float32]]
FRAME_SCALE = 1 / 255
TFLITE_IDENTIFIER = b"TFL3"
INT8_OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "PAD")
BACKBONE_SKIPS = ".*backbone.Block.*"


def quantize_tflite(float_file: Path, samples: Sequence[Sample], names: dict[str, str]) -> bytes:
    """Quantize a float TFLite file: INT8 convolutions, frame and scores; everything else stays float32.

    Args:
        float_file: what litert-torch wrote; its first input is the frame in 0..1, its first output the scores.
        samples: calibration inputs by the file's own signature names.
        names: new tensor names by the old ones.

    Returns:
        The quantized flatbuffer.
    """
    quantize = quantizer.Quantizer(str(float_file))
    for operation in INT8_OPERATIONS:
        quantize.add_static_config(".*", qtyping.TFLOperationName(operation), 8, 8)
    quantize.add_static_config(BACKBONE_SKIPS, qtyping.TFLOperationName.ADD, 8, 8)
    calibration = calibrator.Calibrator(
        str(float_file), num_threads=2, qsv_update_func=qsv_utils.min_max_update
    )
    calibration.calibrate({"serving_default": samples}, quantize._recipe_manager)  # noqa: SLF001 — no public way
    ranges = calibration.get_model_qsvs()
    frame = next(old for old, new in names.items() if new == "frame")
    for key, value in (("min", 0.0), ("max", 1.0)):  # a pixel's range is known: scale 1/255, zero point −128
        ranges[frame][key] = np.full_like(ranges[frame][key], value)
    quantized = quantize.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return _integer_ends(bytes(quantized.quantized_model), names)


def _integer_ends(model: bytes, names: dict[str, str]) -> bytes:
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


class Samples(ort_quantization.CalibrationDataReader):
    """Hands calibration inputs to ONNX Runtime one by one."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._rest: Iterator[Sample] = iter(samples)

    def get_next(self) -> Sample | None:
        """Return the next inputs, None at the end."""
        return next(self._rest, None)


def quantize_onnx(float_file: Path, samples: Sequence[Sample], work: Path) -> bytes:
    """Quantize a float ONNX file (QDQ, uint8 activations, int8 weights per channel) like its TFLite twin.

    Args:
        float_file: what torch.onnx wrote; inputs `frame`, …; first output `scores`.
        samples: calibration inputs by name.
        work: a folder for intermediate files.

    Returns:
        The quantized model; its frame and scores are uint8.
    """
    prepared, quantized = work / "prepared.onnx", work / "quantized.onnx"
    quant_pre_process(str(float_file), str(prepared), skip_symbolic_shape=True)
    graph = onnx.load(str(prepared)).graph
    entry = next(
        node for node in graph.node if node.op_type == "Transpose" and node.input[0] == "frame"
    ).output[0]
    ort_quantization.quantize_static(
        str(prepared),
        str(quantized),
        Samples(samples),
        quant_format=ort_quantization.QuantFormat.QDQ,
        activation_type=ort_quantization.QuantType.QUInt8,
        weight_type=ort_quantization.QuantType.QInt8,
        per_channel=True,
        nodes_to_quantize=_integer_nodes(graph),
        calibrate_method=ort_quantization.CalibrationMethod.MinMax,
        extra_options={
            "TensorQuantOverrides": {
                entry: [{"scale": np.array(FRAME_SCALE, np.float32), "zero_point": np.array(0, np.uint8)}]
            }
        },
    )
    model = onnx.load(str(quantized))
    integer_ends_onnx(model, entry)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _integer_nodes(graph: onnx.GraphProto) -> list[str]:
    """Name the convolutions, their ReLUs, the backbone's skips and the transposes at the graph's ends."""
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
