"""What every source must do, whatever its kind. A kind without a case here fails."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.address import open_source, options_for
from edge.camera.csi import CSI
from edge.camera.file import FILE
from edge.camera.folder import FOLDER
from edge.camera.kind import Kind
from edge.camera.network import HTTP, RTSP
from edge.camera.option import Options, RecordingOptions
from edge.camera.registry import KINDS
from edge.camera.scene import SCENE
from edge.camera.source import Session, Source
from edge.camera.v4l2 import V4L2, open_device
from edge.clock import SystemClock
from tests.camera.conftest import session

HANG_S = 300.0  # ends a hang; a server on a busy machine answers sooner


@dataclass(frozen=True)
class Case:
    """A camera to try.

    Attributes:
        kind: its kind.
        uri: makes it, with the fixtures that a request has; returns its address.
        keys: further keys of its options.
        open: opens it.
        frames, step_s, alone: of a recording: how many pictures, how far apart, whether each stands alone.
        timed: whether a live source has times of its own.
    """

    kind: Kind
    uri: Callable[[pytest.FixtureRequest], str]
    keys: dict = field(default_factory=dict)
    open: Callable[[Options, Session], Source] = open_source
    frames: int = 12
    step_s: float = 60.0
    alone: bool = True
    timed: bool = False


def clip(name: str, **written: object) -> Callable[[pytest.FixtureRequest], str]:
    return lambda request: f"file:{request.getfixturevalue('make_clip')(name, frames=12, **written)}"


def folder(request: pytest.FixtureRequest) -> str:
    images: Path = request.getfixturevalue("tmp_path")
    for number in range(12):
        image = np.full((48, 64, 3), 40 + 10 * number, np.uint8)
        cv2.imwrite(str(images / f"{number:03d}_{60 * (number - 6):+06d}.jpg"), image)
    return f"folder:{images}"


def rpicam(codec: str) -> Callable[[pytest.FixtureRequest], str]:
    def uri(request: pytest.FixtureRequest) -> str:
        program = request.getfixturevalue("rpicam")
        program.install(stream=program.stream(codec, 12, (64, 128)))
        return "csi:"

    return uri


CASES = {
    "mp4": Case(FILE, clip("clip.mp4"), step_s=0.1, alone=False),
    "mkv": Case(FILE, clip("clip.mkv"), step_s=0.1, alone=False),
    "avi": Case(FILE, clip("clip.avi", codec="mpeg4"), step_s=0.1, alone=False),
    "mjpeg.avi": Case(FILE, clip("clip.mjpeg.avi", codec="mjpeg", pix_fmt="yuvj420p"), step_s=0.1),
    "folder": Case(FOLDER, folder),
    "scene": Case(SCENE, lambda _request: "scene:plume?frames=8&ignition=3", frames=8),
    "rtsp": Case(RTSP, lambda request: request.getfixturevalue("served").rtsp, timed=True),
    "http": Case(HTTP, lambda request: request.getfixturevalue("served").http),
    "csi": Case(CSI, rpicam("yuv420"), {"height_px": 64, "width_px": 128}),
    "csi h264": Case(CSI, rpicam("h264"), {"height_px": 64, "width_px": 128, "codec": "h264"}),
    "v4l2": Case(
        V4L2,
        lambda request: f"v4l2:{request.getfixturevalue('device').path}",
        {"height_px": 32, "width_px": 48},
        functools.partial(open_device, container_format="rawvideo"),  # a pipe is no device
        timed=True,
    ),
}
RECORDED = tuple(name for name, case in CASES.items() if not case.kind.live)
LIVE = tuple(name for name, case in CASES.items() if case.kind.live)


def test_every_kind_has_a_case():
    assert {case.kind.options for case in CASES.values()} == {kind.options for kind in KINDS}


class Camera:
    """A case that has been made, to be opened as often as one likes."""

    def __init__(self, case: Case, request: pytest.FixtureRequest) -> None:
        self.case = case
        self._uri = case.uri(request)

    def open(self, with_session: Session | None = None, **keys: object) -> Source:
        options = options_for(self._uri, **{"timeout_s": HANG_S} | self.case.keys | keys)
        assert type(options) is self.case.kind.options
        return self.case.open(options, with_session or session())


@pytest.fixture
def camera(request, kind):
    return Camera(CASES[kind], request)


def read_all(source) -> list:
    pictures = []
    while (picture := source.read()) is not None:
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("kind", RECORDED + LIVE)
def test_a_picture_is_rgb_of_its_stated_size(kind, camera):
    source = camera.open()
    assert source.live == camera.case.kind.live
    try:
        for _ in range(3):
            picture = source.read()
            pixels = picture.to_rgb()
            assert pixels.dtype == np.uint8
            assert pixels.shape == (*picture.size_px, 3)
            assert pixels.flags.c_contiguous
            assert picture.decode_ns >= 0
            assert np.array_equal(pixels, picture.to_rgb())
    finally:
        source.close()
        source.close()


class SteppingClock(SystemClock):
    """Goes on by one step each time it is asked."""

    STEP_NS = 1_000_003
    now_ns = 0

    def mono_ns(self) -> int:
        self.now_ns += self.STEP_NS
        return self.now_ns


@pytest.mark.parametrize("kind", RECORDED + LIVE)
def test_a_source_takes_the_clock_that_it_is_given(kind, camera):
    source = camera.open(session(clock=SteppingClock()))
    times_ns = [source.read().decode_ns for _ in range(3)]
    source.close()
    assert sum(times_ns) > 0
    assert all(time_ns % SteppingClock.STEP_NS == 0 for time_ns in times_ns)


@pytest.mark.parametrize("kind", RECORDED)
def test_a_recording_has_rising_times_ends_and_replays_the_same(kind, camera):
    source = camera.open()
    assert not source.live
    pictures = read_all(source)
    assert source.read() is None
    source.close()
    times_ns = [picture.source_ns for picture in pictures]
    assert len(pictures) == camera.case.frames
    assert times_ns[0] == 0
    assert all(later > earlier for earlier, later in pairwise(times_ns))

    again = camera.open()
    for picture, same in zip(pictures, read_all(again), strict=True):
        assert (picture.source_ns, picture.name) == (same.source_ns, same.name)
        assert np.array_equal(picture.to_rgb(), same.to_rgb())
    again.close()


@pytest.mark.parametrize("kind", RECORDED)
def test_a_loop_goes_on_in_time(kind, camera):
    assert issubclass(camera.case.kind.options, RecordingOptions)
    source = camera.open(loop=True)
    pictures = [source.read() for _ in range(30)]
    source.close()
    steps = {later.source_ns - earlier.source_ns for earlier, later in pairwise(pictures)}
    assert steps == {round(camera.case.step_s * 1e9)}


@pytest.mark.parametrize("kind", RECORDED)
def test_a_cadence_leaves_pictures_out_on_a_grid(kind, camera):
    step_s = camera.case.step_s
    source = camera.open(session(3 * step_s))
    pictures = read_all(source)
    source.close()
    due = {round(index * 3 * step_s * 1e9) for index in range(len(pictures))}
    assert due & {picture.source_ns for picture in pictures} >= set(sorted(due)[:2])
    if camera.case.alone:  # only the due ones were decoded
        assert {picture.source_ns for picture in pictures} == due


@pytest.mark.parametrize("kind", LIVE)
def test_a_live_camera_does_not_end_and_its_wall_time_is_the_captures(kind, camera):
    source = camera.open()
    pictures = [source.read() for _ in range(8)]
    source.close()
    assert source.live
    assert all(picture.wall_ns is None for picture in pictures)
    assert (pictures[-1].source_ns is not None) == camera.case.timed


@pytest.mark.parametrize("kind", LIVE)
def test_a_live_camera_shows_the_clip(kind, camera):
    source = camera.open()
    red, green, blue = (int(value) for value in source.read().to_rgb()[10, 10])
    source.close()
    assert red > 180
    assert green < 60
    assert blue < 60
