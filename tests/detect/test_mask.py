import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.mask import blocked_cells, check

SKY = [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]


def test_cells_whose_centre_is_inside_are_blocked():
    assert blocked_cells([SKY], (4, 2)).tolist() == [
        [True, True],
        [True, True],
        [False, False],
        [False, False],
    ]
    assert blocked_cells([[(0, 0), (1, 0), (1, 0.30), (0, 0.30)]], (4, 1)).ravel().tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert not blocked_cells([], (4, 2)).any()


def test_several_polygons_add_up():
    ground = [(0, 0.75), (1, 0.75), (1, 1), (0, 1)]
    assert blocked_cells([SKY, ground, SKY], (4, 1)).ravel().tolist() == [True, True, False, True]


def test_a_concave_polygon_spares_its_notch():
    notched = [(0, 0), (0.34, 0), (0.34, 0.9), (0.66, 0.9), (0.66, 0), (1, 0), (1, 1), (0, 1)]
    assert blocked_cells([notched], (1, 3)).tolist() == [[True, False, True]]


def test_letterbox_bars_are_blocked_and_polygons_follow_the_picture():
    content = (0.0, 0.25, 1.0, 0.75)  # bars above and below
    assert blocked_cells([], (4, 1), content).ravel().tolist() == [True, False, False, True]
    assert blocked_cells([SKY], (4, 1), content).ravel().tolist() == [True, True, False, True]


def test_pillarbox_bars_are_blocked_on_both_sides():
    left = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    assert blocked_cells([], (1, 4), (0.25, 0, 0.75, 1)).tolist() == [[True, False, False, True]]
    assert blocked_cells([left], (1, 4), (0.25, 0, 0.75, 1)).tolist() == [[True, True, False, True]]


@pytest.mark.parametrize(
    ("polygons", "message"),
    [
        ([[(0, 0), (1, 1)]], r"\[0\]: a polygon needs three points or more, got 2"),
        ([SKY, [(0, 0), (1, 0), (1, 1.2)]], r"\[1\]\[2\]: expected .* got \(1, 1.2\)"),
        ([[(0, 0), (-0.1, 0), (1, 1)]], r"\[0\]\[1\]"),
        ([[(0, 0), (1, 0), (math.nan, 1)]], r"\[0\]\[2\]"),
    ],
)
def test_bad_polygons_are_errors_with_their_place(polygons, message):
    with pytest.raises(ValueError, match=message):
        check(polygons)
    with pytest.raises(ValueError, match=message):
        blocked_cells(polygons, (2, 2))


@pytest.mark.parametrize(
    ("grid", "content"),
    [((0, 2), (0, 0, 1, 1)), ((2, 2), (0, 1, 1, 1)), ((2, 2), (1, 0, 0, 1)), ((2, 2), (0, 0, math.nan, 1))],
)
def test_a_bad_grid_or_place_is_an_error(grid, content):
    with pytest.raises(ValueError, match="expected"):
        blocked_cells([], grid, content)


fraction = st.floats(0, 1, width=32)


@given(fraction, fraction, fraction, fraction, st.integers(1, 12), st.integers(1, 12))
def test_a_rectangle_blocks_the_centres_in_it_either_way_round(xa, ya, xb, yb, rows, cols):
    x0, x1, y0, y1 = *sorted((xa, xb)), *sorted((ya, yb))
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    x, y = (np.arange(cols) + 0.5) / cols, (np.arange(rows) + 0.5) / rows
    want = ((x >= x0) & (x < x1))[None, :] & ((y >= y0) & (y < y1))[:, None]
    assert (blocked_cells([corners], (rows, cols)) == want).all()
    assert (blocked_cells([corners[::-1]], (rows, cols)) == want).all()
