"""Keyframes that were read to their end, and those in which a bit has flipped and FFmpeg says nothing."""

from typing import Any

import av
import cv2
import numpy as np
import pytest

from edge.camera.ending import EndCheck

CODECS = {
    "h264": ("libx264", "slices=1"),
    "h264 in slices": ("libx264", "slices=3"),
    "h264 without an arithmetic coder": ("libx264", "slices=1:cabac=0"),
    "h265": ("libx265", "log-level=none"),
}
SIZE_PX = (138, 202)  # neither is a multiple of a block


def pictures() -> list[np.ndarray]:
    noise = np.random.default_rng(3).integers(0, 255, (14, 20, 3), np.uint8)
    busy = cv2.resize(noise, SIZE_PX[::-1], interpolation=cv2.INTER_CUBIC)
    half = busy.copy()
    half[70:] = 16
    return [busy, half, np.zeros_like(busy), np.full_like(busy, 200), np.flip(busy, 0).copy()]


def keyframes(name: str, quality: int = 24, *, start_codes: bool = False) -> tuple[EndCheck, list[bytes]]:
    encoder, parameters = CODECS[name]
    context: Any = av.CodecContext.create(encoder, "w")
    context.height, context.width, context.pix_fmt, context.framerate = *SIZE_PX, "yuv420p", 5
    context.options = {"crf": str(quality), f"{encoder[3:]}-params": f"keyint=1:annexb=1:{parameters}"}
    if not start_codes:
        context.flags |= av.codec.context.Flags.global_header
    packets = []
    for picture in pictures():
        packets += context.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
    packets += context.encode(None)
    decoder: Any = av.CodecContext.create({"libx264": "h264", "libx265": "hevc"}[encoder], "r")
    decoder.extradata = context.extradata
    return EndCheck(decoder), [bytes(packet) for packet in packets]


@pytest.mark.parametrize("quality", [10, 24, 44])
@pytest.mark.parametrize("name", CODECS)
def test_whole_keyframes_are_whole(name, quality):
    for start_codes in (False, True):
        check, found = keyframes(name, quality, start_codes=start_codes)
        assert len(found) == len(pictures())
        assert [check.whole(data) for data in found] == [True] * len(found)
        assert [check.whole(data + b"\0\0\0\0") for data in found] == [True] * len(found)


@pytest.mark.parametrize("name", ["h264", "h264 in slices", "h265"])
def test_what_ffmpeg_says_nothing_about_is_told(name):
    check, (data, *_) = keyframes(name)
    whole = check.picture(data)
    random = np.random.default_rng(2)
    missed = told = 0
    for _ in range(120):
        damaged = bytearray(data)
        damaged[int(random.integers(len(data) // 4, len(data)))] ^= 1 << int(random.integers(8))
        shown = check.picture(bytes(damaged))
        if shown is not None and cv2.PSNR(shown, whole) < 30:
            told += not check.whole(bytes(damaged))
            missed += check.whole(bytes(damaged))
    assert told > 2
    assert missed <= told // 2  # a few bytes are not looked at, which is much of so small a picture


def test_what_is_no_packet_is_not_judged():
    check, _ = keyframes("h264")
    for data in (b"", b"\0\0\1", b"\0\0\0\1\x65", b"nonsense" * 40):
        assert check.whole(data)
