"""JPEGs out of streams as cheap cameras send them, in pieces of any size."""

import itertools
import random

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.limit import Limits
from edge.camera.mjpeg import JpegSplitter
from edge.errors import FrameError

PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)


def jpeg(number: int, *options: int) -> bytes:
    noise = np.random.default_rng(number).integers(0, 255, (16, 24, 3), np.uint8)
    return cv2.imencode(".jpg", noise, options)[1].tobytes()


def with_thumbnail(picture: bytes, inner: bytes) -> bytes:
    exif = b"Exif\0\0" + inner
    return picture[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + picture[2:]


PICTURES = [
    jpeg(1),
    with_thumbnail(jpeg(2), jpeg(3)),
    jpeg(4, *PROGRESSIVE),
    jpeg(5, *RESTARTS),
    jpeg(6)[:-2] + b"\xff\xff\xff\xd9",
]


def part(picture: bytes, kind: str = "image/jpeg", length: int | None = None, end: bytes = b"\r\n") -> bytes:
    lines = [b"--b", b"Content-Type: " + kind.encode()] if kind else [b"--b"]
    lines += [b"Content-Length: %d" % (len(picture) if length is None else length)]
    return end.join([*lines, b"", b""]) + picture + end


SOUND = np.random.default_rng(9).integers(0, 255, 1000, np.uint8).tobytes()
SOUND_LIKE_A_JPEG = SOUND[:500] + b"\xff\xd8\xff\xe0\x00\x10" + SOUND[500:]
WORD = "firetower"


def join(*parts: bytes) -> bytes:
    return b"".join(parts)


def bare(boundary: bytes, end: bytes = b"\r\n") -> bytes:
    head = boundary + end + b"Content-Type: image/jpeg" + end * 2
    return join(*(head + picture + end for picture in PICTURES))


# name: the boundary that the answer states, and its body
STREAMS: dict[str, tuple[str, bytes]] = {
    "as the standard says": ("b", join(*map(part, PICTURES), b"--b--\r\n")),
    "no first boundary": ("b", join(*map(part, PICTURES))[5:]),
    "no boundary stated": ("", join(*map(part, PICTURES))),
    "another boundary stated": ("frame", join(*map(part, PICTURES))),
    "a quoted boundary": (f'"{WORD}"', bare(b"--firetower")),
    "the stated boundary has the dashes": (f"--{WORD}", bare(b"--firetower")),
    "a boundary without dashes": (WORD, bare(b"firetower")),
    "a boundary without dashes in lines of LF": (WORD, bare(b"firetower", b"\n")),
    "four dashes": (WORD, bare(b"----firetower")),
    "no header": (WORD, join(*(b"--firetower\r\n\r\n" + picture + b"\r\n" for picture in PICTURES))),
    "no header and no blank line": (
        WORD,
        join(*(b"--firetower\r\n" + picture + b"\r\n" for picture in PICTURES)),
    ),
    "boundary and nothing else": (WORD, join(*(b"--firetower" + picture for picture in PICTURES))),
    "image/jpg": ("b", join(*(part(picture, "image/jpg") for picture in PICTURES))),
    "with parameters": ("b", join(*(part(picture, "image/jpeg; charset=binary") for picture in PICTURES))),
    "of any type": ("b", join(*(part(picture, "application/octet-stream") for picture in PICTURES))),
    "called text": ("b", join(*(part(picture, "text/plain") for picture in PICTURES))),
    "no type": ("b", join(*(part(picture, "") for picture in PICTURES))),
    "lines of LF": ("b", join(*(part(picture, end=b"\n") for picture in PICTURES))),
    "lengths too long": ("b", join(*(part(picture, length=10**9) for picture in PICTURES))),
    "lengths too short": ("b", join(*(part(picture, length=7) for picture in PICTURES))),
    "negative lengths": ("b", join(*(part(picture, length=-1) for picture in PICTURES))),
    "a preamble": ("b", b"This is a multipart message.\r\n\r\n" + join(*map(part, PICTURES))),
    "text between": ("b", join(*(part(b"motion: 0", "text/plain") + part(picture) for picture in PICTURES))),
    "sound between": (
        "b",
        join(*(part(SOUND_LIKE_A_JPEG, "audio/basic") + part(picture) for picture in PICTURES)),
    ),
    "sound between, no boundary stated": (
        "",
        join(*(part(SOUND_LIKE_A_JPEG, "Audio/G711") + part(picture) for picture in PICTURES)),
    ),
    "bytes behind the end": ("b", join(*(part(picture + bytes(37)) for picture in PICTURES))),
    "bare": ("", join(*PICTURES)),
    "bare, with a gap": ("", join(*(picture + b"\0\r\n" for picture in PICTURES))),
}


def split(boundary: str, pieces) -> list[bytes]:
    splitter = JpegSplitter(boundary, Limits())
    found = list(itertools.chain.from_iterable(map(splitter.feed, pieces)))
    last = splitter.end()
    return found if last is None else [*found, last]


def cut_up(data: bytes, sizes) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = next(sizes)
        pieces.append(data[at : at + size])
        at += size
    return pieces


@pytest.mark.parametrize("kind", STREAMS)
def test_every_picture_comes_out_to_the_last_byte(kind):
    boundary, body = STREAMS[kind]
    rng = random.Random(3)
    for sizes in (itertools.repeat(1 << 16), itertools.repeat(1), iter(lambda: rng.randint(1, 900), 0)):
        assert split(boundary, cut_up(body, sizes)) == PICTURES


@pytest.mark.parametrize("kind", STREAMS)
def test_a_picture_is_there_with_its_last_byte(kind):
    """Not with the next one: that comes a second later, or never."""
    boundary, body = STREAMS[kind]
    for number, picture in enumerate(PICTURES):
        end = body.index(picture) + len(picture)
        splitter = JpegSplitter(boundary, Limits())
        assert splitter.feed(body[:end]) == PICTURES[: number + 1]
        assert splitter.begun is False


@pytest.mark.parametrize("tenths", [1, 3, 6, 9])
@pytest.mark.parametrize("picture", PICTURES[:4])
def test_a_picture_that_is_cut_off_costs_no_other(picture, tenths):
    half = picture[: len(picture) * tenths // 10]
    for boundary in ("b", "", "frame"):
        body = join(part(PICTURES[0]), part(half, length=len(picture)), part(PICTURES[3]), part(PICTURES[2]))
        assert split(boundary, [body]) == [PICTURES[0], half, PICTURES[3], PICTURES[2]]
    headless = join(*(b"--firetower\r\n\r\n" + one + b"\r\n" for one in (PICTURES[0], half, PICTURES[3])))
    assert split(WORD, [headless]) == [PICTURES[0], half, PICTURES[3]]


def test_one_that_is_cut_off_in_a_bare_sequence():
    half = PICTURES[0][:-30]
    assert split("", [half + PICTURES[2] + PICTURES[3]]) == [half, PICTURES[2], PICTURES[3]]


def test_the_end_marker_may_miss():
    endless = PICTURES[0][:-2]
    assert split("b", [part(endless) * 3 + b"--b--\r\n"]) == [endless] * 3
    assert split("", [endless * 3]) == [endless] * 3


def test_what_is_too_long_is_refused():
    splitter = JpegSplitter("b", Limits(packet_bytes=1 << 16))
    splitter.feed(b"\xff\xd8\xff\xe0\x00\x10" + bytes(65_000))
    with pytest.raises(FrameError, match=r"limits\.packet_bytes"):
        splitter.feed(bytes(1000))
    with pytest.raises(FrameError, match=r"limits\.packet_bytes"):
        JpegSplitter("b", Limits(packet_bytes=1 << 16)).feed(
            part(jpeg(1)[:-2] + bytes(1 << 16) + b"\xff\xd9")
        )


def test_what_is_no_picture_is_not_kept():
    splitter = JpegSplitter("b", Limits(packet_bytes=1 << 16))
    for _ in range(100):
        assert splitter.feed(part(SOUND, "audio/basic")) == []
    assert len(splitter._data) < 1000
    assert splitter.end() is None
    assert splitter.feed(part(PICTURES[0])) == [PICTURES[0]]


def test_a_stream_of_megabytes_in_small_pieces_is_walked_once():
    large = jpeg(1)[:-2].ljust(3_000_000, b"\x55") + b"\xff\xd9"
    splitter = JpegSplitter("b", Limits())
    seen = []

    class Counting(bytearray):
        def find(self, word, start=0, end=None):
            seen.append((len(self) if end is None else end) - start)
            return super().find(word, start, len(self) if end is None else end)

    splitter._data = Counting()
    found = [one for piece in cut_up(part(large), itertools.repeat(1400)) for one in splitter.feed(piece)]
    assert found == [large]
    assert len(large) < sum(seen) < 6 * len(large)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([*PICTURES, b"\r\n--b\r\n", b"\xff\xd8\xff"])),
        max_size=12,
    )
)
def test_anything_is_split_the_same_in_any_pieces(parts):
    body = b"".join(parts)
    whole = split("b", [body])
    assert split("b", cut_up(body, itertools.cycle([1, 7, 300]))) == whole
    assert all(one in body for one in whole)
