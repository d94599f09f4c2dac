import msgspec
import numpy as np
import pytest

from edge.errors import RuntimeModelError
from edge.model.manifest import TensorSpec, decode
from edge.model.scores import condition_probabilities, dequantize, probabilities


@pytest.fixture
def cells(fixtures):
    return decode((fixtures / "cells/manifest.json").read_bytes())


def test_cells_get_a_sigmoid_each(cells):
    scores = np.float32([[[0.0, 200.0], [-200.0, np.log(3)]]])
    assert probabilities(scores, cells) == pytest.approx(np.float32([[[0.5, 1.0], [0.0, 0.75]]]))


def test_classes_get_a_softmax(cells):
    manifest = msgspec.structs.replace(cells, task="classify")
    result = probabilities(np.float32([[[500.0, 500.0 + np.log(3)]]]), manifest)
    assert result == pytest.approx(np.float32([[[0.25, 0.75]]]), rel=1e-5)


@pytest.mark.parametrize("fields", [{"labels_independent": True}, {"labels": ("smoke",)}])
def test_independent_and_lone_labels_get_a_sigmoid(cells, fields):
    manifest = msgspec.structs.replace(cells, task="classify", **fields)
    scores = np.float32([[[np.log(3)] * len(manifest.labels)]])
    assert probabilities(scores, manifest).ravel() == pytest.approx([0.75] * len(manifest.labels))


def test_probabilities_stay(cells):
    manifest = msgspec.structs.replace(cells, kind="probabilities")
    scores = np.float32([[[0.2, 0.9]]])
    assert probabilities(scores, manifest) is scores


def test_dequantizing_gives_real_numbers_and_one_cell_for_a_row():
    spec = TensorSpec(name="s", role="scores", shape=(1, 3), dtype="int8", scale=0.5, zero_point=-8)
    result = dequantize(np.int8([[-128, -8, 127]]), spec)
    assert result.tolist() == [[[-60.0, 0.0, 67.5]]]
    assert result.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((2,), None), ((2, 1), 0), ((1, 1, 2), None), ((1, 2, 1, 1), 1), ((1, 1, 2, 1), 2), ((2, 1, 1, 1), 0)],
)
def test_scores_of_one_cell_have_any_shape(shape, axis):
    spec = TensorSpec(
        name="s", role="scores", shape=shape, dtype="int8", scale=0.5, zero_point=0, classes_axis=axis
    )
    assert dequantize(np.int8([-4, 6]).reshape(shape), spec).tolist() == [[[-2.0, 3.0]]]


def test_a_lone_score_may_be_a_scalar():
    spec = TensorSpec(name="s", role="scores", shape=(), dtype="float32")
    assert dequantize(np.array(2, np.float32), spec).tolist() == [[[2.0]]]


def test_dequantizing_copies():
    spec = TensorSpec(name="s", role="scores", shape=(1, 1, 2, 1), dtype="float32")
    stored = np.array([[[[1], [2]]]], np.float32)
    result = dequantize(stored, spec)
    stored[:] = 0
    assert result.tolist() == [[[1.0], [2.0]]]


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3)])
def test_conditions_are_a_sigmoid_each(shape):
    spec = TensorSpec(name="c", role="conditions", shape=shape, dtype="int8", scale=0.5, zero_point=-2)
    got = condition_probabilities(np.int8([-128, -2, 0]).reshape(shape), spec, "m")
    assert got == pytest.approx(np.float32([0.0, 0.5, 1 / (1 + np.exp(-1.0))]))
    assert (got.shape, got.dtype) == ((3,), np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_conditions_that_are_not_finite_are_an_error(value):
    spec = TensorSpec(name="c", role="conditions", shape=(1, 2), dtype="float32")
    with pytest.raises(RuntimeModelError, match="m: conditions are not finite"):
        condition_probabilities(np.float32([[0.0, value]]), spec, "m")
