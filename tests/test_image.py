"""Images that are RGB, and images on their side."""

from fractions import Fraction

import numpy as np
import pytest

from edge.camera.orientation import Orientation, OrientedImage
from edge.image import RgbImage, resize

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
    image, turned = OrientedImage(RgbImage(PIXELS), Orientation(turns=turns)), np.rot90(PIXELS, turns)
    assert image.size_px == turned.shape[:2]
    assert np.array_equal(image.rgb(), turned)
    small = (turned.shape[0] // 2, turned.shape[1] // 2)
    assert np.array_equal(image.fitted(small), np.rot90(resize(PIXELS, (48, 80)), turns))
    assert image.luma(2).shape == small


def test_images_of_other_kinds_or_turns_are_not_the_same():
    image = RgbImage(PIXELS)
    assert image.same(RgbImage(PIXELS.copy()))
    assert not image.same(OrientedImage(image, Orientation(turns=2)))
    assert OrientedImage(image, Orientation(turns=2)).same(
        OrientedImage(RgbImage(PIXELS.copy()), Orientation(turns=2))
    )
    assert not OrientedImage(image, Orientation(turns=2)).same(OrientedImage(image, Orientation(turns=1)))


@pytest.mark.parametrize("aspect", [Fraction(16, 11), Fraction(8, 9)])
@pytest.mark.parametrize("turns", [0, 1])
def test_an_image_whose_pixels_are_not_square_is_stretched(aspect, turns):
    orientation = Orientation(aspect, mirrored=True, turns=turns)
    image = OrientedImage(RgbImage(PIXELS), orientation)
    stretched = resize(PIXELS, orientation.square((96, 160)))
    assert image.size_px == image.rgb().shape[:2]
    assert np.array_equal(image.rgb(), np.rot90(np.fliplr(stretched), turns))
    small = image.size_px[0] // 4, image.size_px[1] // 4
    assert image.fitted(small).shape[:2] == small
    assert image.luma(3).shape == image.rgb()[::3, ::3].shape[:2]
    means = [float(image.luma(1)[part].mean()) for part in (slice(0, 9), slice(-9, None))]
    shown = RgbImage(image.rgb())
    assert means == pytest.approx(
        [float(shown.luma(1)[part].mean()) for part in (slice(0, 9), slice(-9, None))], abs=9
    )
