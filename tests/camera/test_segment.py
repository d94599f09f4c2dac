"""The segments of a JPEG, and that all who look into one pass by the same bytes."""

import cv2
import numpy as np
import pytest

from edge.camera.exif import exif_orientation
from edge.camera.header import size_px
from edge.camera.jpeg import cut, decoded
from edge.camera.limit import Limits
from edge.camera.mjpeg import JpegSplitter
from edge.camera.segment import APP1, FRAMES, SCAN, SOI, Walk, segments
from tests.camera.test_orientation import with_exif

JPEG = with_exif(cv2.imencode(".jpg", np.full((48, 80, 3), 90, np.uint8))[1].tobytes(), 6)


def test_each_segment_begins_where_the_last_one_ends():
    found = list(segments(JPEG[: JPEG.index(b"\xff\xda") + 8]))
    assert [one.at for one in found[1:]] == [one.end for one in found[:-1]]
    assert found[0].marker == APP1
    assert found[-1].marker == SCAN
    assert sum(one.marker in FRAMES for one in found) == 1


def test_data_that_grow_are_walked_once():
    walk, found = Walk(), []
    head = JPEG[: JPEG.index(b"\xff\xda") + 8]
    for end in range(len(head)):
        before = walk.at
        while (one := walk.next(head[:end])) is not None:
            found.append(one)
        assert walk.at >= before
    assert found == list(segments(head))


@pytest.mark.parametrize(
    "between", [b"\0\0", b"\xff\xff", b"\xff", b"\xff\0", b"\xff\x01", b"\x12\xff\x05\x34", b"text\r\n"]
)
def test_all_pass_by_what_stands_between_segments(between):
    ends = [one.at for one in segments(JPEG) if one.at <= JPEG.index(b"\xff\xda")]
    for at in ends:
        data = JPEG[:at] + between + JPEG[at:]
        if between == b"\xff":  # filling: the marker itself goes on
            assert data[at : at + 2] == b"\xff\xff"
        assert size_px(data) == (48, 80)
        assert exif_orientation(data).turns == 3
        assert not cut(data)
        assert not isinstance(decoded(data, Limits()), str)
        if data.startswith(SOI + b"\xff"):
            assert JpegSplitter("", Limits()).feed(data * 2)[0] == data
