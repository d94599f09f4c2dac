"""Cameras over HTTP against real servers: streams of every make, and addresses of one picture."""

import contextlib
import gzip
import itertools
import logging
import struct
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.camera.limit import Limits
from edge.camera.orientation import OrientedImage
from edge.camera.planes import PlanarImage
from edge.camera.schedule import Schedule
from edge.camera.snapshot import HttpSource
from edge.camera.source import Session, no_beat
from edge.camera.video import VideoSource
from edge.errors import CameraError, FrameError
from edge.health import limit_s
from tests.camera.conftest import StillClock, opened, session
from tests.camera.test_mjpeg import PICTURES, STREAMS, jpeg
from tests.http.conftest import certificates  # noqa: F401 — a fixture
from tests.http.server import SILENCE, Server, reply
from tests.http.test_login import LOGIN, WAYS, Guard

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner
MINUTE_NS = 60_000_000_000
HEAD = b"HTTP/1.1 200 OK\r\n"


def decoded(data: bytes) -> np.ndarray:
    """(H, W, 3) RGB, by OpenCV."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def shows(picture, right: bytes | np.ndarray) -> bool:
    """Whether a picture is this one, of noise; FFmpeg and OpenCV round differently."""
    pixels, right = picture.to_rgb(), decoded(right) if isinstance(right, bytes) else right
    same_size = picture.size_px == pixels.shape[:2] == right.shape[:2]
    return same_size and float(np.abs(pixels.astype(int) - right).mean()) < 3


def open_on(server: Server, clock=None, cadence_s: float = 0.0, beat=no_beat, password=None, **keys):
    return opened(
        f"{server.url}/pic", session(cadence_s, beat, password, clock), **{"timeout_s": HANG_S} | keys
    )


class LeapingClock(StillClock):
    """Time passes when somebody waits, but for a look-up, which is really waited for."""

    def wait(self, signal, timeout_s):
        return signal.wait(timeout_s) if timeout_s <= 0.05 else super().wait(signal, timeout_s)


class FastClock(LeapingClock):
    """And half a second whenever somebody looks."""

    def mono_ns(self) -> int:
        self.now_ns += 500_000_000
        return self.now_ns


@pytest.mark.parametrize("sent", ["plain", "chunked"])
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_is_read_at_its_own_rate(kind, sent):
    boundary, body = STREAMS[kind]
    kind_field = (
        f"multipart/x-mixed-replace; boundary={boundary}" if boundary else "multipart/x-mixed-replace"
    )
    fields = (
        b"Content-Length: 0\r\nContent-Type: " + kind_field.encode()
    )  # of a stream the length says nothing
    pieces = [body[at : at + 2000] for at in range(0, len(body), 2000)]
    if sent == "chunked":
        fields = b"Transfer-Encoding: chunked\r\nContent-Type: " + kind_field.encode()
        pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    with Server(lambda request: [HEAD + fields + b"\r\n\r\n", *pieces, SILENCE]) as server:
        source = open_on(server)
        for picture in PICTURES:
            assert shows(source.read(), picture)
        source.close()
        assert len(server.requests) == 1


@pytest.mark.parametrize("typed", ["", "image/jpeg", "video/x-motion-jpeg", "text/plain", "multipart/mixed"])
@pytest.mark.parametrize(
    "kind", ["bare", "no first boundary", "a boundary without dashes", "as the standard says"]
)
def test_what_the_answer_says_of_itself_is_not_needed(kind, typed):
    _, body = STREAMS[kind]
    head = HEAD + (f"Content-Type: {typed}\r\n\r\n".encode() if typed else b"\r\n")
    if typed.startswith(("image", "video")):
        head = head.replace(b"\r\n", b"\r\nContent-Length: 0\r\n", 1)
    with Server(lambda request: [head, body[:100], body[100:], SILENCE]) as server:
        source = open_on(server)
        for picture in PICTURES:
            assert shows(source.read(), picture)
        source.close()


def numbered(*fields: str):
    """Answers with another picture each time."""
    numbers = itertools.count()
    return lambda request: [reply(jpeg(next(numbers)), Content_Type="image/jpeg")]


def test_an_hour_of_a_snapshot_address_is_sixty_requests_and_one_line(caplog):
    caplog.set_level(logging.DEBUG)
    clock = LeapingClock()
    with Server(numbered()) as server:
        source = open_on(server, clock, 60.0)
        started_ns = clock.now_ns
        for number in range(61):
            assert shows(source.read(), jpeg(number))
        source.close()
        assert len(server.requests) == 61
    assert abs(clock.now_ns - started_ns - 60 * MINUTE_NS) < MINUTE_NS / 5
    (line,) = caplog.records
    assert line.levelno == logging.INFO
    assert "it is asked again for each frame" in line.getMessage()


PNG = cv2.imencode(".png", np.random.default_rng(2).integers(0, 255, (70, 90, 3), np.uint8))[1].tobytes()
WEBP = cv2.imencode(".webp", decoded(PNG))[1].tobytes()
SINGLE = {
    "a length": lambda data: [reply(data, Content_Type="image/jpeg")],
    "a length too long": lambda data: [HEAD + b"Content-Length: 999999\r\n\r\n", data],
    "until it hangs up": lambda data: [HEAD + b"Content-Type: image/jpg\r\n\r\n", data],
    "no type": lambda data: [HEAD + b"\r\n", data],
    "chunks": lambda data: [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    ],
    "torn chunks": lambda data: [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(data), data)
    ],
    "one part": lambda data: [
        HEAD + b"Content-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n--b\r\n\r\n",
        data,
        b"\r\n--b--\r\n",
    ],
    "HTTP/1.0 in lines of LF": lambda data: [b"HTTP/1.0 200 OK\nContent-Type: image/jpeg\n\n", data],
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (kind, data)
        for kind in SINGLE
        for data in (PICTURES[1], PNG, WEBP)
        if kind != "one part" or data[:2] == b"\xff\xd8"
    ],
)
def test_one_picture_however_it_is_sent(kind, data):
    with Server(lambda request: SINGLE[kind](data)) as server:
        source = open_on(server)
        assert shows(source.read(), data)
        source.close()


def test_a_server_that_leaves_the_connection_of_its_picture_open():
    numbers = itertools.count()

    def answer(request):
        return [HEAD + b"Content-Type: image/jpeg\r\n\r\n", jpeg(next(numbers)), SILENCE]

    with Server(answer) as server:
        source = open_on(server, FastClock(), 60.0, timeout_s=5)
        for number in range(2):
            assert shows(source.read(), jpeg(number))
        source.close()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "last", [b"", b"--b\r\nContent-Type: image/jpeg\r\n\r\n", b"--b\r\n\r\n" + jpeg(9)[:-2]]
)
def test_a_stream_that_ends_after_a_few_pictures_is_asked_for_each_frame(caplog, last):
    caplog.set_level(logging.INFO)
    numbers = itertools.count()

    def answer(request):
        yield HEAD + b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
        for _ in range(3):
            yield b"--b\r\n\r\n" + jpeg(next(numbers)) + b"\r\n"
        yield last

    with Server(answer) as server:
        source = open_on(server, LeapingClock(), 60.0)
        seen = [source.read() for _ in range(5)]
        source.close()
        assert len(server.requests) == 5
    assert all(shows(one, jpeg(3 * number)) for number, one in enumerate(seen))
    assert len(caplog.records) == 1


HALF = b"--b\r\n\r\n" + jpeg(9)[:400]
BROKEN = {
    "within a chunk": lambda data: [b"Transfer-Encoding: chunked\r\n\r\n", b"fff\r\n" + data + HALF],
    "within a picture": lambda data: [b"\r\n", data + HALF],
    "at its start": lambda data: [b"\r\n", data + HALF[:10]],
}


@pytest.mark.parametrize("where", BROKEN)
def test_a_stream_that_breaks_is_an_error_and_is_asked_again_when_a_picture_is_due(where):
    clock, numbers = LeapingClock(), itertools.count()
    head = HEAD + b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n"

    def answer(request):
        return [head, *BROKEN[where](b"--b\r\n\r\n" + jpeg(next(numbers)) + b"\r\n")]

    kept, seen_ns = session(60.0, clock=clock), []
    with Server(answer) as server:
        for number in range(3):
            source = opened(f"{server.url}/pic", kept, timeout_s=HANG_S)
            assert shows(source.read(), jpeg(number))
            seen_ns.append(clock.now_ns)
            with pytest.raises(CameraError, match="broke"):
                source.read()
            source.close()
        assert len(server.requests) == 3
    assert min(np.diff(seen_ns)) > 0.8 * MINUTE_NS


def test_an_opening_that_fails_takes_no_turn():
    clock, answers = LeapingClock(), iter([reply(status="503 Busy"), reply(PICTURES[0])])
    kept = session(3600.0, clock=clock)
    with Server(lambda request: [next(answers)]) as server:
        with pytest.raises(CameraError, match="503"):
            opened(server.url, kept, timeout_s=HANG_S)
        source = opened(server.url, kept, timeout_s=HANG_S)
        assert shows(source.read(), PICTURES[0])
        source.close()
    assert clock.now_ns < MINUTE_NS


def test_a_stream_may_be_taken_for_snapshots():
    numbers, hung_up = itertools.count(), []

    def answer(request):
        yield HEAD + b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
        try:
            while True:
                yield b"--b\r\n\r\n" + jpeg(next(numbers)) + b"\r\n"
        finally:
            hung_up.append(True)

    with Server(answer) as server:
        source = open_on(server, LeapingClock(), 60.0, snapshot=True)
        for count in range(1, 5):
            source.read()
            assert len(server.requests) == count
        source.close()


def test_a_cached_picture_is_no_new_frame_and_one_line_says_so(caplog):
    caplog.set_level(logging.INFO)
    clock = LeapingClock()
    with Server(lambda request: [reply(jpeg(len(server.requests) // 20))]) as server:
        source = open_on(server, clock, 60.0)
        source.read()
        before_ns = clock.now_ns
        assert shows(source.read(), jpeg(1))
        assert len(server.requests) == 20
        source.close()
    assert clock.now_ns - before_ns > limit_s(60.0) * 1e9
    ended, same, again = (record.getMessage() for record in caplog.records)
    assert "asked again" in ended
    assert "it sends the same picture since" in same
    assert "new again" in again


@pytest.mark.parametrize("name", ["ETag", "Last-Modified"])
def test_a_server_is_asked_only_for_what_is_new(name):
    condition = {"ETag": "if-none-match", "Last-Modified": "if-modified-since"}[name]
    old = []

    def answer(request):
        version = str(len(server.requests) // 4)
        if request.fields.get(condition) == version:
            old.append(version)
            return [reply(status="304 Not Modified", Content_Length="")]
        return [reply(jpeg(int(version)), **{name: version})]

    with Server(answer) as server:
        source = open_on(server, LeapingClock(), 60.0)
        for number in range(3):
            assert shows(source.read(), jpeg(number))
        source.close()
        assert len(server.requests) == 8
    assert old == ["0", "1"]


def always(tag: str, *, conditional: bool, change: Callable[[int], int]):
    """A server that states one tag whatever it sends, and may answer 304 by it; every ninth answer is an error."""
    numbers = itertools.count(1)

    def answer(request):
        number = next(numbers)
        if number % 9 == 0:
            return [reply(status="503 Busy")]
        if conditional and "if-none-match" in request.fields:
            return [reply(status="304 Not Modified", Content_Length="")]
        return [reply(jpeg(change(number)), ETag=tag, Last_Modified="Sun, 29 Nov 2026 01:00:00 GMT")]

    return answer


@pytest.mark.parametrize("cadence_s", [60.0, 600.0])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(
    "change", [lambda number: number, lambda number: number // 2], ids=["each", "second"]
)
def test_a_tag_that_never_changes_makes_no_camera_stale(cadence_s, conditional, change):
    clock = LeapingClock()
    kept, seen_ns = session(cadence_s, clock=clock), [clock.now_ns]
    with Server(always('"always"', conditional=conditional, change=change)) as server:
        while len(server.requests) < 20:
            with contextlib.suppress(CameraError):
                source = opened(f"{server.url}/pic", kept, timeout_s=HANG_S)
                with contextlib.closing(source):
                    while len(server.requests) < 20:
                        source.read()
                        seen_ns.append(clock.now_ns)
    assert len(seen_ns) > 7
    assert max(np.diff(seen_ns)) / 1e9 < limit_s(cadence_s)


def test_a_cached_picture_is_old_after_another_opening_too(caplog):
    caplog.set_level(logging.INFO)
    clock = LeapingClock()
    kept, pictures = session(60.0, clock=clock), []

    def answer(request):
        number = len(server.requests)
        return [reply(status="503 Busy") if number % 2 == 0 else reply(jpeg(number // 30), ETag='"a"')]

    with Server(answer) as server:
        while len(server.requests) < 40:
            with contextlib.suppress(CameraError):
                source = opened(f"{server.url}/pic", kept, timeout_s=HANG_S)
                with contextlib.closing(source):
                    while True:
                        pictures.append(source.read())
        asked = len(server.requests)
    assert [shows(picture, jpeg(number)) for number, picture in enumerate(pictures)] == [True, True]
    assert clock.now_ns > asked // 2 * MINUTE_NS * 0.9
    words = ("asked again", "it sends the same picture since", "new again", "it sends the same picture since")
    for record, word in zip(caplog.records, words, strict=True):
        assert word in record.getMessage()


def test_a_damaged_picture_is_told_and_the_next_comes_soon():
    clock = LeapingClock()
    bodies = iter(
        [jpeg(0), jpeg(1)[:-200], jpeg(2)[: len(jpeg(2)) // 2], jpeg(3), b"\xff\xd8\xff no picture", PNG]
    )
    with Server(lambda request: [reply(next(bodies), Content_Type="image/jpeg")]) as server:
        source = open_on(server, clock, 60.0)
        source.read()
        for _ in range(2):
            with pytest.raises(FrameError, match="a picture is corrupt"):
                source.read()
        before_ns = clock.now_ns
        assert shows(source.read(), jpeg(3))
        assert 5.9e9 < clock.now_ns - before_ns < 10e9
        with pytest.raises(FrameError):
            source.read()
        assert shows(source.read(), PNG)
        source.close()


def test_a_login_is_asked_for_once():
    guard, numbers = Guard(*WAYS["sha-256"]), itertools.count()

    def answer(request):
        (said,) = guard(request)
        return [reply(jpeg(next(numbers)))] if b"200 OK" in said else [said]

    with Server(answer) as server:
        source = open_on(server, LeapingClock(), 60.0, password=LOGIN.password, user=LOGIN.user)
        for _ in range(5):
            source.read()
        source.close()
        assert len(server.requests) == 6
        with_login = server.url.replace("://", f"://{LOGIN.user}:{LOGIN.password}@")
        opened(f"{with_login}/pic", timeout_s=HANG_S).close()


# FFmpeg takes the last Digest, and Basic only where there is none
@pytest.mark.parametrize(
    ("ways", "unknown"),
    [
        (("basic",), None),
        (("md5",), None),
        (("sha-256", "md5"), None),
        (("sha-256",), "Digest with SHA-256"),
        (("md5", "sha-256"), "Digest with SHA-256"),
        (("sha-256", "basic"), "Digest with SHA-256"),
    ],
)
def test_a_video_has_the_logins_that_ffmpeg_knows(make_clip, ways, unknown):
    clip = make_clip("clip.mkv", codec="mjpeg", pix_fmt="yuvj420p").read_bytes()
    guard = Guard(*(challenge for way in ways for challenge in WAYS[way]))

    def answer(request):
        (said,) = guard(request)
        return (
            [HEAD + b"Content-Type: video/x-matroska\r\n\r\n", clip, SILENCE] if b"200 OK" in said else [said]
        )

    with Server(answer) as server:
        if unknown:
            with pytest.raises(CameraError, match=f"{unknown}, and a video is read by FFmpeg"):
                open_on(server, user=LOGIN.user, password=LOGIN.password)
        else:
            source = open_on(server, user=LOGIN.user, password=LOGIN.password)
            assert source.read().size_px == (64, 96)
            source.close()


def test_tls_names_its_key(certificates):  # noqa: F811
    path = certificates.make("camera", "IP:127.0.0.1")
    with Server(lambda request: [reply(PICTURES[0])], certificates.serve(path)) as server:
        with pytest.raises(CameraError, match=f"cannot open '{server.url}.*set `ca_file`"):
            open_on(server)
        source = open_on(server, ca_file=path)
        assert shows(source.read(), PICTURES[0])
        source.close()


REFUSED = {
    "404 Not Found": ([reply(status="404 Not Found")], "it answers 404 Not Found"),
    "a page": (
        [reply(b"<html>log in", Content_Type="text/html; charset=utf-8")],
        "text/html, not with pictures",
    ),
    "packed": (
        [reply(gzip.compress(PICTURES[0]), Content_Type="image/jpeg", Content_Encoding="gzip")],
        r"packed \(gzip\), which was not asked for",
    ),
    "packed parts": (
        [reply(gzip.compress(b"--b\r\n\r\n"), Content_Type="multipart/mixed", Content_Encoding="deflate")],
        r"packed \(deflate\)",
    ),
    "nothing": ([reply(b"", Content_Type="image/jpeg")], "ended without a picture"),
    "parts without pictures": (
        [reply(b"--b\r\n\r\nhello\r\n--b--\r\n", Content_Type="multipart/mixed; boundary=b")],
        "ended without a picture",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_picture_is_an_error_that_says_so(kind):
    answer, words = REFUSED[kind]
    with Server(lambda request: answer) as server, pytest.raises(CameraError, match=words) as caught:
        open_on(server).read()
    assert server.url in str(caught.value)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (reply(status="503 Busy"), "it answers 503"),
        (reply(b"<html>log in", Content_Type="text/html"), "text/html, not with pictures"),
        (reply(gzip.compress(PICTURES[0]), Content_Encoding="gzip"), "packed"),
    ],
    ids=["busy", "page", "packed"],
)
def test_a_snapshot_address_that_fails_later_is_an_error(later, words):
    answers = iter([[reply(PICTURES[0])], [later]])
    with Server(lambda request: next(answers)) as server:
        source = open_on(server, LeapingClock(), 60.0)
        source.read()
        with pytest.raises(CameraError, match=words):
            source.read()
        source.close()


def test_pictures_that_are_not_packed_though_they_are_said_to_be():
    with Server(lambda request: [reply(PICTURES[0], Content_Encoding="gzip")]) as server:
        source = open_on(server)
        assert shows(source.read(), PICTURES[0])
        source.close()


def test_a_name_without_an_address():
    with pytest.raises(CameraError, match=r"the name 'nobody\.invalid' has no address"):
        opened("http://nobody.invalid/", timeout_s=HANG_S)


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (PICTURES[0][:-2] + bytes(1 << 16) + b"\xff\xd9", "packet_bytes"),
        (PNG + bytes(1 << 16), "picture_bytes"),
    ],
)
def test_limits_hold(body, limit):
    limits = Limits(packet_bytes=1 << 16, picture_bytes=1 << 16)
    with Server(lambda request: [HEAD + b"\r\n", body]) as server:
        source = opened(server.url, Session(LeapingClock(), Schedule(), limits=limits), timeout_s=HANG_S)
        with pytest.raises(CameraError, match=f"limits.{limit}"):
            source.read()
        source.close()


@pytest.mark.parametrize("between", [b"--b\r\n\r\nhello\r\n", b"x" * 2000])
def test_something_that_comes_and_is_no_picture_ends(between):
    def answer(request):
        yield HEAD + b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
        while True:
            yield between

    with Server(answer) as server:
        source = open_on(server, FastClock(), timeout_s=5)
        with pytest.raises(CameraError, match="no picture for 5 s, though something comes"):
            source.read()
        source.close()


class StopError(Exception):
    pass


def read_twice(source) -> None:
    with contextlib.closing(source):
        source.read()
        source.read()


@pytest.mark.parametrize(
    "sent", [[reply(PICTURES[0])], [HEAD + b"Content-Type: image/jpeg\r\n\r\n", SILENCE]]
)
def test_a_stop_ends_the_wait_for_the_next_picture(sent):
    beats = itertools.count()

    def beat():
        if next(beats) > 9:
            raise StopError

    with Server(lambda request: sent) as server:
        clock = LeapingClock()
        with pytest.raises(StopError):
            read_twice(open_on(server, clock, 3600.0, beat=beat))


def test_no_picture_that_is_not_due_is_decoded():
    body = b"".join(PICTURES[:1] + [b"\xff\xd8\xff" + bytes(50) + b"\xff\xd9"] * 5)
    with Server(lambda request: [HEAD + b"\r\n", body, SILENCE]) as server:
        beats = []
        source = open_on(
            server, LeapingClock(), 60.0, beat=lambda: beats.append(1) or (len(beats) > 14 and 1 / 0)
        )
        source.read()
        with pytest.raises(ZeroDivisionError):
            source.read()
        source.close()


def turned(picture: bytes, orientation: int) -> bytes:
    """With EXIF that says how it is turned. Source: EXIF 2.32, section 4.6.4."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    return picture[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + picture[2:]


