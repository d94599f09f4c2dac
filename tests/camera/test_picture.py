"""Decoded pictures as images: every format, matrix and range, fitted from their own planes."""

import hashlib

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from edge.camera.picture import image_of
from edge.camera.planes import BT601, BT709, PlanarImage
from edge.image import RgbImage, resize

SIZE_PX = (108, 192)
PLANAR = (
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "yuv440p",
    "yuv411p",
    "yuv410p",
)
OTHERS = (
    "nv12",
    "nv21",
    "nv16",
    "nv24",
    "yuyv422",
    "uyvy422",
    "yvyu422",
    "gray",
    "yuv420p10le",
    "yuv422p10le",
    "p010le",
)
RGB = ("rgb24", "bgr0", "gbrp")


def smooth() -> np.ndarray:
    small = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, SIZE_PX[::-1], interpolation=cv2.INTER_CUBIC)


def frame(name: str, colorspace: int = 2, color_range: int = ColorRange.UNSPECIFIED) -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(smooth(), format="rgb24").reformat(
        format=name,
        dst_colorspace=None if colorspace == 2 else colorspace,
        dst_color_range=color_range or None,
    )
    made.colorspace, made.color_range = colorspace, color_range
    return made


def wrong(pixels: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(pixels.astype(int) - wanted).mean())


@pytest.mark.parametrize("colorspace", [2, 1, 5, 7, 9])  # none, BT.709, BT.601, SMPTE 240M, BT.2020
@pytest.mark.parametrize("name", [*PLANAR, *OTHERS, *RGB])
def test_every_format_has_its_colours(name, colorspace):
    coded = frame(name, colorspace)
    image, theirs = image_of(coded), coded.to_ndarray(format="rgb24")
    assert image.size_px == SIZE_PX
    assert isinstance(image, RgbImage if name in RGB else PlanarImage)
    truth = theirs if name == "gray" else smooth()
    assert wrong(image.rgb(), truth) <= max(wrong(theirs, truth), 0.5) + 0.5
    assert wrong(image.fitted((27, 48)), resize(truth, (27, 48))) < 4
    grey = cv2.cvtColor(np.ascontiguousarray(theirs[::4, ::4]), cv2.COLOR_RGB2GRAY)
    assert wrong(image.luma(4), grey) < (
        3 if colorspace in {2, 5} else 12
    )  # luma of another matrix is another


@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("name", ["yuv444p", "nv24", "yuv420p10le"])
def test_a_stated_range_is_believed(name, color_range):
    assert wrong(image_of(frame(name, 1, color_range)).rgb(), smooth()) < 4


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "nv12", "yuyv422"])
def test_an_odd_size_is_whole(name):
    pixels = smooth()[:107, :190]
    coded = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format=name)
    assert wrong(image_of(coded).rgb(), pixels) < 6


@pytest.mark.parametrize(
    ("paired", "apart"),
    [("nv12", "yuv420p"), ("nv21", "yuv420p"), ("nv16", "yuv422p"), ("nv24", "yuv444p"), ("nv42", "yuv444p")],
)
def test_pairs_give_the_bits_of_planes_and_are_not_copied(paired, apart):
    coded = frame(apart, 1)
    image, wanted = image_of(coded.reformat(format=paired)), image_of(coded)
    assert isinstance(image, PlanarImage)
    assert not any(plane.flags.owndata for plane in image.planes)
    for size_px in (SIZE_PX, (27, 48), (70, 61)):
        assert np.array_equal(image.fitted(size_px), wanted.fitted(size_px))


@pytest.mark.parametrize("name", ["yuv420p", "yuvj444p", "gray", "rgb24"])
def test_the_same_picture_is_the_same_and_one_changed_byte_is_not(name):
    one, two, changed = frame(name), frame(name), frame(name)
    last = changed.planes[-1]
    data = bytearray(bytes(last))
    data[3 * last.line_size + 5] ^= 1
    last.update(bytes(data))
    assert image_of(one).same(image_of(two))
    assert not image_of(one).same(image_of(changed))
    assert not image_of(one).same(image_of(frame("nv24")))


def test_planes_are_views_and_outlive_their_frame():
    coded = frame("yuv420p")
    image = image_of(coded)
    assert isinstance(image, PlanarImage)
    wanted = image.rgb()
    assert not any(plane.flags.owndata for plane in image.planes)
    del coded
    assert np.array_equal(image.rgb(), wanted)


def test_black_white_and_grey_are_exact():
    for level, stored in ((0, 16), (255, 235)):
        planes = [np.full((8, 8), value, np.uint8) for value in (stored, 128, 128)]
        image = PlanarImage(tuple(planes), (0.2126, 0.0722), full_range=False)
        assert (image.fitted((4, 4)) == level).all()
        assert (image.luma(2) == level).all()
    full = PlanarImage((np.arange(256, dtype=np.uint8).reshape(16, 16),), (0.299, 0.114), full_range=True)
    assert np.array_equal(full.rgb()[..., 0], full.planes[0])


def test_values_beyond_the_range_are_clipped_not_wrapped():
    bright = tuple(np.full((8, 8), value, np.uint8) for value in (255, 255, 255))
    dark = tuple(np.full((8, 8), value, np.uint8) for value in (0, 0, 0))
    for full_range in (True, False):
        red, green, blue = PlanarImage(bright, (0.2126, 0.0722), full_range=full_range).rgb()[0, 0]
        assert (red, blue) == (255, 255)
        assert green < 200
        red, green, blue = PlanarImage(dark, (0.2126, 0.0722), full_range=full_range).rgb()[0, 0]
        assert (red, blue) == (0, 0)
        assert green > 50


def test_stored_planes_give_stored_bytes():
    """The same on every machine: x86-64 and arm64, any OpenCV."""
    rows, cols = np.mgrid[:74, :106]
    luma = (rows * 7 + cols * 3).astype(np.uint8)
    u, v = ((rows * 5 + cols)[::2, ::2].astype(np.uint8), (rows ^ cols)[::2, ::2].astype(np.uint8))
    digest = hashlib.sha256()
    for shares in (BT601, BT709):
        for full_range in (True, False):
            image = PlanarImage((luma, u, v), shares, full_range=full_range)
            digest.update(image.fitted((12, 16)).data)
            digest.update(image.rgb().data)
    assert digest.hexdigest() == "2be002ba50ba9b0b8a9195a6780479166286ca3713bc929adcbcaacbeceaacfd"
