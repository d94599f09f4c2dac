"""Pictures that come in several packets: slices of one time, parameter sets between them, packets without times."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge.camera.access_unit import AccessUnits
from edge.camera.address import options_for
from edge.camera.decoder import Decoder
from edge.camera.limit import Limits
from edge.camera.nal import NalUnits
from edge.camera.schedule import Schedule
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.command.check import _try_camera
from firmware_sim.serve import serving
from tests.camera.conftest import opened, session, write_clip

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner

HEIGHT, WIDTH = 96, 128
FRAMES, KEY_EVERY, FPS = 24, 6, 10
ENCODERS = {  # of H.265 each picture has a checksum behind it
    "h264": ("libx264", ""),
    "hevc": ("libx265", ":log-level=none:ctu=16:max-tu-size=16:hash=1"),
}
WAYS = (
    "sets before each slice",
    "each unit for itself",
    "other decoding times",
    "each a tick later",
    "without times",
)


def drawn(number: int) -> np.ndarray:
    """A picture with detail in both halves, of which each has its own brightness."""
    noise = np.random.default_rng(5).integers(-20, 20, (HEIGHT, WIDTH, 1)).repeat(3, 2)
    noise[: HEIGHT // 2] += 40 + 4 * number
    noise[HEIGHT // 2 :] += 210 - 4 * number
    return noise.astype(np.uint8)


def number_of(pixels: np.ndarray) -> int:
    """Which drawing a picture shows, in both its halves."""
    upper, lower = (float(half.mean()) for half in np.split(pixels, 2))
    assert abs((upper - 40) - (210 - lower)) < 3, "its halves are of two pictures"
    return round((upper - 40) / 4)


def encoded(codec: str) -> list[Any]:
    """Access units of two slices each, with start codes."""
    encoder, more = ENCODERS[codec]
    context: Any = av.CodecContext.create(encoder, "w")
    context.height, context.width, context.pix_fmt, context.framerate = HEIGHT, WIDTH, "yuv420p", FPS
    keys = f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:bframes=0"
    text = f"{keys}:slices=2:aud=1:repeat-headers=1{more}"
    context.options = {"preset": "veryfast", "crf": "18", f"{encoder[3:]}-params": text}
    packets: list[Any] = []
    for number in range(FRAMES):
        frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        packets += context.encode(frame)
    return packets + context.encode(None)


def is_set(codec: str, unit: bytes) -> bool:
    return (unit[0] >> 1 & 63) in (32, 33, 34) if codec == "hevc" else unit[0] & 31 in (7, 8)


def pieces(codec: str, way: str) -> list[Any]:
    """Access units cut as some encoders, muxers and networks do; their times are in ms."""
    nal = NalUnits.of(codec, None)
    sets: list[bytes] = []
    cut: list[Any] = []
    for packet in encoded(codec):
        units = nal.split(bytes(packet))
        sets = [unit for unit in units if is_set(codec, unit)] or sets
        parts = [[*sets, unit] for unit in units if nal.is_slice(unit)]
        if way == "each unit for itself":
            parts = [[unit] for unit in units]
        for number, part in enumerate(parts):
            one: Any = av.Packet(nal.join(part))
            one.time_base = Fraction(1, 1000)
            one.pts = packet.pts * 1000 // FPS + number * (way == "each a tick later")
            one.dts = one.pts + number * (way == "other decoding times")
            if way == "without times":
                one.pts = one.dts = None
            one.is_keyframe = packet.is_keyframe and number == len(parts) - 1
            cut.append(one)
    return cut


def taken(units: AccessUnits, packets: list[Any]) -> list[Any]:
    return [unit for packet in packets for unit in units.take(packet)] + units.flush()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("codec", ENCODERS)
def test_what_came_in_pieces_is_one_packet_a_picture(codec, way):
    context: Any = av.CodecContext.create(codec, "r")
    units = taken(AccessUnits(context, Limits()), pieces(codec, way))
    assert [unit.is_keyframe for unit in units] == [number % KEY_EVERY == 0 for number in range(FRAMES)]
    if way != "without times":
        assert [unit.pts for unit in units] == [1000 // FPS * number for number in range(FRAMES)]
    nal = NalUnits.of(codec, None)
    assert [sum(map(nal.is_slice, nal.split(bytes(unit)))) for unit in units] == [2] * FRAMES
    pictures = [frame for unit in (*units, None) for frame in context.decode(unit)]
    assert [number_of(frame.to_ndarray(format="rgb24")) for frame in pictures] == list(range(FRAMES))
    assert not any(frame.is_corrupt for frame in pictures)


def test_a_checksum_that_comes_for_itself_is_that_of_the_picture_before():
    context: Any = av.CodecContext.create("hevc", "r")
    decoder = Decoder(context, SystemClock(), Limits())
    units = taken(AccessUnits(context, Limits()), pieces("hevc", "each unit for itself"))
    nal = NalUnits.of("hevc", None)
    assert {nal.split(bytes(unit))[-1][0] >> 1 & 63 for unit in units} == {40}
    for unit in units:
        decoder.stream(unit)
    decoder.drain()
    assert [one for one in decoder.pictures if isinstance(one, str)] == []
    assert len(decoder.pictures) == FRAMES


def test_what_ends_a_stream_belongs_to_its_last_picture():
    context: Any = av.CodecContext.create("hevc", "r")
    cut = pieces("hevc", "each unit for itself")
    ends = [av.Packet(b"\0\0\0\1" + bytes((kind << 1, 1))) for kind in (38, 45, 36, 37, 63)]
    units = taken(AccessUnits(context, Limits()), [*ends, *cut, *ends])
    assert len(units) == FRAMES
    assert bytes(units[-1]).endswith(b"".join(map(bytes, ends)))
    noise = av.Packet(b"no unit at all")
    assert noise in taken(AccessUnits(context, Limits()), [*cut, *[noise] * 70])


def test_a_picture_whose_begin_was_lost_is_not_joined_to_the_one_before():
    packets = pieces("h264", "sets before each slice")
    del packets[4]  # the first half of the third picture
    units = taken(AccessUnits(av.CodecContext.create("h264", "r"), Limits()), packets)
    assert [unit.pts for unit in units] == [1000 // FPS * number for number in range(FRAMES)]
    assert bytes(units[2]) == bytes(packets[4])


@pytest.mark.parametrize(
    ("packet_bytes", "why"), [(1 << 16, "limits.packet_bytes"), (1 << 20, "1024 packets")]
)
def test_slices_without_end_are_dropped(packet_bytes, why):
    piece = pieces("h264", "each unit for itself")[-1]
    units = AccessUnits(av.CodecContext.create("h264", "r"), Limits(packet_bytes=packet_bytes))
    said = [one for _ in range(2500) for one in units.take(piece)]
    assert 1 < len(said) < 2500 // 20  # what is too long is dropped, and the next begins anew
    assert all(isinstance(one, str) and why in one for one in said)


def test_a_stream_without_slices_is_left_to_the_decoder():
    sets = pieces("h264", "each unit for itself")[1]
    units = AccessUnits(av.CodecContext.create("h264", "r"), Limits())
    given = [one for _ in range(200) for one in units.take(sets)]
    assert given == [sets] * 195


def test_of_a_packet_of_tiny_units_few_are_looked_at():
    context: Any = av.CodecContext.create("hevc", "r")
    flood = av.Packet(b"\0\0\1\2\1\x80" * 100_000)  # each says that a picture begins
    units = AccessUnits(context, Limits()).take(flood)
    assert 1000 < len(units) < 5000
    filling = AccessUnits(context, Limits()).take(av.Packet(b"\0\0\1\x46\1\x50" * 100_000 + bytes(flood)))
    assert filling == []


def write_pieces(path: Path, codec: str, way: str) -> Path:
    """Write a file whose packets are the pieces."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(ENCODERS[codec][0], rate=FPS)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for packet in pieces(codec, way):
            packet.stream = stream
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("cadence_s", [0.0, 0.61])
def test_every_picture_of_a_file_is_whole_at_any_cadence(tmp_path, codec, name, cadence_s):
    source = opened(str(write_pieces(tmp_path / name, codec, "each a tick later")), session(cadence_s))
    numbers = []
    while (picture := source.read()) is not None:
        numbers.append(number_of(picture.to_rgb()))
    source.close()
    alone = [*range(KEY_EVERY), *range(KEY_EVERY, FRAMES, KEY_EVERY)]
    assert numbers == (alone if cadence_s else list(range(FRAMES)))


@pytest.fixture(scope="module")
def sliced(tmp_path_factory):
    """A real camera that sends three slices a picture, each of a keyframe with parameter sets before it."""
    clip = write_clip(tmp_path_factory.mktemp("sliced") / "north.mp4", shape=(256, 320))
    with serving([str(clip)], fps=10, slices=3) as cameras:
        yield cameras[0].rtsp


@pytest.mark.parametrize("cadence_s", [0.0, 3.0])
def test_a_live_camera_with_parameter_sets_before_each_slice_is_seen_whole(sliced, cadence_s):
    source = opened(sliced, Session(SystemClock(), Schedule(cadence_s, trial=True)), timeout_s=HANG_S)
    pictures = [source.read().to_rgb() for _ in range(12 if cadence_s == 0 else 2)]  # a corrupt one raises
    source.close()
    for pixels in pictures:
        assert np.allclose(pixels[8, 8], (220, 20, 20), atol=30)
        assert np.ptp(pixels[140:230, 200:, 0].astype(int)) < 30


def test_a_camera_in_slices_passes_its_check(sliced):
    result = _try_camera("north", options_for(sliced, timeout_s=HANG_S), 60.0, Limits())
    assert (result.error, result.note) == (None, "")
