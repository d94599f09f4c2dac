import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alert.evidence import crop_jpeg
from edge.errors import FrameError


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