@pytest.mark.parametrize(
    ("orientation", "right", "geometry"),
    [
        (1, lambda pixels: pixels, ""),
        (2, lambda pixels: pixels[:, ::-1], "mirrored"),
        (3, lambda pixels: pixels[::-1, ::-1], ""),
        (5, lambda pixels: pixels.transpose(1, 0, 2), "mirrored"),
        (6, lambda pixels: np.rot90(pixels, -1), ""),
        (8, lambda pixels: np.rot90(pixels, 1), ""),
    ],
)
@pytest.mark.parametrize("multipart", [False, True])
def test_a_picture_is_turned_right(orientation, right, geometry, multipart):
    data = turned(jpeg(1), orientation)
    body = b"--b\r\n\r\n" + data + b"\r\n--b--\r\n" if multipart else data
    kind = "multipart/x-mixed-replace; boundary=b" if multipart else "image/jpeg"
    with Server(lambda request: [reply(body, Content_Type=kind)]) as server:
        source = open_on(server)
        picture = source.read()
        source.close()
    assert shows(picture, right(decoded(jpeg(1))))
    assert picture.geometry == geometry


def no_opencv(*_):
    raise AssertionError("OpenCV decodes it")


@pytest.mark.parametrize("kind", ["plain", "progressive", "grey", "4:4:4", "mirrored"])
def test_no_rgb_picture_is_made_of_a_jpeg(monkeypatch, kind):
    noise = np.random.default_rng(7).integers(0, 255, (70, 90, 3), np.uint8)
    if kind == "grey":
        noise = noise[..., 0]
    options = {
        "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        "4:4:4": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    }
    data = cv2.imencode(".jpg", noise, options.get(kind, ()))[1].tobytes()
    right = decoded(data)
    if kind == "mirrored":
        data, right = turned(data, 2), right[:, ::-1]
    monkeypatch.setattr(cv2, "imdecode", no_opencv)
    with Server(lambda request: [reply(data)]) as server:
        source = open_on(server)
        picture = source.read()
        source.close()
    image = picture.to_image()
    assert isinstance(image.inner if isinstance(image, OrientedImage) else image, PlanarImage)
    assert isinstance(image, OrientedImage) is (kind == "mirrored")
    assert shows(picture, right)


def test_a_video_of_jpegs_is_no_stream_of_them(make_clip):
    clip = make_clip("clip.mkv", codec="mjpeg", pix_fmt="yuvj420p").read_bytes()
    with Server(lambda request: [HEAD + b"Content-Type: video/x-matroska\r\n\r\n", clip, SILENCE]) as server:
        source = open_on(server)
        assert type(source) is VideoSource
        assert source.read().size_px == (64, 96)
        source.close()
    with Server(lambda request: [reply(PICTURES[0])]) as server:
        source = open_on(server)
        assert type(source) is HttpSource
        source.close()
