"""What every source must do, whatever its kind."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.camera.address import open_source
from edge.camera.option import SourceOptions

RECORDED = ("mp4", "mkv", "avi", "mjpeg.avi", "folder", "scene")
SERVED = ("rtsp", "http")
LIVE = (*SERVED, "csi", "csi h264")
OPTIONS = {
    "csi": SourceOptions(size_px=(64, 128)),
    "csi h264": SourceOptions(size_px=(64, 128), codec="h264"),
}


@pytest.fixture
def uri_of(request, make_clip, tmp_path):
    def uri(kind: str) -> str:
        if kind.startswith("csi"):
            rpicam, options = request.getfixturevalue("rpicam"), OPTIONS[kind]
            rpicam.install(stream=rpicam.stream(options.codec, 12, options.size_px))
            return "csi:"
        if kind in SERVED:
            return getattr(request.getfixturevalue("served"), kind)
        if kind == "folder":
            for number in range(12):
                image = np.full((48, 64, 3), 40 + 10 * number, np.uint8)
                cv2.imwrite(str(tmp_path / f"{number:03d}_{60 * (number - 6):+06d}.jpg"), image)
            return f"folder:{tmp_path}"
        if kind == "scene":
            return "scene:plume?frames=8&ignition=3"
        codec = {"mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, "avi": {"codec": "mpeg4"}}.get(
            kind, {}
        )
        return f"file:{make_clip(f'clip.{kind}', frames=12, **codec)}"

    return uri


def read_all(source) -> list:
    pictures = []
    while (picture := source.read()) is not None:
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("kind", RECORDED + LIVE)
def test_a_picture_is_rgb_of_its_stated_size(kind, uri_of):
    source = open_source(uri_of(kind), OPTIONS.get(kind, SourceOptions()))
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


@pytest.mark.parametrize("kind", RECORDED)
def test_a_recording_has_rising_times_ends_and_replays_the_same(kind, uri_of):
    uri = uri_of(kind)
    source = open_source(uri, SourceOptions())
    assert not source.live
    pictures = read_all(source)
    assert source.read() is None
    source.close()
    times_ns = [picture.source_ns for picture in pictures]
    assert len(pictures) == (8 if kind == "scene" else 12)
    assert times_ns[0] == 0
    assert all(later > earlier for earlier, later in pairwise(times_ns))

    again = open_source(uri, SourceOptions())
    for picture, same in zip(pictures, read_all(again), strict=True):
        assert (picture.source_ns, picture.name) == (same.source_ns, same.name)
        assert np.array_equal(picture.to_rgb(), same.to_rgb())
    again.close()


@pytest.mark.parametrize("kind", RECORDED)
def test_a_loop_goes_on_in_time(kind, uri_of):
    source = open_source(uri_of(kind), SourceOptions(loop=True))
    pictures = [source.read() for _ in range(30)]
    source.close()
    steps = {later.source_ns - earlier.source_ns for earlier, later in pairwise(pictures)}
    step_ns = 60_000_000_000 if kind in ("folder", "scene") else 100_000_000
    assert steps == {step_ns}


@pytest.mark.parametrize("kind", RECORDED)
def test_a_cadence_leaves_pictures_out_on_a_grid(kind, uri_of):
    step_s = 60.0 if kind in ("folder", "scene") else 0.1
    source = open_source(uri_of(kind), SourceOptions(cadence_s=3 * step_s))
    pictures = read_all(source)
    source.close()
    due = {round(index * 3 * step_s * 1e9) for index in range(len(pictures))}
    assert due & {picture.source_ns for picture in pictures} >= set(sorted(due)[:2])
    if kind in ("folder", "scene", "mjpeg.avi"):  # every picture stands alone: only the due ones were decoded
        assert {picture.source_ns for picture in pictures} == due


@pytest.mark.parametrize("kind", LIVE)
def test_a_live_camera_does_not_end_and_its_wall_time_is_the_captures(kind, uri_of):
    source = open_source(uri_of(kind), OPTIONS.get(kind, SourceOptions()))
    pictures = [source.read() for _ in range(8)]
    source.close()
    assert source.live
    assert all(picture.wall_ns is None for picture in pictures)
    assert (pictures[-1].source_ns is not None) == (kind == "rtsp")


@pytest.mark.parametrize("kind", LIVE)
def test_a_live_camera_shows_the_clip(kind, uri_of):
    source = open_source(uri_of(kind), OPTIONS.get(kind, SourceOptions()))
    red, green, blue = (int(value) for value in source.read().to_rgb()[10, 10])
    source.close()
    assert red > 180
    assert green < 60
    assert blue < 60
