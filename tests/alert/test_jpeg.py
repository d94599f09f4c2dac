import cv2
import numpy as np
import pytest

from edge.alert.caption import Caption, caption_of, write
from edge.alert.event import Stamp
from edge.alert.jpeg import decode, encode, fit
from edge.alert.privacy import PUBLIC
from edge.errors import FrameError

LATE = Stamp(model_s=0.0, mono_ns=1, utc="2026-07-01T14:32:05.250+00:00", utc_trusted=False)
LONGEST = caption_of("W" * 64, "m" * 64, LATE, drill=True)


def noise(height, width):
    return PUBLIC.show(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


def read(data):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_a_picture_keeps_its_colours():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :, 2] = 200
    pixels[8:32, 16:48] = (250, 10, 10)
    shown = PUBLIC.show(pixels)
    back = decode(encode(shown), like=shown).pixels
    assert abs(back[20, 30].astype(int) - (250, 10, 10)).max() < 12
    assert abs(back[3, 3].astype(int) - (0, 0, 200)).max() < 12


def test_what_is_said_of_a_picture_stands_in_its_file():
    shown = noise(20, 30)
    said = encode(shown, comment="tower-7 nörth")
    assert said[:4] == b"\xff\xd8\xff\xfe"
    length = int.from_bytes(said[4:6], "big")
    assert said[6 : 4 + length].decode() == "tower-7 nörth"
    assert (read(said) == read(encode(shown))).all()


@pytest.mark.parametrize(("most", "side"), [(6_000, 320), (8_000, 480), (20_000, 640)])
@pytest.mark.parametrize("size_px", [(360, 480), (480, 90), (1, 1)])
def test_every_picture_fits_into_its_bytes_whatever_it_shows(most, side, size_px):
    made = fit(noise(*size_px), LONGEST, max_side_px=side, max_bytes=most)
    assert len(made.data) <= most
    assert read(made.data).shape[:2] == made.size_px


def test_a_plain_picture_is_as_large_and_as_good_as_asked():
    shown = PUBLIC.show(np.full((480, 640, 3), 90, np.uint8))
    caption = Caption("t c 5.0 s")
    made = fit(shown, caption, max_side_px=640, max_bytes=20_000)
    assert made.size_px == write(shown, caption).size_px
    assert made.data == encode(write(shown, caption), 80, caption.text)


def test_bytes_that_nothing_fits_into_are_an_error():
    with pytest.raises(FrameError, match="fits into 100 bytes"):
        fit(noise(99, 99), None, max_side_px=64, max_bytes=100)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_senseless_quality_is_an_error(quality):
    with pytest.raises(ValueError, match="quality of 1 to 100"):
        encode(noise(9, 9), quality)
