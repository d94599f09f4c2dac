"""JPEGs that are cut off, and whole ones of every make."""

import cv2
import numpy as np
import pytest

from edge.camera.jpeg import cut, decoded
from edge.camera.limit import Limits
from edge.camera.segment import EOI

KINDS = {
    "baseline": (),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": (cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
    "optimised": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    "4:4:4": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
}


def jpeg(kind: str = "baseline", *, grey: bool = False) -> bytes:
    noise = np.random.default_rng(4).integers(0, 255, (9, 13, 3), np.uint8)
    pixels = cv2.resize(noise, (200, 136), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", pixels[..., 0] if grey else pixels, KINDS[kind])[1].tobytes()


def damage(data: bytes) -> str | None:
    found = decoded(data, Limits())
    return found if isinstance(found, str) else None


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_ones_are_whole(kind, grey):
    data = jpeg(kind, grey=grey)
    filled = data[:-2] + b"\xff\xff" + EOI
    thumbnail = data[:2] + b"\xff\xe1" + (len(data) + 2).to_bytes(2) + data + data[2:]
    for whole in (data, data + b"\0" * 40, data + data[:50], filled, thumbnail):
        frame = decoded(whole, Limits())
        assert not isinstance(frame, str)
        assert (frame.height, frame.width) == (136, 200)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_is_damaged_with_an_end_put_behind_it_too(kind, ended):
    data = jpeg(kind)
    for tenths in (1, 2, 3, 5, 7, 8, 9, 9.7):
        assert damage(data[: round(len(data) * tenths / 10)] + EOI * ended), tenths


def test_the_end_marker_may_miss_where_one_scan_holds_all():
    assert damage(jpeg("baseline")[:-2]) is None
    assert damage(jpeg("progressive")[:-2]) == "it is cut off"


def test_a_cut_is_found_but_for_the_last_block():
    data = jpeg()
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    for length in range(len(data) - 100, len(data)):
        if damage(data[:length] + EOI) is None:
            shown = cv2.imdecode(np.frombuffer(data[:length] + EOI, np.uint8), cv2.IMREAD_COLOR)
            assert np.count_nonzero((shown != whole).any(axis=2)) <= 16 * 16


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8" + b"\xff" * 5, b"no image at all"])
def test_what_is_no_jpeg_is_cut(data):
    assert cut(data)
