import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.detect.heatmap import regions
from edge.errors import FrameError
from edge.model.manifest import Threshold

SMOKE = {"smoke": Threshold(open=2.0, keep=1.0)}


def pixels(box):
    row0, col0, row1, col1 = box
    return col0 * 16, row0 * 16, col1 * 16, row1 * 16


def found(plane, thresholds=SMOKE, blocked=None):
    scores = np.asarray(plane, np.float32)[:, :, None]
    return regions(scores, ["smoke"], thresholds, blocked, pixels)


def test_hysteresis_keeps_what_touches_an_open_cell_and_drops_the_rest():
    plane = [
        [0, 1, 0, 0, 0],
        [0, 0, 3, 1, 0],
        [0, 0, 0, 0, 0],
        [1.9, 1.9, 0, 0, 0],
    ]
    (region,) = found(plane)
    assert region.cells == 3
    assert region.cell_box == (0, 1, 2, 4)
    assert region.box_px == (16, 0, 64, 32)
    assert region.peak_cell == (1, 2)
    assert region.peak == 3.0
    assert region.label == "smoke"


def test_a_region_is_usual_where_no_cell_of_it_is_above_the_raised_threshold():
    plane = np.asarray([[2.5, 1, 0, 2.0], [0, 2.1, 0, 2.0]], np.float32)[:, :, None]
    for lift, usual in (
        ([[0.6, 0, 0, 1], [0, 0.2, 0, 1]], [True, True]),
        ([[0.6, 0, 0, 0], [0, 0.1, 0, 1]], [False, False]),
        ([[0.6, 3, 3, 1], [3, 0.1, 3, 1]], [False, True]),
        (None, [False, False]),
    ):
        raised = None if lift is None else np.asarray(lift, np.float32)
        with_lift = regions(plane, ["smoke"], SMOKE, None, pixels, raised)
        assert [one.usual for one in with_lift] == usual
        assert [one.cell_box for one in with_lift] == [(0, 0, 2, 2), (0, 3, 2, 4)]


def test_a_horizon_raises_with_the_memory_and_alone():
    plane = np.asarray([[2.5, 1, 0, 2.0]], np.float32)[:, :, None]
    for lift, away, usual, far in (
        (None, [[0.6, 0, 0, 0]], [True, False], [True, False]),
        (None, [[0.5, 0, 0, 0]], [False, False], [False, False]),
        ([[0.3, 0, 0, 1]], [[0.3, 0, 0, 0]], [True, True], [False, False]),
        ([[0, 0, 0, 0]], [[0, 0, 0, 1]], [False, True], [False, True]),
        ([[1, 0, 0, 0]], None, [True, False], [False, False]),
    ):
        raised, band = (None if one is None else np.asarray(one, np.float32) for one in (lift, away))
        got = regions(plane, ["smoke"], SMOKE, None, pixels, raised, band)
        assert [one.usual for one in got] == usual
        assert [one.far for one in got] == far


def test_thresholds_are_inclusive():
    assert len(found([[2.0]])) == 1
    assert not found([[np.nextafter(np.float32(2), np.float32(0))]])
    assert found([[2.0, 1.0]])[0].cells == 2


def test_a_mask_blocks_opening_and_connecting():
    plane = [[3, 1.5, 3]]
    assert len(found(plane)) == 1
    assert len(found(plane, blocked=np.array([[False, True, False]]))) == 2
    assert not found(plane, blocked=np.ones((1, 3), bool))


def test_a_mask_blocks_where_thresholds_are_below_zero():
    below = {"smoke": Threshold(open=-2.0, keep=-3.0)}
    assert len(found([[-1.0, -9.0]], below)) == 1
    assert not found([[-1.0, -9.0]], below, blocked=np.array([[True, False]]))


def test_strongest_first_and_each_label_by_itself():
    scores = np.zeros((2, 6, 3), np.float32)
    scores[0, 0, 0], scores[0, 4, 0], scores[1, 4, 2], scores[0, 2, 1] = 2, 5, 4, 9
    thresholds = {"smoke": Threshold(open=2, keep=1), "fire": Threshold(open=3, keep=1)}
    got = regions(scores, ["smoke", "cloud", "fire"], thresholds, None, pixels)
    assert [(region.label, region.peak) for region in got] == [("smoke", 5), ("fire", 4), ("smoke", 2)]


def test_a_classifier_is_one_cell():
    scores = np.array([[[0.9, 0.1]]], np.float32)
    (region,) = regions(
        scores, ["smoke", "none"], {"smoke": Threshold(open=0.5, keep=0.5)}, None, lambda _: (0, 0, 640, 480)
    )
    assert region.box_px == (0, 0, 640, 480)
    assert region.cells == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_an_error(bad):
    with pytest.raises(FrameError, match=r"1 of 2 are not finite.*\(0, 1\) of 'smoke'"):
        found([[0, bad]])


def test_wrong_shapes_are_errors():
    with pytest.raises(FrameError, match=r"expected \(rows, cols, 1\)"):
        regions(np.zeros((2, 2), np.float32), ["smoke"], SMOKE, None, pixels)
    with pytest.raises(FrameError, match="labels"):
        regions(np.zeros((2, 2, 2), np.float32), ["smoke"], SMOKE, None, pixels)
    with pytest.raises(FrameError, match="got \\(0, 2, 1\\)"):
        regions(np.zeros((0, 2, 1), np.float32), ["smoke"], SMOKE, None, pixels)
    with pytest.raises(FrameError, match=r"mask: expected the grid of the scores, \(2, 2\), got \(2, 3\)"):
        found(np.zeros((2, 2)), blocked=np.zeros((2, 3), bool))


def flood(plane, opened, kept):
    """Reach out from every open cell to its eight neighbours; return the sets of cells."""
    left = {(int(r), int(c)) for r, c in np.argwhere(plane >= kept)}
    parts = []
    while left:
        part, todo = set(), [left.pop()]
        while todo:
            row, col = todo.pop()
            part.add((row, col))
            near = {(row + i, col + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            todo += near
        if any(plane[cell] >= opened for cell in part):
            parts.append(part)
    return parts


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))
)
def test_regions_are_those_of_a_flood_fill(plane):
    got = found(plane)
    want = flood(plane, 2.0, 1.0)
    boxes = sorted(
        (
            min(r for r, _ in p),
            min(c for _, c in p),
            max(r for r, _ in p) + 1,
            max(c for _, c in p) + 1,
            len(p),
        )
        for p in want
    )
    assert sorted((*region.cell_box, region.cells) for region in got) == boxes
    assert all(plane[region.peak_cell] == region.peak for region in got)
    assert [region.peak for region in got] == sorted((region.peak for region in got), reverse=True)
