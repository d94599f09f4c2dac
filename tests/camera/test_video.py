"""Files and streams through PyAV: broken files, silent servers, credentials, and what is decoded at all."""

import logging
import traceback

import av
import cv2
import numpy as np
import pytest

from edge.camera.address import open_source, options_for
from edge.camera.limit import Limits
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.errors import CameraError, FrameError
from tests.camera.conftest import opened, session

HANG_S = 500.0  # ends a hang before pytest does; where all is well nothing waits for it
SILENT_S = 3  # a server on a busy machine answers sooner
SECRETS = ("lookout", "s3kr1t%40tower", "s3kr1t@tower")


def read_through(source, limit: int = 100_000) -> tuple[int, int]:
    """Read to the end; return how many pictures were whole and how many corrupt."""
    whole = corrupt = 0
    for _ in range(limit):
        try:
            if source.read() is None:
                return whole, corrupt
            whole += 1
        except FrameError:
            corrupt += 1
    raise AssertionError("no end")


def test_only_due_keyframes_are_decoded_once_their_interval_is_known(make_clip):
    clip = make_clip(frames=80, fps=10, keyframe_every=10)
    beats = []
    source = opened(str(clip), session(2.0, lambda: beats.append(1)))
    times_s = []
    while (picture := source.read()) is not None:
        times_s.append(picture.source_ns / 1e9)
        assert picture.to_rgb().shape == (64, 96, 3)
    source.close()
    assert times_s[:10] == pytest.approx([n / 10 for n in range(10)])  # the first interval is decoded whole
    assert times_s[10:] == pytest.approx([2, 4, 6])  # then one keyframe each two seconds
    assert len(beats) >= 80


def test_keyframes_too_far_apart_are_decoded_whole(make_clip):
    source = opened(str(make_clip(frames=60, fps=10, keyframe_every=30)), session(2.0))
    assert read_through(source) == (60, 0)
    source.close()


def test_conversion_is_apart_from_decoding_and_keeps_colours(make_clip):
    source = opened(str(make_clip(pix_fmt="yuv444p10le", shape=(63, 95))))
    picture = source.read()
    source.close()  # a picture lives on
    pixels = picture.to_rgb()
    assert pixels.shape == (63, 95, 3)
    assert np.allclose(pixels[8, 8], (220, 20, 20), atol=12)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (10, 10)), (90, (-10, 10)), (-90, (10, -10)), (180, (-10, -10))]
)
def test_rotation_in_the_file_is_applied(make_clip, rotation, corner):
    source = opened(str(make_clip(rotation=rotation)))
    picture = source.read()
    source.close()
    assert picture.size_px == ((64, 96) if rotation % 180 == 0 else (96, 64))
    pixels = picture.to_rgb()
    assert pixels.shape == (*picture.size_px, 3)
    assert np.allclose(pixels[corner], (220, 20, 20), atol=20)


def test_a_file_that_is_no_video_names_itself(tmp_path):
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(np.random.default_rng(0).bytes(20_000))
    for path, text in ((garbage, "garbage.mp4"), (tmp_path / "none.mp4", "no such file")):
        with pytest.raises(CameraError, match=text):
            opened(str(path))


def test_a_file_with_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(CameraError, match="no video"):
        opened(str(path))


def test_an_unknown_codec_is_refused(make_clip):
    clip = make_clip("clip.avi", codec="mjpeg", pix_fmt="yuvj420p")
    clip.write_bytes(clip.read_bytes().replace(b"MJPG", b"ZQZQ"))
    with pytest.raises(CameraError, match=r"clip\.avi.*(no decoder|cannot open)"):
        opened(str(clip))


