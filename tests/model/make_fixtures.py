"""Make the small fixtures that need neither TensorFlow nor torch: `python tests/model/make_fixtures.py`.

cells/         a bundle with both files of one quantized network, whose meaning is plain: the `smoke` score
               of an 8 px cell grows as it gets brighter than its own past, `dark` as it gets darker. Two
               float32 states: a moving average of each cell's colour, and its weight. `model.tflite` is
               written straight as a flatbuffer (INT8 convolutions, float32 state), `model.onnx` with
               onnx.helper (uint8 activations, the same integer weights). Its self-test stores its frames, as that of
               every bundle did before schema 1.3.
conditions/    the same network with a second head: `clear` is the more probable the brighter the whole picture is,
               `night` the darker. No self-test.
stripes.onnx   the network of stripes_float.tflite (make_foreign.py): float32, NCHW, dynamic batch, logits.
"""

from __future__ import annotations

import shutil

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter
from conftest import FIXTURES
from onnx import TensorProto, helper, numpy_helper

from edge.model.bundle import file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.manifest import SELFTEST_NAME, Cadence, Confirmation, Manifest, TensorSpec, Threshold
from edge.model.selftest import pack_selftest, score_frames

ROWS, COLS, STRIDE, COLOURS, LABELS = 6, 8, 8, 3, ("smoke", "dark")
PIXEL, FEATURE, DIFFERENCE, SCORE = 1 / 255, 1 / 255, 1 / 127, 0.125
ALPHA = 0.1
MEAN_SCALE, HEAD_SCALE = 1 / (STRIDE * STRIDE * 100), 0.5
MEAN_WEIGHT = np.zeros((COLOURS, STRIDE, STRIDE, 3), np.int8)  # OHWI
for colour in range(COLOURS):
    MEAN_WEIGHT[colour, :, :, colour] = 100
HEAD_WEIGHT = np.array([[[[40] * 3]], [[[-40] * 3]]], np.int8)  # OHWI: ±20 for each colour
HEAD_BIAS = np.round(np.float64([-3, -3]) / (DIFFERENCE * HEAD_SCALE)).astype(np.int32)
FLOATS = {"keep": np.float32([1 - ALPHA]), "take": np.float32([ALPHA])}
BRIGHT_SCALE = 0.25
BRIGHT = np.array([[[[127] * 3]], [[[-127] * 3]]], np.int8)  # OHWI: ±31.75 for each colour
BRIGHT_BIAS = np.round(np.float64([-30, 30]) / (FEATURE * BRIGHT_SCALE)).astype(np.int32)
CONDITION, CONDITIONS = 0.5, ("clear", "night")
STATES = {"background": (1, ROWS, COLS, COLOURS), "weight": (1, 1, 1, 1)}


