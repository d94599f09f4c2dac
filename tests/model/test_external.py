import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BundleError
from edge.model import external
from edge.model.external import _head, inline
from edge.model.importer import MODEL_BYTES_MAX
from tests.model.conftest import FIXTURES

EXT = FIXTURES / "foreign/ext.onnx"
PLACE = {"location": "w", "offset": "4", "length": "24"}


def whole(path, limit=MODEL_BYTES_MAX):
    return inline(path.read_bytes(), path, limit)


@pytest.fixture
def onnx():
    return pytest.importorskip("onnx", reason="pip install 'firetower[train]'")


@pytest.fixture
def tensor(onnx):
    """Return what makes a tensor of (2, 3) with its bytes elsewhere; keywords are its entries."""

    def made(name="w", **entries):
        result = onnx.TensorProto(name=name, dims=(2, 3), data_type=1, data_location=1)
        for key, value in entries.items():
            result.external_data.add(key=key, value=value)
        return result

    return made


@pytest.fixture
def written(onnx, tmp_path):
    """Write a model of some tensors, and 28 bytes for them in the file `w`; return its path."""

    def write(*tensors):
        (tmp_path / "w").write_bytes(bytes(range(28)))
        model = onnx.ModelProto(ir_version=8)
        model.graph.initializer.extend(tensors)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        return tmp_path / "m.onnx"

    return write


def initializers(onnx, data):
    return onnx.load_model_from_string(data).graph.initializer


def test_torchs_default_export_is_whole_and_otherwise_the_same(onnx):
    expected = onnx.load(EXT)  # with its weights
    for one in expected.graph.initializer:
        one.ClearField("data_location")
    assert onnx.load_model_from_string(whole(EXT)) == expected


def test_a_model_that_is_whole_stays_as_it_is(fixtures):
    data = (fixtures / "stripes.onnx").read_bytes()
    assert inline(data, fixtures / "stripes.onnx", 0) is data


def test_weights_in_every_place_that_holds_tensors(onnx, tensor, written, tmp_path):
    path = written()
    model = onnx.ModelProto(ir_version=8)
    graph, one = model.graph, tensor(**PLACE)
    graph.initializer.append(one)
    graph.sparse_initializer.add(values=one, indices=one)
    inner = onnx.GraphProto(name="then", initializer=[one])
    graph.node.add(op_type="If").attribute.add(name="then_branch", type=5, g=inner)
    graph.node.add(op_type="Loop").attribute.add(name="bodies", type=10, graphs=[inner, inner])
    graph.node.add(op_type="Constant").attribute.add(name="value", type=4, t=one)
    graph.node.add(op_type="X").attribute.add(name="values", type=9, tensors=[one, one])
    graph.node.add(op_type="X").attribute.add(
        name="s", type=11, sparse_tensor=onnx.SparseTensorProto(values=one, indices=one)
    )
    model.functions.add(name="f").node.add(op_type="Constant").attribute.add(name="value", type=4, t=one)
    path.write_bytes(model.SerializeToString())
    text = str(onnx.load_model_from_string(whole(path)))
    assert "external" not in text.lower()
    assert text.count("raw_data") == str(model).count("data_location: EXTERNAL") == 12


def test_several_files_in_folders_of_the_models_own(onnx, tensor, written, tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/v.bin").write_bytes(b"v" * 24)
    path = written(
        tensor(**PLACE), tensor("v", location="deep/er/v.bin"), tensor("x", location="./w", length="4")
    )
    assert [one.raw_data for one in initializers(onnx, whole(path))] == [
        bytes(range(4, 28)),
        b"v" * 24,
        bytes(range(4)),
    ]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"location": "gone"}, "'gone' are missing; .*copy it there"),
        ({"location": "../secret"}, "outside of its folder"),
        ({"location": "a/../../secret"}, "outside of its folder"),
        ({"location": "/etc/passwd"}, "outside of its folder"),
        ({"location": "link"}, "behind a link"),
        ({"location": "linked/w"}, "behind a link"),
        ({"location": "pipe"}, "it is a pipe"),
        ({"location": "folder"}, "it is a folder"),
        ({"location": "w/w"}, "cannot be read"),
        ({"location": "x" * 300}, "cannot be read"),
        ({"location": ""}, "does not say in which file"),
        ({}, "m.onnx: it has weights elsewhere|damaged"),
        ({"location": "w\0"}, "cannot be read"),
        ({"location": "w", "offset": "5", "length": "24"}, "reach to byte 29, but that file has 28"),
        ({"location": "w", "offset": "99"}, "reach to byte 99"),
        ({"location": "w", "length": str(10**17)}, "reach to byte"),
        ({"location": "w", "length": "9" * 4000}, "expected a number of bytes, got '999"),
        ({"location": "w", "offset": "-4", "length": "4"}, "expected a number of bytes, got '-4'"),
        ({"location": "w", "offset": "x" * 5000}, "damaged"),
    ],
)
def test_weights_that_cannot_be_had_are_refused_with_the_reason(tensor, written, tmp_path, entries, said):
    (tmp_path.parent / "secret").write_bytes(b"s" * 99)
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    path = written(tensor(location="w"), tensor(**entries))
    with pytest.raises(BundleError, match=said) as refused:
        whole(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value)) < 700


def test_model_and_weights_are_bounded_together(tensor, written, tmp_path):
    path = written(*(tensor(str(index), location="w") for index in range(10)))
    size = path.stat().st_size
    assert len(whole(path, size + 280)) <= size + 280
    with pytest.raises(BundleError, match="too large"):
        whole(path, size + 279)
    os.truncate(tmp_path / "w", MODEL_BYTES_MAX)
    with pytest.raises(BundleError, match="too large"):
        whole(path)


def test_the_parts_of_a_model_are_bounded(monkeypatch):
    monkeypatch.setattr(external, "_FIELDS_MAX", 20)
    with pytest.raises(BundleError, match=r"ext\.onnx: more than 20 parts"):
        whole(EXT)


def test_a_graph_in_a_graph_without_end_is_refused(onnx, tensor, written):
    path = written()
    graph = onnx.GraphProto(initializer=[tensor(**PLACE)]).SerializeToString()
    for field in [6, 5, 1] * 1000 + [7]:  # an attribute of a node of a graph, and so on, in a model
        graph = _head(field, [graph]) + graph
    path.write_bytes(graph)
    with pytest.raises(BundleError, match="damaged"):
        whole(path)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_model_is_read_or_refused(data):
    model = bytearray(EXT.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(model[: data.draw(st.integers(0, len(model)))])
    try:
        size, said = len(inline(cut, EXT, 4096)), ""
    except BundleError as error:
        size, said = 0, str(error)
    assert size <= 4096
    assert said == "" or said.startswith(f"{EXT}: ")


def test_the_inlined_model_runs_as_its_weights_say():
    pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
    from edge.model.onnx import open_session  # noqa: PLC0415

    numbers = np.frombuffer((EXT.parent / "ext.onnx.data").read_bytes(), np.float32)
    weights, bias = numbers[:6].reshape(2, 3), numbers[6:]
    colour = np.array([0.1, 0.5, 0.9], np.float32)
    frame = np.broadcast_to(colour[:, None, None], (1, 3, 64, 64)).astype(np.float32)
    (scores,) = open_session(whole(EXT), "m", 1).run(None, {"x": frame})
    assert scores[0] == pytest.approx(weights @ colour + bias, abs=1e-4)
