"""Bombs: what is small to send and huge to take in costs no camera more than 60 MB, and says which limit it meets.

Each is opened in a process of its own (lone.py); servers and files are here.
"""

import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
import pytest

from tests.camera import bomb
from tests.camera.conftest import write_clip

MB = 1_000_000
MOST_BYTES = 60 * MB
HANG_S = 250.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a camera took and told.

    Attributes:
        over_rest_bytes: peak RSS above that of the process before.
        pictures: how many it gave.
        said: its errors.
    """

    over_rest_bytes: int
    pictures: int
    said: list[str]

    def says(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.said)


Opener = Callable[..., Outcome]


@pytest.fixture(scope="module")
def opened_alone(tmp_path_factory) -> Iterator[Opener]:
    harmless = write_clip(tmp_path_factory.mktemp("harmless") / "clip.mp4", frames=3)
    command = (sys.executable, "-m", "tests.camera.lone", str(harmless))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def open_alone(uri: object, reads: int = 20, times: int = 1, **keys: object) -> Outcome:
            request = {"uri": str(uri), "reads": reads, "times": times, "keys": {"timeout_s": HANG_S, **keys}}
            print(json.dumps(request), file=process.stdin, flush=True)
            outcome = msgspec.json.decode(process.stdout.readline(), type=Outcome)
            assert outcome.over_rest_bytes < MOST_BYTES, outcome
            return outcome

        yield open_alone


@dataclass
class Flood:
    """A server that sends each client what `answer` gives for its request, for as long as the client stays."""

    answer: Callable[[bytes], Iterable[bytes]]

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self._listener.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while request := connection.recv(1 << 14):
                for data in self.answer(request):
                    connection.sendall(data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
BLOCK = bytes(1 << 16)


def part(jpeg: bytes) -> bytes:
    return b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)


def whole() -> bytes:
    return cv2.imencode(".jpg", np.full((64, 96, 3), 120, np.uint8))[1].tobytes()


STILLS = {
    "jpeg": bomb.jpeg,
    "png": bomb.png,
    "palette": lambda: bomb.png(bits=8, kind=3),
    "interlaced": lambda: bomb.png(interlaced=True),
    "bmp": bomb.bmp,
    "tiff": bomb.tiff,
    "big endian": lambda: bomb.tiff(order=">"),
    "tile": lambda: bomb.tiff(tile=bomb.SIDE),
    "webp": bomb.webp,
    "lossless": lambda: bomb.webp(lossless=True),
    "canvas": bomb.canvas,
}


@pytest.mark.parametrize("kind", STILLS)
def test_a_huge_picture_in_a_folder_is_told_by_its_header(opened_alone, tmp_path, kind):
    (tmp_path / "1.png").write_bytes(STILLS[kind]())
    (tmp_path / "2.jpg").write_bytes(whole())
    assert (tmp_path / "1.png").stat().st_size < 5 * MB
    outcome = opened_alone(f"folder:{tmp_path}")
    assert outcome.says("1.png", f"{bomb.SIDE}x{bomb.SIDE} px", "limits.picture_pixels")
    assert outcome.pictures == 1


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_what_unpacks_beside_the_pixels_is_left_packed(opened_alone, tmp_path, kind):
    (tmp_path / "1.png").write_bytes(bomb.png(100, extra=bomb.texts(kind)))
    assert opened_alone(f"folder:{tmp_path}").pictures == 1


def test_an_animation_is_its_first_picture(opened_alone, tmp_path):
    (tmp_path / "1.png").write_bytes(bomb.apng())
    assert opened_alone(f"folder:{tmp_path}").pictures == 1


def test_a_jpeg_of_many_scans_is_none(opened_alone, tmp_path):
    jpeg = bomb.jpeg(64)
    scan = jpeg[jpeg.index(b"\xff\xda") : -2]
    (tmp_path / "1.jpg").write_bytes(jpeg[:-2] + scan * 2000 + jpeg[-2:])
    assert opened_alone(f"folder:{tmp_path}").says("1.jpg", "corrupt")


def test_a_large_jpeg_may_have_twenty_scans(opened_alone, tmp_path):
    jpeg = bomb.jpeg(6300)
    scan = jpeg[jpeg.index(b"\xff\xda") : -2]
    (tmp_path / "1.jpg").write_bytes(jpeg[:-2] + scan * 21 + jpeg[-2:])
    assert opened_alone(f"folder:{tmp_path}").says("1.jpg", "corrupt")


def test_other_kinds_of_pictures_are_refused(opened_alone, tmp_path):
    (tmp_path / "1.png").write_bytes(b"GIF89a" + bytes(100))
    (tmp_path / "2.png").write_bytes(b"P6\n16000 16000\n255\n" + bytes(100))
    outcome = opened_alone(f"folder:{tmp_path}")
    assert outcome.says("1.png", "unknown kind", "expected JPEG, PNG, BMP, TIFF or WebP")
    assert outcome.says("2.png", "unknown kind")


def test_what_is_too_long_or_no_plain_file_is_not_read(opened_alone, tmp_path):
    bomb.sparse(tmp_path / "1.jpg", whole())
    os.mkfifo(tmp_path / "2.jpg")
    (tmp_path / "3.jpg").symlink_to("/dev/zero")
    (tmp_path / "4.jpg").write_bytes(whole())
    outcome = opened_alone(f"folder:{tmp_path}")
    assert outcome.says("1.jpg", "more than 24000000 bytes", "limits.picture_bytes")
    assert outcome.says("2.jpg", "it is a pipe, not a file")
    assert outcome.says("3.jpg", "it is a device, not a file")
    assert outcome.pictures == 1


def grown(tmp_path: Path) -> bytes:
    """An H.264 stream that grows to 16,000 × 16,000 px in its middle."""
    clip = write_clip(tmp_path / "clip.h264", frames=20, keyframe_every=10)
    units = bomb.units(clip.read_bytes())
    second = [at for at, unit in enumerate(units) if unit[4] & 31 == 7][1]
    return b"".join([*units[:second], bomb.sps(), *units[second + 1 :]])


def huge(tmp_path: Path) -> bytes:
    units = bomb.units(write_clip(tmp_path / "clip.h264", frames=20).read_bytes())
    return b"".join(bomb.sps() if unit[4] & 31 == 7 else unit for unit in units)


def test_a_video_that_grows_in_its_middle_is_decoded_up_to_there(opened_alone, tmp_path):
    (tmp_path / "grown.h264").write_bytes(grown(tmp_path))
    outcome = opened_alone(f"file:{tmp_path}/grown.h264", reads=40)
    assert 0 < outcome.pictures < 20
    assert outcome.says("16000x16000 px", "limits.picture_pixels")


def test_a_huge_video_is_refused(opened_alone, tmp_path):
    (tmp_path / "huge.h264").write_bytes(huge(tmp_path))
    outcome = opened_alone(f"file:{tmp_path}/huge.h264")
    assert outcome.pictures == 0
    assert outcome.says("16000x16000 px", "limits.picture_pixels")


CONTAINERS = {"mpegts": "ts", "matroska": "mkv", "flv": "flv"}  # some tell of their streams late


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_huge_video_in_any_container(opened_alone, tmp_path, container):
    clip = write_clip(tmp_path / "clip.h264", frames=6)
    small = next(unit for unit in bomb.units(clip.read_bytes()) if unit[4] & 31 == 7)
    path = tmp_path / f"huge.{CONTAINERS[container]}"
    with av.open(str(clip)) as source, av.open(str(path), "w", format=container) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux()):
            if packet.size:
                larger = av.Packet(bytes(packet).replace(small, bomb.sps()))
                larger.stream, larger.pts, larger.dts = stream, number * 3600, number * 3600
                larger.time_base = stream.time_base
                target.mux(larger)
    outcome = opened_alone(f"file:{path}")
    assert outcome.pictures == 0
    assert outcome.says("a corrupt picture") or outcome.says("limits.picture_pixels")


def test_an_index_of_more_pictures_than_there_are(opened_alone, tmp_path):
    data = bytearray(write_clip(tmp_path / "clip.mp4", frames=5).read_bytes())
    count = 200_000_000
    struct.pack_into(">II", data, data.index(b"stsz") + 8, 1, count)
    struct.pack_into(">III", data, data.index(b"stts") + 8, 1, count, 512)
    struct.pack_into(">IIII", data, data.index(b"stsc") + 8, 1, 1, count, 1)
    (tmp_path / "index.mp4").write_bytes(data)
    assert opened_alone(f"file:{tmp_path}/index.mp4").says("index.mp4")


def test_vp8_says_its_size_in_each_keyframe(opened_alone, tmp_path):
    data = bytearray(write_clip(tmp_path / "clip.mkv", codec="libvpx", frames=3).read_bytes())
    struct.pack_into("<HH", data, data.index(b"\x9d\x01\x2a") + 3, bomb.SIDE, bomb.SIDE)
    (tmp_path / "vp8.mkv").write_bytes(data)
    outcome = opened_alone(f"file:{tmp_path}/vp8.mkv")
    assert outcome.pictures == 0
    assert outcome.says("limits.picture_pixels")


def test_a_packet_without_end_in_a_file(opened_alone, tmp_path):
    clip = write_clip(tmp_path / "clip.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=2)
    bomb.sparse(tmp_path / "long.avi", bomb.avi(clip.read_bytes()))
    outcome = opened_alone(f"file:{tmp_path}/long.avi")
    assert outcome.says("limits.packet_bytes")


@pytest.mark.parametrize("before", [0, 3])
def test_a_huge_jpeg_in_a_stream_is_corrupt(opened_alone, before):
    huge_jpeg = bomb.jpeg()
    with Flood(
        lambda _: itertools.chain([HEAD, *[part(whole())] * before], itertools.repeat(part(huge_jpeg)))
    ) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/", reads=before + 3)
    assert outcome.says("16000x16000 px", "limits.picture_pixels")
    assert outcome.pictures == before


PARTS = {
    "endless": b"--b\r\nContent-Type: image/jpeg\r\n\r\n",
    "said to be long": b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 2000000000\r\n\r\n",
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("before", [0, 3])
def test_an_endless_part_of_a_stream(opened_alone, kind, before):
    begin = HEAD + part(whole()) * before + PARTS[kind] + whole()[:-2]
    with Flood(lambda _: itertools.chain([begin], itertools.repeat(BLOCK))) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/", timeout_s=HANG_S if before else 0.5)
    assert outcome.says("limits.packet_bytes")


def test_a_part_above_the_limit_that_ends(opened_alone):
    long = part(whole()[:-2] + bytes(16_100_000) + whole()[-2:])
    with Flood(lambda _: itertools.chain([HEAD + part(whole())], itertools.repeat(long))) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/", reads=4)
    assert outcome.says("limits.packet_bytes")
    assert outcome.pictures >= 1


HEADERS = {
    "line of a response": (b"HTTP/1.1 200 OK\r\nX: ", BLOCK.replace(b"\0", b"x")),
    "response": (b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 1000),
    "line of a part": (HEAD + b"--b\r\nX: ", BLOCK.replace(b"\0", b"x")),
    "header of a part": (HEAD + b"--b\r\n", b"X-Y: z\r\n" * 1000),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_an_endless_header(opened_alone, kind):
    begin, more = HEADERS[kind]
    with Flood(lambda _: itertools.chain([begin], itertools.repeat(more))) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/", timeout_s=0.5)
    assert outcome.pictures == 0
    assert outcome.said


def test_endless_cookies(opened_alone):
    cookies = (b"Set-Cookie: c%d=%s; path=/\r\n" % (n, b"x" * 3000) for n in itertools.count())
    with Flood(lambda _: itertools.chain([b"HTTP/1.1 200 OK\r\n"], cookies)) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/", timeout_s=10)
    assert outcome.pictures == 0
    assert outcome.says("cannot open", "100 headers")


@pytest.mark.parametrize("path", ["live.m3u8", "live"])
def test_a_playlist_is_refused(opened_alone, path):
    lines = (b"#EXTINF:10,\nsegment%d.ts\n" % n for n in itertools.count())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\n\r\n"
    head += b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n"
    with Flood(lambda _: itertools.chain([head], lines)) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/{path}")
    assert outcome.says("cannot open", "playlist")


def test_a_redirection_without_end(opened_alone):
    away = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
    with Flood(lambda _: [away]) as port:
        outcome = opened_alone(f"http://127.0.0.1:{port}/")
    assert outcome.said


class Rtsp:
    """Answers an RTSP client; after PLAY what `payload` gives, as RTP packets in the same connection."""

    def __init__(self, sdp: str, kind: int, payload: Callable[[], Iterable[bytes]]) -> None:
        self._sdp = f"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n{sdp}a=control:track1\r\n".encode()
        self._kind = kind
        self._payload = payload

    def __call__(self, request: bytes) -> Iterable[bytes]:
        fields = dict(line.split(b": ", 1) for line in request.split(b"\r\n") if b": " in line)
        head = b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\n" % fields.get(b"CSeq", b"1")
        verb = request.split(b" ")[0]
        if verb == b"DESCRIBE":
            yield (
                head
                + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(self._sdp)
                + self._sdp
            )
        elif verb == b"SETUP":
            yield head + b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
        elif verb == b"PLAY":
            yield head + b"\r\n"
            for number, data in enumerate(self._payload()):
                packet = struct.pack(">BBHII", 0x80, self._kind, number & 0xFFFF, 3000, 1) + data
                yield struct.pack(">cBH", b"$", 0, len(packet)) + packet
        else:
            yield head + b"Public: DESCRIBE, SETUP, PLAY\r\n\r\n"


H264 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
FRAGMENT = bytes(60_000)


def endless_unit() -> Iterator[bytes]:
    yield b"\x7c\x85" + FRAGMENT
    yield from itertools.repeat(b"\x7c\x05" + FRAGMENT)


def endless_jpeg() -> Iterator[bytes]:
    """Without the marker that ends a picture. Source: RFC 2435."""
    for offset in itertools.count(0, len(FRAGMENT)):
        yield struct.pack(">II", offset & 0xFFFFFF, 0x01_32_08_08) + FRAGMENT


def endless_description() -> Iterator[bytes]:
    yield b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n"
    yield from itertools.repeat(BLOCK)


STREAMS = {
    "H.264": Rtsp(H264, 96, endless_unit),
    "JPEG": Rtsp("m=video 0 RTP/AVP 26\r\n", 26, endless_jpeg),
    "description": lambda _: endless_description(),
    "line": lambda _: itertools.chain([b"RTSP/1.0 200 OK\r\nX: "], itertools.repeat(b"x" * (1 << 16))),
    "header": lambda _: itertools.chain([b"RTSP/1.0 200 OK\r\n"], itertools.repeat(b"X-Y: z\r\n" * 1000)),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_an_endless_stream_over_rtsp(opened_alone, kind):
    with Flood(STREAMS[kind]) as port:
        outcome = opened_alone(f"rtsp://127.0.0.1:{port}/", timeout_s=0.6)
    assert outcome.pictures == 0
    assert outcome.said


def test_bombs_leave_no_memory_behind(opened_alone):
    with Flood(STREAMS["H.264"]) as port:
        assert opened_alone(f"rtsp://127.0.0.1:{port}/", times=12).pictures == 0


def test_an_h264_stream_over_rtsp_that_grows(opened_alone, tmp_path):
    units = bomb.units(grown(tmp_path))
    payload = lambda: itertools.chain((unit[4:] for unit in units), itertools.repeat(units[-1][4:]))  # noqa: E731
    with Flood(Rtsp(H264, 96, payload)) as port:
        outcome = opened_alone(f"rtsp://127.0.0.1:{port}/", reads=60)
    assert outcome.says("16000x16000 px", "limits.picture_pixels")


def test_a_picture_of_a_folder_bounds_nothing_else(tmp_path):
    """No stream is open, so nothing holds FFmpeg's memory: not before the picture, and not after it."""
    assert cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((64, 64, 3), np.uint8))
    script = """
import sys
from pathlib import Path
import av
from edge.camera.limit import Limits
from edge.camera.still import decode_still
decode_still(Path(sys.argv[1]), Limits())
encoder = av.CodecContext.create("libx264", "w")
encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 1920, 1080, "yuv420p", 5
encoder.encode(av.VideoFrame(1920, 1080, "yuv420p"))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "a.jpg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_redirect_is_not_followed(opened_alone):
    """It may lead to hosts that nobody named."""
    asked = []
    with Flood(lambda request: asked.append(request) or [HEAD, part(whole())]) as elsewhere:
        answer = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
        with Flood(lambda _: [answer]) as port:
            assert opened_alone(f"http://127.0.0.1:{port}/").says("cannot open", "it redirects to")
    assert asked == []


def test_an_mp4_of_many_tracks_is_refused(opened_alone, tmp_path):
    """Each track may claim an index of its own in a hundred bytes."""
    clip = write_clip(tmp_path / "clip.mp4", frames=5, keyframe_every=5).read_bytes()
    at = clip.index(b"trak") - 4
    track = clip[at : at + int.from_bytes(clip[at : at + 4])]
    box = clip.index(b"moov") - 4
    size = int.from_bytes(clip[box : box + 4]) + 20 * len(track)
    many = clip[:box] + size.to_bytes(4) + clip[box + 4 : at] + track * 20 + clip[at:]
    (tmp_path / "many.mp4").write_bytes(many)
    assert opened_alone(f"file:{tmp_path}/many.mp4").says("cannot open", "too many tracks")


def test_no_mp4_is_taken_over_http(opened_alone, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=5, keyframe_every=5).read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(clip)
    with Flood(lambda _: [head, clip]) as port:
        assert opened_alone(f"http://127.0.0.1:{port}/clip.mp4").says("cannot open")