class Flatbuffer:
    """One subgraph, built tensor by tensor."""

    def __init__(self) -> None:
        self.graph = tfl.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.buffers, self.codes = [tfl.BufferT()], []

    def tensor(self, name, shape, dtype, scale=None, zero_point=0, data=None) -> int:
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), getattr(tfl.TensorType, dtype)
        if scale is not None:
            tensor.quantization = tfl.QuantizationParametersT()
            scales = np.atleast_1d(np.float32(scale))
            tensor.quantization.scale = list(scales)
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
        if data is not None:
            self.buffers.append(tfl.BufferT())
            self.buffers[-1].data = list(np.ascontiguousarray(data).tobytes())
            tensor.buffer = len(self.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def op(self, kind, inputs, outputs, options=None, options_type=0) -> None:
        code = getattr(tfl.BuiltinOperator, kind)
        if code not in self.codes:
            self.codes.append(code)
        operator = tfl.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes.index(code), inputs, outputs
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.graph.operators.append(operator)

    def conv(self, inputs, output, stride) -> None:
        options = tfl.Conv2DOptionsT()
        options.padding, options.strideH, options.strideW = tfl.Padding.VALID, stride, stride
        self.op("CONV_2D", inputs, [output], options, tfl.BuiltinOptions.Conv2DOptions)

    def finish(self, inputs, outputs) -> bytes:
        self.graph.inputs, self.graph.outputs, self.graph.name = inputs, outputs, "main"
        model = tfl.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [self.graph], self.buffers
        model.description = "firetower test fixture"
        model.operatorCodes = []
        for code in self.codes:
            entry = tfl.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, code, 1 + 2 * (code == 3)
            model.operatorCodes.append(entry)
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def cells_tflite(*, conditions: bool = False) -> bytes:
    f = Flatbuffer()
    shape = (1, ROWS, COLS, COLOURS)
    frame = f.tensor("frame", (1, ROWS * STRIDE, COLS * STRIDE, 3), "INT8", PIXEL, -128)
    background = f.tensor("background", STATES["background"], "FLOAT32")
    weight = f.tensor("weight", STATES["weight"], "FLOAT32")
    mean = f.tensor("mean", MEAN_WEIGHT.shape, "INT8", [MEAN_SCALE] * COLOURS, data=MEAN_WEIGHT)
    zero = f.tensor(
        "zero", (COLOURS,), "INT32", [MEAN_SCALE * PIXEL] * COLOURS, data=np.zeros(COLOURS, np.int32)
    )
    quantized = f.tensor("quantized", shape, "INT8", FEATURE, -128)
    f.conv([frame, mean, zero], quantized, STRIDE)
    feature = f.tensor("feature", shape, "FLOAT32")
    f.op("DEQUANTIZE", [quantized], [feature])
    keep, take = (f.tensor(name, (1,), "FLOAT32", data=value) for name, value in FLOATS.items())

    def arithmetic(kind, left, right, name, shape=shape):
        result = f.tensor(name, shape, "FLOAT32")
        options = getattr(tfl, f"{kind.capitalize()}OptionsT")()
        f.op(
            kind, [left, right], [result], options, getattr(tfl.BuiltinOptions, f"{kind.capitalize()}Options")
        )
        return result

    weight_next = arithmetic(
        "ADD", arithmetic("MUL", weight, keep, "w1", (1, 1, 1, 1)), take, "weight_next", (1, 1, 1, 1)
    )
    old, new = arithmetic("MUL", background, keep, "old"), arithmetic("MUL", feature, take, "new")
    background_next = arithmetic("ADD", old, new, "background_next")
    difference = arithmetic(
        "SUB", arithmetic("MUL", feature, weight_next, "seen"), background_next, "difference"
    )
    stored = f.tensor("stored", shape, "INT8", DIFFERENCE, 0)
    f.op("QUANTIZE", [difference], [stored])
    head = f.tensor("head", HEAD_WEIGHT.shape, "INT8", [HEAD_SCALE] * 2, data=HEAD_WEIGHT)
    bias = f.tensor("bias", (2,), "INT32", [HEAD_SCALE * DIFFERENCE] * 2, data=HEAD_BIAS)
    scores = f.tensor("scores", (1, ROWS, COLS, len(LABELS)), "INT8", SCORE, 0)
    f.conv([stored, head, bias], scores, 1)
    outputs = [scores, background_next, weight_next]
    if conditions:
        outputs.append(conditions_tflite(f, quantized))
    return f.finish([frame, background, weight], outputs)


def conditions_tflite(f: Flatbuffer, quantized: int) -> int:
    """Add the head that tells conditions; return its output."""
    pooled = f.tensor("pooled", (1, 1, 1, COLOURS), "INT8", FEATURE, -128)
    options = tfl.Pool2DOptionsT()
    options.padding, options.strideH, options.strideW = tfl.Padding.VALID, 1, 1
    options.filterHeight, options.filterWidth = ROWS, COLS
    f.op("AVERAGE_POOL_2D", [quantized], [pooled], options, tfl.BuiltinOptions.Pool2DOptions)
    weight = f.tensor("bright", BRIGHT.shape, "INT8", [BRIGHT_SCALE] * 2, data=BRIGHT)
    bias = f.tensor("bright_bias", (2,), "INT32", [BRIGHT_SCALE * FEATURE] * 2, data=BRIGHT_BIAS)
    told = f.tensor("conditions", (1, 1, 1, len(CONDITIONS)), "INT8", CONDITION, 0)
    f.conv([pooled, weight, bias], told, 1)
    return told


def cells_onnx(*, conditions: bool = False) -> bytes:
    """Return the same network: NHWC outside, NCHW inside, uint8 activations."""
    values = {
        "pixel": np.float32(PIXEL), "zero_u": np.uint8(0), "feature_s": np.float32(FEATURE),
        "difference_s": np.float32(DIFFERENCE), "middle_u": np.uint8(128), "score_s": np.float32(SCORE),
        "mean_s": np.float32(MEAN_SCALE), "head_s": np.float32(HEAD_SCALE), "zero_i": np.int8(0),
        "mean_w": MEAN_WEIGHT.transpose(0, 3, 1, 2), "head_w": HEAD_WEIGHT.transpose(0, 3, 1, 2),
        "bias_q": HEAD_BIAS, "bias_s": np.float32(HEAD_SCALE * DIFFERENCE), "zero_b": np.int32(0), **FLOATS,
    }  # fmt: skip
    values = {name: np.ascontiguousarray(value) for name, value in values.items()}

    def node(kind, inputs, output, **attributes):
        return helper.make_node(kind, inputs.split(), [output], **attributes)

    to_nhwc, to_nchw = {"perm": [0, 2, 3, 1]}, {"perm": [0, 3, 1, 2]}
    nodes = [
        node("Transpose", "frame", "frame_c", **to_nchw),
        node("DequantizeLinear", "frame_c pixel zero_u", "real"),
        node("DequantizeLinear", "mean_w mean_s zero_i", "mean_f"),
        node("Conv", "real mean_f", "conv", strides=[STRIDE] * 2),
        node("QuantizeLinear", "conv feature_s zero_u", "quantized"),
        node("DequantizeLinear", "quantized feature_s zero_u", "feature_c"),
        node("Transpose", "feature_c", "feature", **to_nhwc),
        node("Mul", "weight keep", "w1"), node("Add", "w1 take", "weight_next"),
        node("Mul", "background keep", "old"), node("Mul", "feature take", "new"),
        node("Add", "old new", "background_next"),
        node("Mul", "feature weight_next", "seen"), node("Sub", "seen background_next", "difference"),
        node("Transpose", "difference", "difference_c", **to_nchw),
        node("QuantizeLinear", "difference_c difference_s middle_u", "stored"),
        node("DequantizeLinear", "stored difference_s middle_u", "stored_f"),
        node("DequantizeLinear", "head_w head_s zero_i", "head_f"),
        node("DequantizeLinear", "bias_q bias_s zero_b", "bias_f"),
        node("Conv", "stored_f head_f bias_f", "logits"),
        node("QuantizeLinear", "logits score_s middle_u", "scores_c"),
        node("Transpose", "scores_c", "scores", **to_nhwc),
    ]  # fmt: skip
    info = helper.make_tensor_value_info
    inputs = [info("frame", TensorProto.UINT8, (1, ROWS * STRIDE, COLS * STRIDE, 3))]
    inputs += [info(name, TensorProto.FLOAT, shape) for name, shape in STATES.items()]
    outputs = [info("scores", TensorProto.UINT8, (1, ROWS, COLS, len(LABELS)))]
    outputs += [info(f"{name}_next", TensorProto.FLOAT, shape) for name, shape in STATES.items()]
    if conditions:  # float32 and (1, N) here, INT8 and (1, 1, 1, N) in the other file
        slope = np.float32(BRIGHT[:, 0, 0].sum(axis=1) * BRIGHT_SCALE)
        values |= {"slope": slope[None], "offset": np.float32([[-30, 30]]), "one": np.int64([1, 1])}
        nodes += [
            node("ReduceMean", "feature", "mean", axes=[1, 2, 3], keepdims=0),
            node("Reshape", "mean one", "mean_1"),
            node("Mul", "mean_1 slope", "sloped"),
            node("Add", "sloped offset", "conditions"),
        ]
        outputs.append(info("conditions", TensorProto.FLOAT, (1, len(CONDITIONS))))
    return serialize(nodes, "cells", inputs, outputs, values)


def serialize(nodes, name, inputs, outputs, values) -> bytes:
    constants = [numpy_helper.from_array(value, key) for key, value in values.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def cells_tensors(dtype: str, frame_zero: int, score_zero: int) -> tuple[TensorSpec, ...]:
    frame = TensorSpec(
        name="frame", role="frame", shape=(1, ROWS * STRIDE, COLS * STRIDE, 3), dtype=dtype, layout="NHWC",
        scale=float(np.float32(PIXEL)), zero_point=frame_zero,
    )  # fmt: skip
    scores = TensorSpec(
        name="scores",
        role="scores",
        shape=(1, ROWS, COLS, len(LABELS)),
        dtype=dtype,
        scale=SCORE,
        zero_point=score_zero,
    )
    states = []
    for name, shape in STATES.items():
        states.append(TensorSpec(name=name, role="state_in", shape=shape, dtype="float32", state=name))
        states.append(
            TensorSpec(name=f"{name}_next", role="state_out", shape=shape, dtype="float32", state=name)
        )
    return (frame, *states, scores)


def selftest_frames() -> np.ndarray:
    """Return (8, 48, 64, 3) uint8: a blocky grey scene that flickers; from frame 4 a growing bright blob."""
    rng = np.random.default_rng(3)
    scene = rng.integers(80, 120, (ROWS * 2, COLS * 2, 3)).repeat(STRIDE // 2, 0).repeat(STRIDE // 2, 1)
    frames = [scene + rng.integers(-4, 5) for _ in range(8)]
    for index in range(4, 8):
        frames[index][16 : 20 + 2 * index, 24 : 28 + 3 * index] = 220
    return np.stack(frames).clip(0, 255).astype(np.uint8)


def make_cells() -> None:
    contents = {"model.tflite": cells_tflite(), "model.onnx": cells_onnx()}
    contents["card.md"] = (
        b"# Test fixture\n\nScores how much brighter or darker a cell is than its own past.\n"
    )
    files = {
        "model.tflite": file_spec(contents["model.tflite"], "litert", cells_tensors("int8", -128, 0)),
        "model.onnx": file_spec(contents["model.onnx"], "onnx", cells_tensors("uint8", 0, 128)),
        "card.md": file_spec(contents["card.md"]),
    }
    manifest = Manifest(
        schema="1.0", name="brightness-cells", version="1", task="cells", kind="logits", labels=LABELS,
        files=files, cell_stride_px=STRIDE, thresholds={"smoke": Threshold(open=1.0, keep=0.0)},
        confirmation=Confirmation(hits=2, window=3, close_after=3),
        cadence=Cadence(min_s=1, default_s=60, max_s=120), state_gap_s=900.0, tolerance_steps=1.0,
        provenance={"made_by": "tests/model/make_fixtures.py"},
    )  # fmt: skip
    target = FIXTURES / "cells"
    shutil.rmtree(target, ignore_errors=True)
    draft = write_bundle(target, manifest, contents)
    frames = selftest_frames()
    contents[SELFTEST_NAME] = pack_selftest(
        score_frames(draft, load_runtime(draft, "litert"), frames), frames
    )
    files[SELFTEST_NAME] = file_spec(contents[SELFTEST_NAME])
    shutil.rmtree(target)
    write_bundle(target, manifest, contents)


def make_conditions() -> None:
    contents = {"model.tflite": cells_tflite(conditions=True), "model.onnx": cells_onnx(conditions=True)}
    told = TensorSpec(
        name="conditions", role="conditions", shape=(1, 1, 1, len(CONDITIONS)), dtype="int8", scale=CONDITION,
        zero_point=0,
    )  # fmt: skip
    told_f = TensorSpec(name="conditions", role="conditions", shape=(1, len(CONDITIONS)), dtype="float32")
    tensors = {
        "litert": (*cells_tensors("int8", -128, 0), told),
        "onnx": (*cells_tensors("uint8", 0, 128), told_f),
    }
    files = {
        "model.tflite": file_spec(contents["model.tflite"], "litert", tensors["litert"]),
        "model.onnx": file_spec(contents["model.onnx"], "onnx", tensors["onnx"]),
    }
    manifest = Manifest(
        schema="1.4", name="brightness-conditions", version="1", task="cells", kind="logits", labels=LABELS,
        files=files, cell_stride_px=STRIDE, thresholds={"smoke": Threshold(open=1.0, keep=0.0)},
        confirmation=Confirmation(hits=2, window=3, close_after=3), conditions=CONDITIONS,
        provenance={"made_by": "tests/model/make_fixtures.py"},
    )  # fmt: skip
    shutil.rmtree(FIXTURES / "conditions", ignore_errors=True)
    write_bundle(FIXTURES / "conditions", manifest, contents)


def make_stripes_onnx() -> None:
    data = (FIXTURES / "stripes_float.tflite").read_bytes()
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    values, biases = {}, {}
    for details in interpreter.get_tensor_details():
        shape = tuple(details["shape"])
        try:
            value = interpreter.get_tensor(details["index"])
        except ValueError:
            continue
        if len(shape) == 4 and shape[1:3] == (3, 3):
            values["w1" if shape[3] == 3 else "w2"] = value.transpose(0, 3, 1, 2)
        elif len(shape) == 2 and shape[0] == 3:
            values["w3"] = value
        elif len(shape) == 1 and value.dtype == np.float32:
            biases[{8: "b1", 12: "b2", 3: "b3"}[shape[0]]] = value
    values = {name: np.ascontiguousarray(value) for name, value in {**values, **biases}.items()}
    pad = {"strides": [2, 2], "pads": [0, 0, 1, 1]}  # in numbers: readers differ in what SAME_UPPER is
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], **pad),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], **pad),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("GlobalAveragePool", ["r2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["logits"], transB=1),
    ]
    info = helper.make_tensor_value_info
    inputs = [info("image", TensorProto.FLOAT, ("batch", 3, 24, 24))]
    outputs = [info("logits", TensorProto.FLOAT, ("batch", 3))]
    (FIXTURES / "stripes.onnx").write_bytes(serialize(nodes, "stripes", inputs, outputs, values))


if __name__ == "__main__":
    make_cells()
    make_conditions()
    make_stripes_onnx()
    for path in sorted(FIXTURES.rglob("*.*")):
        print(path.relative_to(FIXTURES), path.stat().st_size, "bytes")
