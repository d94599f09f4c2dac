"""Damaged videos: what is damaged or predicted from damage is told and never handed on."""

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edge.camera.v4l2 import V4l2Options, open_device
from edge.errors import FrameError
from tests.camera.conftest import Device, opened, session

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner

HEIGHT, WIDTH = 128, 192
FRAMES, KEY_EVERY = 40, 10
CODECS = {
    "h264": ("libx264", "bframes=0"),
    "h264 with B pictures": ("libx264", "bframes=3:b-adapt=0:b-pyramid=normal"),
    "h264 without an arithmetic coder": ("libx264", "bframes=0:cabac=0"),
    "h264 in slices": ("libx264", "bframes=0:slices=4"),
    "h264 in open groups": ("libx264", "bframes=2:b-adapt=0:open-gop=1"),
    "h265": ("libx265", "log-level=none:bframes=0"),
    "h265 with B pictures": ("libx265", "log-level=none:bframes=3:open-gop=0"),
    "h265 in open groups": ("libx265", "log-level=none:bframes=3:open-gop=1"),
}


def busy(number: int) -> np.ndarray:
    """A picture with detail that moves, so that damage shows."""
    noise = np.random.default_rng(7).integers(30, 226, (HEIGHT // 4, WIDTH // 2, 3), np.uint8)
    wide = cv2.resize(noise, (WIDTH * 2, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(number).normal(0, 2, (HEIGHT, WIDTH, 3))
    return np.clip(wide[:, 2 * number : 2 * number + WIDTH] + grain, 0, 255).astype(np.uint8)


def write_busy(path: Path, encoder: str, parameters: str) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, rate=10)
        stream.height, stream.width = HEIGHT, WIDTH
        stream.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        key = f"{encoder[3:]}-params"
        text = f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:{parameters}"
        stream.codec_context.options = {"preset": "veryfast", key: text} if parameters else {}
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(busy(number), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def packets(path: Path) -> list[tuple[int, int, bool]]:
    """Where the packets are in an mp4: offset, length, whether it is a keyframe's; in the order of decoding."""
    with av.open(str(path)) as container:
        return [(one.pos, one.size, one.is_keyframe) for one in container.demux(video=0) if one.size]


def smash(path: Path, place: str) -> Path:
    """Overwrite the second half of a packet of the second group: its keyframe, one after it, or the last."""
    found = packets(path)
    keys = [number for number, (_, _, key) in enumerate(found) if key]
    offset, length, _ = found[
        {"key": keys[1], "next": keys[1] + 1, "third": keys[1] + 3, "last": keys[2] - 1}[place]
    ]
    data = bytearray(path.read_bytes())
    half = length // 2
    data[offset + half : offset + length] = np.random.default_rng(1).bytes(length - half)
    smashed = path.with_stem(f"{path.stem}-{place}")
    smashed.write_bytes(data)
    return smashed


def read(path: Path, cadence_s: float = 0.0) -> tuple[dict[int, np.ndarray], int]:
    """All pictures by their times in tenths of a second, and how many were corrupt."""
    source, pictures, corrupt = opened(str(path), session(cadence_s)), {}, 0
    while True:
        try:
            picture = source.read()
        except FrameError:
            corrupt += 1
            continue
        if picture is None:
            source.close()
            return pictures, corrupt
        pictures[round(picture.source_ns / 1e8)] = picture.to_rgb()


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("busy")
    return {name: write_busy(folder / f"{name}.mp4", *encoded) for name, encoded in CODECS.items()}


@pytest.mark.parametrize("name", CODECS)
def test_a_whole_video_has_no_damage(clips, name):
    pictures, corrupt = read(clips[name])
    assert (sorted(pictures), corrupt) == (list(range(FRAMES)), 0)


@pytest.mark.parametrize("place", ["key", "next", "third", "last"])
@pytest.mark.parametrize("name", [name for name in CODECS if "h264" in name])
def test_after_damage_nothing_is_handed_on_until_a_clean_keyframe(clips, name, place):
    control, _ = read(clips[name])
    pictures, corrupt = read(smash(clips[name], place))
    for time, pixels in pictures.items():
        assert np.array_equal(pixels, control[time]), time
    assert corrupt > 0
    assert len(pictures) + corrupt <= FRAMES
    assert set(pictures) >= {*range(5), *range(32, FRAMES)}
    if "B" not in name and "open" not in name:
        first = {"key": 10, "next": 11, "third": 13, "last": 19}[place]
        assert sorted(set(control) - set(pictures)) == list(range(first, 20))
        assert len(pictures) + corrupt == FRAMES


@pytest.mark.parametrize("name", [name for name in CODECS if "h265" in name])
def test_a_damaged_keyframe_of_h265_is_noticed(clips, name):
    """FFmpeg reports next to none of the damage in H.265."""
    control, _ = read(clips[name])
    pictures, corrupt = read(smash(clips[name], "key"))
    for time, pixels in pictures.items():
        assert np.array_equal(pixels, control[time]), time
    assert corrupt > 0
    assert set(pictures) >= {*range(5), *range(32, FRAMES)}


def test_the_keyframe_after_a_damaged_one_is_taken_in_its_place(clips):
    path = clips["h264"]
    keys = [number for number, (_, _, key) in enumerate(packets(path)) if key]
    assert keys == [0, 10, 20, 30]
    pictures, corrupt = read(path, 2.0)
    assert (sorted(pictures)[10:], corrupt) == ([20], 0)  # the first interval is decoded whole
    offset, length, _ = packets(path)[20]
    data = bytearray(path.read_bytes())
    data[offset + length // 2 : offset + length] = bytes(length - length // 2)
    smashed = path.with_stem("due")
    smashed.write_bytes(data)
    pictures, corrupt = read(smashed, 2.0)
    assert (sorted(pictures)[10:], corrupt) == ([30], 1)


def test_a_first_picture_that_is_damaged_moves_no_times(clips):
    path = clips["h264"]
    offset, length, _ = packets(path)[0]
    data = bytearray(path.read_bytes())
    data[offset + length // 2 : offset + length] = bytes(length - length // 2)
    smashed = path.with_stem("first")
    smashed.write_bytes(data)
    pictures, corrupt = read(smashed)
    assert (sorted(pictures), corrupt) == (list(range(10, 40)), 10)


def test_a_stream_that_refreshes_in_columns_is_whole_again_after_a_round(tmp_path):
    path = write_busy(tmp_path / "refresh.mp4", "libx264", "intra-refresh=1:bframes=0")
    control, corrupt = read(path)
    assert (len(control), corrupt) == (FRAMES, 0)
    offset, length, _ = packets(path)[12]
    data = bytearray(path.read_bytes())
    data[offset + length // 2 : offset + length] = np.random.default_rng(1).bytes(length - length // 2)
    smashed = path.with_stem("smashed")
    smashed.write_bytes(data)
    pictures, corrupt = read(smashed)
    assert corrupt > 0
    assert 12 not in pictures
    assert FRAMES - 1 in pictures
    assert min(cv2.PSNR(pixels, control[time]) for time, pixels in pictures.items()) > 35


def jpegs(count: int) -> list[bytes]:
    return [cv2.imencode(".jpg", busy(number))[1].tobytes() for number in range(count)]


def outcomes(source, count: int) -> str:
    """What so many reads give: P a picture, C a corrupt one."""
    told = ""
    for _ in range(count):
        try:
            told += "P" if source.read() is not None else "."
        except FrameError:
            told += "C"
    source.close()
    return told


@pytest.mark.parametrize("ended", [False, True])
def test_a_part_of_a_jpeg_over_http_is_corrupt(scripted_server, ended):
    parts = b""
    for number, jpeg in enumerate(jpegs(9)):
        shown = jpeg[: len(jpeg) * number // 10] + jpeg[-2:] * ended if number % 3 else jpeg
        parts += b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(shown), shown)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
    end = b"--b\r\n"  # a picture without its end marker ends with the next part
    source = opened(f"http://127.0.0.1:{scripted_server(head + parts + end)}/live", timeout_s=HANG_S)
    assert outcomes(source, 9) == "PCCPCCPCC"


def test_a_part_of_a_jpeg_from_a_device_is_corrupt(tmp_path):
    whole, cut, last = jpegs(3)
    device = Device(tmp_path, whole + cut[: len(cut) // 2] + last)
    source = open_device(
        V4l2Options(uri=f"v4l2:{device.path}", timeout_s=HANG_S), session(), container_format="mjpeg"
    )
    assert outcomes(source, 30) == "PCP" * 10
    device.end()


def test_a_part_of_a_picture_from_a_program_is_corrupt(rpicam, tmp_path):
    with av.open(str(write_busy(tmp_path / "clip.h264", "libx264", "keyint=1:bframes=0"))) as container:
        stream = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    stream[5] = stream[5][: len(stream[5]) // 2]
    rpicam.install(stream=b"".join(stream[:10]))
    source = opened("csi:", codec="h264", width_px=WIDTH, height_px=HEIGHT, fps=120, timeout_s=HANG_S)
    assert outcomes(source, 30) == "PPPPPCPPPP" * 3
