import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.picture import crop_jpeg, draw
from edge.errors import FrameError
from edge.model.manifest import Threshold


def picture(height=480, width=640):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 2] = 200  # blue where nothing else is
    return pixels


def decoded(jpeg):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_the_crop_shows_the_box_in_its_colours_with_its_margin():
    pixels = picture()
    pixels[100:200, 300:500] = (250, 10, 10)
    crop = decoded(crop_jpeg(pixels, (300, 100, 500, 200), margin=0.25, min_side_px=0))
    assert crop.shape == (200, 300, 3)
    assert abs(crop[100, 150].astype(int) - (250, 10, 10)).max() < 12
    assert abs(crop[20, 20].astype(int) - (0, 0, 200)).max() < 12


def test_a_small_box_gets_surroundings_and_stays_in_the_picture():
    for box in ((0, 0, 16, 16), (624, 464, 640, 480), (320, 240, 336, 256)):
        assert decoded(crop_jpeg(picture(), box)).shape == (160, 160, 3)
    assert decoded(crop_jpeg(picture(100, 90), (0, 0, 16, 16))).shape == (100, 90, 3)


def test_the_whole_frame_is_a_thumbnail_of_its_shape():
    assert decoded(crop_jpeg(picture(), None, max_side_px=320)).shape == (240, 320, 3)
    assert decoded(crop_jpeg(picture(), None, max_side_px=9000)).shape == (480, 640, 3)


def test_a_box_over_the_edge_is_clipped():
    assert decoded(crop_jpeg(picture(), (-50, -50, 700, 500))).shape == (480, 640, 3)


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (20, 10, 10, 30), (640, 0, 700, 50), (-20, 0, 0, 9)])
def test_an_empty_or_outside_box_is_an_error(box):
    with pytest.raises(FrameError, match="640 x 480 px, got"):
        crop_jpeg(picture(), box)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_a_wrong_picture_is_an_error(bad):
    with pytest.raises(FrameError, match=r"expected a picture of \(H, W, 3\) uint8"):
        crop_jpeg(bad, None)


@pytest.mark.parametrize(
    "options", [{"quality": 0}, {"max_side_px": 0}, {"margin": -1.0}, {"margin": float("nan")}]
)
def test_senseless_options_are_errors(options):
    with pytest.raises(ValueError, match="expected margin"):
        crop_jpeg(picture(), None, **options)


@given(
    st.integers(1, 70), st.integers(1, 70), st.integers(-20, 69), st.integers(-20, 69),
    st.integers(1, 90), st.integers(1, 90), st.integers(0, 40), st.integers(1, 50),
)  # fmt: skip
def test_any_box_that_meets_the_picture_gives_a_crop_within_the_limit(height, width, x, y, w, h, least, most):
    if x + w <= 0 or y + h <= 0 or x >= width or y >= height:
        return
    crop = decoded(
        crop_jpeg(picture(height, width), (x, y, x + w, y + h), min_side_px=least, max_side_px=most)
    )
    assert max(crop.shape[:2]) <= most
    whole = decoded(crop_jpeg(picture(height, width), (x, y, x + w, y + h), min_side_px=least))
    assert whole.shape[0] >= min(least, height, 640)
    assert whole.shape[1] >= min(least, width, 640)


GREY = np.full((60, 80, 3), 100, np.uint8)
SMOKE = Threshold(open=0.5, keep=-1.0)


def test_cells_are_tinted_where_they_lie_and_by_what_they_mean():
    scores = np.array([[4.0, 0.0], [-4.0, -0.5]], np.float32)
    before = GREY.copy()
    drawn = draw(GREY, scores=scores, threshold=SMOKE)
    assert (before == GREY).all()
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
    assert (draw(GREY, scores=logits) == draw(GREY, scores=likely, kind="probabilities")).all()
    assert (
        np.diff(draw(GREY, scores=logits)[10, ::20, 0].astype(int)) > 0
    ).all()  # no threshold: all are red


def test_a_letterboxed_map_reaches_beyond_the_picture_and_a_smaller_one_leaves_the_rest_alone():
    scores = np.full((4, 4), 4, np.float32)
    scores[0] = scores[3] = -9  # padding above and below
    drawn = draw(GREY, scores=scores, threshold=SMOKE, area_px=(0, -30, 80, 90))
    assert (drawn == drawn[0, 0]).all()
    assert drawn[0, 0, 0] > 160
    small = draw(GREY, scores=scores[1:3], area_px=(20, 10, 40, 30))
    changed = (small != 100).any(axis=2)
    assert changed[10:30, 20:40].all()
    assert changed.sum() == 20 * 20


def test_boxes_are_outlines_clipped_to_the_picture():
    drawn = draw(GREY, boxes_px=[(10, 20, 30, 40), (70, 50, 900, 900)])
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
    with pytest.raises(FrameError, match="expected a picture"):
        draw(GREY[:, :, 0])
