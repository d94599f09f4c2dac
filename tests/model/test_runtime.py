"""What every backend must do, over all of the registry."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from edge.errors import BundleError, MissingExtraError, RuntimeModelError
from edge.model.bundle import Bundle
from edge.model.litert import LiteRtRuntime
from edge.model.load import load_preprocess, load_runtime
from edge.model.onnx import open_session
from edge.model.registry import BACKENDS
from edge.model.selftest import read_selftest
from tests.model.every import cells_for, need

FLOATS = {  # a float network in each kind of file: its name, the shape of the frame, both tensors
    ".tflite": (
        "stripes_float.tflite",
        (1, 24, 24, 3),
        "serving_default_keras_tensor:0",
        "StatefulPartitionedCall_1:0",
    ),
    ".onnx": ("stripes.onnx", (1, 3, 24, 24), "image", "logits"),
}


@pytest.fixture(params=BACKENDS)
def backend(request):
    return need(request.param)


@pytest.fixture
def bundle(backend, fixtures, tmp_path):
    return cells_for(backend, fixtures, tmp_path)


@pytest.fixture
def runtime(bundle, backend):
    return load_runtime(bundle, backend, probed=True)


@pytest.fixture
def write(bundle, backend):
    preprocess = load_preprocess(bundle, backend)
    return lambda value: preprocess(np.full((48, 64, 3), value, np.uint8)).write


def test_scores_are_what_the_network_means(runtime, write):
    """Grey for long, then brighter by 51 of 255: see make_fixtures.py for the arithmetic."""
    state = runtime.zero_state()
    for _ in range(40):
        inference = runtime.infer(write(102), state)
        state = inference.state
    assert inference.scores == pytest.approx(np.full((6, 8, 2), -3.0), abs=0.13)
    scores = runtime.infer(write(153), state).scores
    weight = 1 - 0.9**41
    difference = (0.6 - 0.4) * (weight - 0.1)
    assert scores[..., 0] == pytest.approx(np.full((6, 8), 60 * difference - 3), abs=0.4)
    assert scores[..., 1] == pytest.approx(np.full((6, 8), -60 * difference - 3), abs=0.4)
    assert scores.dtype == np.float32


def test_a_frame_has_its_place(runtime, bundle, backend):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:16, 40:48] = 255
    state = runtime.infer(load_preprocess(bundle, backend)(pixels * 0).write, runtime.zero_state()).state
    scores = runtime.infer(load_preprocess(bundle, backend)(pixels).write, state).scores[..., 0]
    assert np.unravel_index(scores.argmax(), scores.shape) == (1, 5)


def test_state_begins_at_zero_and_has_the_manifests_shapes(runtime, bundle):
    expected = [said for said, _ in bundle.model_file(runtime.name)[1].state_pairs()]
    assert [(t.shape, t.dtype.name) for t in runtime.zero_state()] == [(s.shape, s.dtype) for s in expected]
    assert not any(tensor.any() for tensor in runtime.zero_state())


def test_it_is_a_pure_function(runtime, write):
    """Neither the given state nor what was returned before ever changes; other cameras in between do not matter."""
    first = runtime.infer(write(100), runtime.zero_state())
    kept = [first.scores.copy(), *(tensor.copy() for tensor in first.state)]
    second = runtime.infer(write(130), first.state)
    runtime.infer(write(7), runtime.zero_state())
    assert all(np.array_equal(a, b) for a, b in zip(kept, [first.scores, *first.state], strict=True))
    again = runtime.infer(write(130), first.state)
    assert np.array_equal(again.scores, second.scores)
    assert all(np.array_equal(a, b) for a, b in zip(again.state, second.state, strict=True))


def test_the_frame_is_written_into_the_backends_own_buffer(runtime, bundle, backend):
    spec = bundle.model_file(backend)[1].one("frame")
    seen = []

    def write(tensor):
        seen.append((tensor.shape, tensor.dtype.name, tensor.flags.writeable, tensor.ctypes.data))
        tensor.fill(0)

    for _ in range(2):
        runtime.infer(write, runtime.zero_state())
    assert seen[0][:3] == (spec.shape, spec.dtype, True)
    assert seen[0] == seen[1]


def test_the_call_is_timed_and_nothing_else(runtime, write):
    assert runtime.infer(write(1), runtime.zero_state()).invoke_ns > 0


def test_a_state_of_another_shape_or_dtype_is_refused(runtime, write):
    good = runtime.zero_state()
    for wrong in ((good[0][:, :1], good[1]), (good[0].astype(np.float64), good[1])):
        with pytest.raises(RuntimeModelError, match=r"model\.(tflite|onnx)"):
            runtime.infer(write(1), wrong)
    runtime.infer(write(1), good)


def test_a_failing_writer_leaves_the_runtime_usable(runtime, write):
    def fail(tensor):
        raise KeyError(tensor.shape)

    with pytest.raises(KeyError):
        runtime.infer(fail, runtime.zero_state())
    runtime.infer(write(1), runtime.zero_state())


def test_threads_do_not_change_scores(bundle, backend):
    frames, _ = read_selftest(bundle)
    one, two = (load_runtime(bundle, backend, threads, probed=True) for threads in (1, 2))
    preprocess = load_preprocess(bundle, backend)
    state_one = state_two = one.zero_state()
    for pixels in frames:
        a, b = one.infer(preprocess(pixels).write, state_one), two.infer(preprocess(pixels).write, state_two)
        assert np.array_equal(a.scores, b.scores)
        state_one, state_two = a.state, b.state


def changed(bundle, backend, role, **fields):
    name, spec = bundle.model_file(backend)
    tensors = tuple(msgspec.structs.replace(t, **fields) if t.role == role else t for t in spec.tensors)
    return name, msgspec.structs.replace(spec, tensors=tensors)


@pytest.mark.parametrize(
    ("role", "fields", "said"),
    [
        ("frame", {"name": "image"}, "its inputs are"),
        ("scores", {"name": "logits"}, "no output 'logits'"),
        ("scores", {"shape": (1, 6, 9, 2)}, "tensor 'scores' is"),
        ("scores", {"dtype": "float32"}, "tensor 'scores' is"),
    ],
)
def test_a_file_that_is_not_what_the_manifest_says_is_refused(bundle, backend, role, fields, said):
    name, spec = changed(bundle, backend, role, **fields)
    with pytest.raises(BundleError, match=said):
        BACKENDS[backend].open(bundle.read(name), name, spec, 1)


@pytest.mark.parametrize("fields", [{"scale": 0.2}, {"zero_point": 3}])
def test_litert_checks_scale_and_zero_point(fixtures, fields):
    bundle = Bundle.open(fixtures / "cells")
    name, spec = changed(bundle, "litert", "scores", **fields)
    with pytest.raises(BundleError, match=r"has scale 0\.125 and zero point 0"):
        LiteRtRuntime(bundle.read(name), name, spec)


def test_scores_that_are_not_finite_are_an_error(bundle, backend, fixtures):
    """A float model on a NaN frame: nothing of it may pass as 'no smoke'."""
    name, shape, frame, scores = FLOATS[BACKENDS[backend].suffix]
    _, spec = bundle.model_file(backend)
    tensors = (
        msgspec.structs.replace(spec.one("frame"), name=frame, shape=shape, dtype="float32"),
        msgspec.structs.replace(spec.one("scores"), name=scores, shape=(1, 3), dtype="float32"),
    )
    said = msgspec.structs.replace(spec, tensors=tensors)
    runtime = BACKENDS[backend].open((fixtures / name).read_bytes(), name, said, 1)
    with pytest.raises(RuntimeModelError, match="not finite"):
        runtime.infer(lambda tensor: tensor.fill(np.nan), ())
    assert runtime.infer(lambda tensor: tensor.fill(0), ()).scores.shape == (1, 1, 3)


CONDITIONS = "conditions"


def test_conditions_come_beside_the_scores_as_probabilities(backend, fixtures):
    """Of INT8 (1, 1, 1, N) and of float32 (1, N): see make_fixtures.py for the arithmetic."""
    bundle = Bundle.open(fixtures / CONDITIONS)
    runtime, preprocess = load_runtime(bundle, backend), load_preprocess(bundle, backend)
    kept = []
    for value, logit in ((102, 8.1), (51, -10.95), (82, 0.6)):
        inference = runtime.infer(
            preprocess(np.full((48, 64, 3), value, np.uint8)).write, runtime.zero_state()
        )
        clear = 1 / (1 + np.exp(-logit))
        assert inference.conditions == pytest.approx([clear, 1 - clear], abs=0.05)
        assert inference.conditions.dtype == np.float32
        assert inference.scores.shape == (6, 8, 2)
        kept.append((inference.conditions, inference.conditions.copy()))
    assert all(
        np.array_equal(given, copy) for given, copy in kept
    )  # no view of a buffer that is written again


def test_a_bundle_without_conditions_gives_none(runtime, write):
    assert runtime.infer(write(100), runtime.zero_state()).conditions is None


@pytest.mark.parametrize(
    ("fields", "said"), [({"name": "weather"}, "no output 'weather'"), ({"shape": (1, 3)}, "'conditions' is")]
)
def test_conditions_that_a_file_does_not_give_are_refused(backend, fixtures, fields, said):
    bundle = Bundle.open(fixtures / CONDITIONS)
    name, spec = changed(bundle, backend, "conditions", **fields)
    with pytest.raises(BundleError, match=said):
        BACKENDS[backend].open(bundle.read(name), name, spec, 1)


def test_onnx_runtime_is_imported_only_when_it_is_used(fixtures):
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from pathlib import Path; from edge.model.bundle import Bundle; from edge.model.load import load_runtime\n"
        "bundle = Bundle.open(Path(sys.argv[1])); load_runtime(bundle, 'litert', probed=True)\n"
        "from edge.errors import MissingExtraError\n"
        "try: load_runtime(bundle, 'onnx', probed=True)\n"
        "except MissingExtraError as error: print(error)\n"
    )
    root = str(fixtures.parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, fixtures / "cells"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": root},
    )
    assert "firetower[onnx]" in done.stdout, done.stderr


def test_weights_outside_of_the_file_are_refused(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx", reason="pip install 'firetower[train]'")
    pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
    monkeypatch.chdir(tmp_path)
    np.ones(4, np.float32).tofile("w.bin")
    weight = onnx.TensorProto(name="w", dims=[4], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "w.bin"
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [info("x", 1, [4])],
        [info("y", 1, [4])],
        [weight],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(RuntimeModelError, match=r"m\.onnx"):
        open_session(model.SerializeToString(), "m.onnx", 1)


def test_the_error_names_the_extra():
    assert "pip install 'firetower[onnx]'" in str(MissingExtraError("the ONNX Runtime backend", "onnx"))
