"""Images that are RGB, and images on their side."""

import numpy as np
import pytest

from edge.image import RgbImage, TurnedImage, resize

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 160, 3), dtype=np.uint8)


def test_the_order_of_channels_makes_no_difference():
    rgb, bgr = RgbImage(PIXELS), RgbImage(np.ascontiguousarray(PIXELS[..., ::-1]), "BGR")
    assert np.array_equal(rgb.rgb(), bgr.rgb())
    assert np.array_equal(rgb.fitted((24, 40)), bgr.fitted((24, 40)))
    assert np.array_equal(rgb.fitted((24, 40)), resize(PIXELS, (24, 40)))
    assert np.array_equal(rgb.luma(12), bgr.luma(12))
    assert rgb.luma(12).shape == (8, 14)
    assert bgr.rgb().flags.c_contiguous


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_is_the_turned_picture(turns):
    image, turned = TurnedImage(RgbImage(PIXELS), turns), np.rot90(PIXELS, turns)
    assert image.size_px == turned.shape[:2]
    assert np.array_equal(image.rgb(), turned)
    small = (turned.shape[0] // 2, turned.shape[1] // 2)
    assert np.array_equal(image.fitted(small), np.rot90(resize(PIXELS, (48, 80)), turns))
    assert image.luma(2).shape == small


def test_images_of_other_kinds_or_turns_are_not_the_same():
    image = RgbImage(PIXELS)
    assert image.same(RgbImage(PIXELS.copy()))
    assert not image.same(TurnedImage(image, 2))
    assert TurnedImage(image, 2).same(TurnedImage(RgbImage(PIXELS.copy()), 2))
    assert not TurnedImage(image, 2).same(TurnedImage(image, 1))