def test_a_truncated_mp4_is_refused_and_a_truncated_mkv_ends(make_clip):
    mp4 = make_clip("cut.mp4")
    mp4.write_bytes(mp4.read_bytes()[:1500])
    with pytest.raises(CameraError, match=r"cut\.mp4.*Copy it again"):
        opened(str(mp4))
    mkv = make_clip("cut.mkv", frames=100)
    mkv.write_bytes(mkv.read_bytes()[: mkv.stat().st_size // 2])
    source = opened(str(mkv))
    whole, _ = read_through(source)
    source.close()
    assert 0 < whole < 100


@pytest.mark.parametrize("seed", range(6))
def test_damage_inside_a_file_never_stops_the_reading(make_clip, seed):
    clip = make_clip("damaged.mkv", frames=60)
    data = bytearray(clip.read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(1000, len(data), 40):
        data[at] = rng.integers(256)
    clip.write_bytes(data)
    said = "damaged.mkv"
    try:
        source = opened(str(clip))
        read_through(source)
        source.close()
    except CameraError as error:
        said = str(error)
    assert "damaged.mkv" in said


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.mkv", "libx264", "yuv420p"), ("a.avi", "mjpeg", "yuvj420p"), ("a.nut", "rawvideo", "rgb24")],
)
def test_the_limits_of_the_configuration_are_held_to(make_clip, name, codec, pix_fmt):
    clip = make_clip(name, codec=codec, pix_fmt=pix_fmt, frames=5)
    few = Session(SystemClock(), limits=Limits(picture_pixels=96 * 64 - 1))
    source = open_source(options_for(str(clip)), few)
    with pytest.raises(FrameError, match=r"limits\.picture_pixels"):
        source.read()
    source.close()
    enough = Session(SystemClock(), limits=Limits(picture_pixels=96 * 64))
    source = open_source(options_for(str(clip)), enough)
    assert read_through(source) == (5, 0)
    source.close()


def test_a_corrupt_picture_is_an_error_of_its_own(make_clip):
    clip = make_clip("bad.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=10)
    data = bytearray(clip.read_bytes())
    second = data.index(b"\xff\xd8\xff", data.index(b"\xff\xd8\xff") + 1)
    third = data.index(b"\xff\xd8\xff", second + 1)
    data[second : third - 16] = bytes(third - 16 - second)
    clip.write_bytes(data)
    source = opened(str(clip))
    assert read_through(source) == (9, 1)
    source.close()


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_silent_server_ends_in_an_error(scripted_server, scheme):
    with pytest.raises(CameraError, match=r"nothing came for 0\.5 s"):
        opened(f"{scheme}://127.0.0.1:{scripted_server()}/live", timeout_s=0.5)


def jpeg_part() -> bytes:
    jpeg = cv2.imencode(".jpg", np.full((64, 96, 3), 120, np.uint8))[1].tobytes()
    return b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"


def test_a_stream_that_stops_in_the_middle_ends_in_an_error(scripted_server):
    port = scripted_server(HEAD + jpeg_part() * 8 + jpeg_part()[:80])
    source = opened(f"http://127.0.0.1:{port}/live", timeout_s=SILENT_S)
    with pytest.raises(CameraError, match=f"nothing came for {SILENT_S} s"):
        read_through(source)
    source.close()


def test_a_server_that_drips_bytes_ends_in_an_error(scripted_server):
    port = scripted_server(HEAD + jpeg_part() * 4, drip=b"x")
    source = opened(f"http://127.0.0.1:{port}/live", timeout_s=SILENT_S)
    with pytest.raises(CameraError):
        read_through(source)
    source.close()


def test_a_live_stream_that_ends_is_an_error(scripted_server, make_clip):
    clip = make_clip("clip.mkv").read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\nContent-Length: %d\r\n\r\n" % len(clip)
    port = scripted_server(head + clip, hang_up=True)
    source = opened(f"http://127.0.0.1:{port}/live", timeout_s=HANG_S)
    assert source.live
    with pytest.raises(CameraError, match="the stream ended"):
        read_through(source)
    source.close()


UNAUTHORIZED = {
    "rtsp": b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n',
    "http": b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
}


def everything_said(error: BaseException, capfd, caplog) -> str:
    chain = []
    one: BaseException | None = error
    while one is not None:
        chain.append(repr(one) + str(one) + repr(one.args) + repr(vars(one)))
        one = one.__cause__ or one.__context__
    out, err = capfd.readouterr()
    return "".join((*chain, *traceback.format_exception(error), out, err, caplog.text))


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.parametrize("reply", ["refused", "silent", "nobody"])
@pytest.mark.parametrize("given", ["uri", "options"])
def test_credentials_are_never_said(scripted_server, caplog, capfd, scheme, reply, given):
    caplog.set_level(logging.DEBUG)
    port = 1 if reply == "nobody" else scripted_server(UNAUTHORIZED[scheme] if reply == "refused" else b"")
    login = "lookout:s3kr1t%40tower@" if given == "uri" else ""
    timeout_s = 0.4 if reply == "silent" else HANG_S
    uri = f"{scheme}://{login}127.0.0.1:{port}/live?pwd=s3kr1t%40tower"
    options, given_session = options_for(uri, timeout_s=timeout_s), session()
    if given == "options":
        options = options_for(uri, timeout_s=timeout_s, user="lookout")
        given_session = session(password="s3kr1t@tower")
    with pytest.raises(
        CameraError
    ) as caught:  # a traceback holds this line, so that no secret may stand in it
        open_source(options, given_session)
    said = everything_said(caught.value, capfd, caplog) + repr((options, given_session))
    assert not [secret for secret in SECRETS if secret in said]
    assert f"'{scheme}://127.0.0.1:{port}'" in str(caught.value)
    assert "live" not in said
    if reply == "refused":
        assert "401" in str(caught.value)


def test_real_streams_with_corrupt_frames_are_read_to_their_end(shared_clips):
    for clip in shared_clips:
        for cadence_s in (0.0, 10.0):
            source = opened(str(clip), session(cadence_s))
            whole, _ = read_through(source)
            source.close()
            assert whole > 0
