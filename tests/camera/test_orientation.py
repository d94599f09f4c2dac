"""How stored pictures become what people see: by themselves, and out of real files and streams."""

import struct
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edge.camera.exif import exif_orientation
from edge.camera.limit import Limits
from edge.camera.nal import NalUnits
from edge.camera.orientation import Orientation, from_matrix
from edge.camera.source import Session
from edge.camera.v4l2 import V4l2Options, open_device
from edge.clock import SystemClock
from edge.errors import FrameError
from tests.camera.conftest import Device, draw, opened, session

HEIGHT, WIDTH = 64, 96
RED = (220, 20, 20)  # of the upper left quarter
CORNERS = {"upper left": (8, 8), "upper right": (8, -8), "lower left": (-8, 8), "lower right": (-8, -8)}
# how Exif's numbers show the upper left corner, and whether the sides change places
EXIF = {
    1: ("upper left", False),
    2: ("upper right", False),
    3: ("lower right", False),
    4: ("lower left", False),
    5: ("upper left", True),
    6: ("upper right", True),
    7: ("lower right", True),
    8: ("lower left", True),
}
UNKNOWN = 9


def red_corner(pixels: np.ndarray) -> str:
    found = [name for name, at in CORNERS.items() if np.allclose(pixels[at], RED, atol=40)]
    assert len(found) == 1
    return found[0]


def write(path, matrix=None, aspect=None, codec="libx264", frames=3, shape=(HEIGHT, WIDTH)):
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=5)
        stream.height, stream.width = shape
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if matrix is not None:
            stream.set_display_matrix(matrix)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number, shape), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def with_exif(jpeg: bytes, number: int, order: str = ">") -> bytes:
    """A JPEG that states an orientation, behind another entry."""
    entries = struct.pack(f"{order}HHIHH", 0x0106, 3, 1, 2, 0) + struct.pack(
        f"{order}HHIHH", 0x0112, 3, 1, number, 0
    )
    tiff = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HIH", 42, 8, 2) + entries + bytes(4)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def jpeg() -> bytes:
    """A JPEG with an odd density, which is no aspect of its pixels."""
    data = cv2.imencode(".jpg", draw(0)[:, :, ::-1])[1].tobytes()
    assert data[6:11] == b"JFIF\0"
    return data[:13] + struct.pack(">BHH", 0, 2, 1) + data[18:]


def first(address: str, **keys: object):
    source = opened(address, **keys)
    picture = source.read()
    source.close()
    return picture


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_matrix_in_a_file_is_applied_as_ffmpeg_means_it(tmp_path, turns, mirrored):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=5)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.set_display_rotation(90 * turns, hflip=mirrored)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(0), format="rgb24")))
        container.mux(stream.encode(None))
    expected = np.rot90(draw(0), turns)
    expected = np.fliplr(expected) if mirrored else expected  # PyAV mirrors what is turned already
    picture = first(str(path))
    pixels = picture.to_rgb()
    assert picture.size_px == expected.shape[:2] == pixels.shape[:2]
    assert red_corner(pixels) == red_corner(expected)
    assert ("mirrored" in picture.geometry) is mirrored


@pytest.mark.parametrize(("codec", "head"), [("libx264", b"\x06"), ("libx265", b"\x4e\x01")])
def test_what_a_stream_says_itself_is_applied_without_a_container(tmp_path, codec, head):
    # display orientation: not cancelled, flipped horizontally, turned by 0, until the next one
    message = head + b"\x2f\x03\x40\x00\x09\x80"
    path = write(tmp_path / ("clip.h264" if codec == "libx264" else "clip.hevc"), codec=codec)
    nal = NalUnits("5" in codec, 0)
    units = nal.split(path.read_bytes())
    messages = [message if nal.is_slice(unit) else b"" for unit in units]
    pairs = zip(messages, units, strict=True)
    path.write_bytes(nal.join(unit for pair in pairs for unit in pair if unit))
    picture = first(str(path))
    assert red_corner(picture.to_rgb()) == "upper right"
    assert picture.geometry == "mirrored"


