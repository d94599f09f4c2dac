import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alert.picture import around, cut, draw, shrink
from edge.alert.privacy import PUBLIC
from edge.errors import FrameError
from edge.model.manifest import Threshold


def test_a_box_gets_its_margin_and_a_small_one_more_within_the_picture():
    whole = (480, 640)
    assert around(whole, (300, 100, 500, 200), margin=0.25, min_side_px=0) == (250, 50, 550, 250)
    for box in ((0, 0, 16, 16), (624, 464, 640, 480), (320, 240, 336, 256)):
        x0, y0, x1, y1 = around(whole, box, margin=0.5, min_side_px=160)
        assert (x1 - x0, y1 - y0) == (160, 160)
        assert x0 <= box[0] < box[2] <= x1 <= 640
        assert y0 <= box[1] < box[3] <= y1 <= 480
    assert around((100, 90), (0, 0, 16, 16), margin=0.5, min_side_px=160) == (0, 0, 90, 100)
    assert around(whole, (-50, -50, 700, 500), margin=0.5, min_side_px=0) == (0, 0, 640, 480)


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (20, 10, 10, 30), (640, 0, 700, 50), (-20, 0, 0, 9)])
def test_an_empty_or_outside_box_is_an_error(box):
    with pytest.raises(FrameError, match="640 x 480 px, got"):
        around((480, 640), box, margin=0.5, min_side_px=160)


@pytest.mark.parametrize("options", [{"min_side_px": -1}, {"margin": -1.0}, {"margin": float("nan")}])
def test_senseless_options_are_errors(options):
    with pytest.raises(ValueError, match="expected margin"):
        around((480, 640), (0, 0, 9, 9), **{"margin": 0.5, "min_side_px": 0, **options})
    with pytest.raises(ValueError, match="expected max_side_px"):
        shrink(GREY, 0)


@settings(max_examples=40)
@given(
    st.integers(1, 70), st.integers(1, 70), st.integers(-20, 69), st.integers(-20, 69),
    st.integers(1, 90), st.integers(1, 90), st.integers(0, 40), st.integers(1, 50),
)  # fmt: skip
def test_any_box_that_meets_the_picture_gives_a_part_of_it(height, width, x, y, w, h, least, most):
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        return
    number = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    pixels = np.stack([number >> 16, number >> 8 & 255, number & 255], axis=2).astype(np.uint8)
    x0, y0, x1, y1 = box = around((height, width), (x, y, x + w, y + h), margin=0.5, min_side_px=least)
    assert x1 - x0 >= min(least, width)
    assert y1 - y0 >= min(least, height)
    part = cut(PUBLIC.show(pixels), box)
    assert (part.pixels == pixels[y0:y1, x0:x1]).all()
    assert max(shrink(part, most).size_px) == min(most, max(part.size_px))


def test_a_smaller_picture_keeps_its_shape():
    assert shrink(PUBLIC.show(np.zeros((480, 640, 3), np.uint8)), 320).size_px == (240, 320)


GREY = PUBLIC.show(np.full((60, 80, 3), 100, np.uint8))
SMOKE = Threshold(open=0.5, keep=-1.0)


def test_cells_are_tinted_where_they_lie_and_by_what_they_mean():
    scores = np.array([[4.0, 0.0], [-4.0, -0.5]], np.float32)
    drawn = draw(GREY, scores=scores, threshold=SMOKE).pixels
    assert (GREY.pixels == 100).all()
    red, amber, clear, faint = drawn[10, 10], drawn[10, 60], drawn[50, 10], drawn[50, 60]
    assert red[0] > 160 > 80 > red[1]
    assert amber[0] > amber[1] > 100 > amber[2]
    assert (clear == 100).all()
    assert 100 < faint[0] < amber[0]
    assert (drawn[:30, :40] == red).all()  # a cell is of one colour, up to its edges
    assert (drawn[30:, :40] == clear).all()


def test_probabilities_are_drawn_as_the_logits_that_they_are_of():
    logits = np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4)
    likely = 1 / (1 + np.exp(-logits))
    drawn = draw(GREY, scores=logits).pixels
    assert (drawn == draw(GREY, scores=likely, kind="probabilities").pixels).all()
    assert (np.diff(drawn[10, ::20, 0].astype(int)) > 0).all()  # no threshold: all are red


def test_a_letterboxed_map_reaches_beyond_the_picture_and_a_smaller_one_leaves_the_rest_alone():
    scores = np.full((4, 4), 4, np.float32)
    scores[0] = scores[3] = -9  # padding above and below
    drawn = draw(GREY, scores=scores, threshold=SMOKE, area_px=(0, -30, 80, 90)).pixels
    assert (drawn == drawn[0, 0]).all()
    assert drawn[0, 0, 0] > 160
    small = draw(GREY, scores=scores[1:3], area_px=(20, 10, 40, 30)).pixels
    changed = (small != 100).any(axis=2)
    assert changed[10:30, 20:40].all()
    assert changed.sum() == 20 * 20


def test_boxes_are_outlines_clipped_to_the_picture():
    drawn = draw(GREY, boxes_px=[(10, 20, 30, 40), (70, 50, 900, 900)]).pixels
    changed = (drawn != 100).any(axis=2)
    assert changed[20, 10:30].all()
    assert changed[39, 10:30].all()
    assert not changed[21:39, 11:29].any()
    assert not changed[40:50].any()
    assert changed[50, 70:].all()


@pytest.mark.parametrize(
    ("scores", "area"),
    [
        (np.zeros((2, 2, 1), np.float32), None),
        (np.zeros((0, 2), np.float32), None),
        (np.full((1, 1), np.nan, np.float32), None),
        (np.zeros((2, 2), np.float32), (5, 5, 5, 9)),
    ],
)
def test_a_wrong_map_is_an_error(scores, area):
    with pytest.raises(FrameError, match=r"expected a"):
        draw(GREY, scores=scores, area_px=area)
