"""What is said of a file stands in the file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edge
from edge.model.bundle import Bundle
from training.export.spec import onnx_spec, spec_of


@pytest.mark.parametrize("file", ["model.tflite", "model.onnx"])
def test_the_shipped_files_are_described_as_their_manifest_has_it(file):
    bundle = Bundle.open(Path(edge.__file__).parent / "model/smoke")
    described, stated = spec_of(file, bundle.read(file)), bundle.manifest.files[file]
    assert (described.sha256, described.bytes, described.backend) == (
        stated.sha256,
        stated.bytes,
        stated.backend,
    )
    for one, other in zip(described.tensors, stated.tensors, strict=True):
        assert (one.name, one.role, one.shape, one.dtype, one.layout, one.zero_point, one.state) == (
            other.name,
            other.role,
            other.shape,
            other.dtype,
            other.layout,
            other.zero_point,
            other.state,
        )
        assert (one.scale is None) == (other.scale is None)
        assert (one.scale or 0) == pytest.approx(other.scale or 0, rel=1e-7)


def test_an_output_called_conditions_has_that_role():
    bundle = Bundle.open(Path(__file__).parents[2] / "model/fixtures/conditions")
    told = spec_of("model.tflite", bundle.read("model.tflite")).conditions
    assert told == bundle.manifest.files["model.tflite"].conditions


def graph(*nodes, inputs, outputs):
    """A graph of uint8 ends, (1, 3, 4, 4) in and out."""
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.UINT8, (1, 3, 4, 4)) for name in names]
        for names in (inputs, outputs)
    ]
    scale = onnx.numpy_helper.from_array(np.float32(0.5), "scale")
    zero = onnx.numpy_helper.from_array(np.uint8(7), "zero")
    made = helper.make_graph(nodes, "g", ends[0], ends[1], [scale, zero])
    return helper.make_model(made).SerializeToString()


def test_with_one_input_and_one_output_no_name_is_needed():
    whole = graph(
        helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["float"]),
        helper.make_node("QuantizeLinear", ["float", "scale", "zero"], ["y"]),
        inputs=["x"],
        outputs=["y"],
    )
    frame, scores = onnx_spec(whole).tensors
    assert (frame.name, frame.role, frame.layout) == ("x", "frame", "NCHW")
    assert (scores.name, scores.role, scores.layout) == ("y", "scores", None)
    assert [(tensor.scale, tensor.zero_point) for tensor in (frame, scores)] == [(0.5, 7)] * 2


def test_an_integer_end_that_nothing_quantizes_is_refused():
    with pytest.raises(ValueError, match="no node quantizes or dequantizes 'x'"):
        onnx_spec(graph(helper.make_node("Identity", ["x"], ["y"]), inputs=["x"], outputs=["y"]))


def test_a_state_that_does_not_come_out_is_refused():
    whole = graph(
        helper.make_node("DequantizeLinear", ["frame", "scale", "zero"], ["float"]),
        helper.make_node("QuantizeLinear", ["float", "scale", "zero"], ["scores"]),
        helper.make_node("DequantizeLinear", ["memory", "scale", "zero"], ["unused"]),
        inputs=["frame", "memory"],
        outputs=["scores"],
    )
    with pytest.raises(ValueError, match="states go in and come out under one name"):
        onnx_spec(whole)