def test_a_matrix_that_says_nothing_changes_nothing():
    for matrix in (b"", bytes(36), struct.pack("=9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)):
        assert from_matrix(matrix) == Orientation()


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_turning_commutes_with_resizing(shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    small = (2, 3)
    for mirrored in (False, True):
        for turns in range(4):
            orientation = Orientation(mirrored=mirrored, turns=turns)
            first_small = orientation.apply(
                np.asarray(cv2.resize(pixels, small[::-1], interpolation=cv2.INTER_AREA))
            )
            shown = orientation.shown(small)
            later = cv2.resize(orientation.apply(pixels), shown[::-1], interpolation=cv2.INTER_AREA)
            assert np.abs(first_small.astype(int) - later).max() <= 1
            assert first_small.flags.c_contiguous


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("order", "<>")
def test_exif_is_read(number, order):
    corner, turned = EXIF[number]
    found = exif_orientation(with_exif(jpeg(), number, order))
    assert found is not None
    assert red_corner(found.apply(draw(0))) == corner
    assert (found.shown((HEIGHT, WIDTH)) == (WIDTH, HEIGHT)) is turned


def test_exif_that_is_not_there_wrong_or_cut_off_changes_nothing():
    assert exif_orientation(jpeg()) is None
    assert exif_orientation(with_exif(jpeg(), 9)) is None
    whole = with_exif(jpeg(), 6)
    for end in range(60):
        exif_orientation(whole[:end])  # raises nothing


def over_folder(request, pictures):
    folder = request.getfixturevalue("tmp_path")
    for number, picture in enumerate(pictures):
        (folder / f"{number}.jpg").write_bytes(picture)
    return first(f"folder:{folder}")


def over_file(request, pictures):
    path = request.getfixturevalue("tmp_path") / "clip.mjpeg"
    path.write_bytes(b"".join(pictures))
    return first(str(path))


def over_http(request, pictures):
    parts = b"".join(
        b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(one), one)
        for one in pictures
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
    port = request.getfixturevalue("scripted_server")(head + parts)
    return first(f"http://127.0.0.1:{port}/x")


def over_v4l2(request, pictures):
    made = Device(request.getfixturevalue("tmp_path"), pictures[0])
    try:
        source = open_device(V4l2Options(uri=f"v4l2:{made.path}"), session(), container_format="mjpeg")
        picture = source.read()
        source.close()
    finally:
        made.end()
    return picture


@pytest.mark.parametrize("number", [*EXIF, UNKNOWN])
@pytest.mark.parametrize("transport", [over_folder, over_file, over_http, over_v4l2])
def test_a_jpeg_is_shown_alike_over_every_transport(request, transport, number):
    picture = transport(request, [with_exif(jpeg(), number)] * 12)
    corner, turned = EXIF[1 if number == UNKNOWN else number]
    pixels = picture.to_rgb()
    assert picture.size_px == pixels.shape[:2] == ((WIDTH, HEIGHT) if turned else (HEIGHT, WIDTH))
    assert red_corner(pixels) == corner


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
@pytest.mark.parametrize(("aspect", "size"), [(Fraction(16, 11), (64, 140)), (Fraction(8, 9), (72, 96))])
def test_pixels_become_square(tmp_path, name, aspect, size):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    picture = first(str(write(tmp_path / name, aspect=aspect, codec=codec)))
    pixels = picture.to_rgb()
    assert picture.size_px == pixels.shape[:2] == size
    assert red_corner(pixels) == "upper left"
    assert f"stretched from 96x64 to {size[1]}x{size[0]} px" in picture.geometry


def test_a_turned_picture_is_stretched_as_it_is_stored(tmp_path):
    quarter = (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
    picture = first(str(write(tmp_path / "clip.mp4", quarter, Fraction(2))))
    assert picture.size_px == picture.to_rgb().shape[:2] == (192, 64)


@pytest.mark.parametrize(
    "aspect", [Fraction(1), Fraction(1, 1000), Fraction(1, 9), Fraction(9), Fraction(201, 200)]
)
def test_an_absurd_aspect_and_one_that_nobody_sees_are_left_alone(tmp_path, aspect):
    picture = first(str(write(tmp_path / "clip.mp4", aspect=aspect)))
    assert picture.size_px == picture.to_rgb().shape[:2] == (HEIGHT, WIDTH)
    assert picture.geometry == ""


def test_what_is_too_large_once_it_is_stretched_is_refused(tmp_path):
    path = write(tmp_path / "clip.mp4", aspect=Fraction(2))
    narrow = Session(SystemClock(), limits=Limits(picture_pixels=HEIGHT * WIDTH * 2 - 1))
    source = opened(str(path), narrow)
    with pytest.raises(FrameError, match=r"192x64 px .*limits\.picture_pixels"):
        source.read()
    source.close()
