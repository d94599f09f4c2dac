"""Sizes of pictures, from their headers alone."""

import cv2
import numpy as np
import pytest

from edge.camera.header import size_px
from tests.camera import bomb


@pytest.mark.parametrize(
    ("encoded", "size"),
    [
        (bomb.jpeg(80), (80, 80)),
        (bomb.png(33), (33, 33)),
        (bomb.bmp(40), (40, 40)),
        (bomb.tiff(40), (40, 40)),
        (bomb.webp(77), (77, 77)),
        (bomb.webp(77, lossless=True), (77, 77)),
        (bomb.canvas(99), (99, 99)),
    ],
)
def test_headers_tell_sizes_and_no_beginning_of_one_breaks(encoded, size):
    assert size_px(encoded) == size
    for length in range(min(len(encoded), 700)):
        assert size_px(encoded[:length]) in {None, size, (0, 0), (16, 16)}


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_headers_tell_what_an_encoder_wrote(kind):
    encoded = cv2.imencode(kind, np.full((48, 80, 3), 90, np.uint8))[1].tobytes()
    assert size_px(encoded) == (48, 80)
