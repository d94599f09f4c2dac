"""Devices that hang: pipes of raw pictures stand in for them, for FFmpeg blocks in their reads in the same way."""

import os

import pytest

from edge.camera.planes import PlanarImage
from edge.camera.v4l2 import V4l2Options, open_device
from edge.errors import CameraError
from tests.camera.conftest import session


def raw(path, **keys):
    return open_device(V4l2Options(uri=f"v4l2:{path}", **keys), session(), container_format="rawvideo")


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "video0"
    os.mkfifo(path)
    return path


def test_a_device_that_goes_silent_ends_in_an_error(device):
    height_px, width_px = device.size_px
    source = raw(device.path, timeout_s=5, height_px=height_px, width_px=width_px)
    assert source.live
    image = source.read().to_image()
    assert image.rgb().shape == (*device.size_px, 3)
    assert isinstance(image, PlanarImage)
    assert all(plane.flags.owndata for plane in image.planes)  # the device takes its memory back
    device.be_silent()
    with pytest.raises(CameraError, match=r"video0.*the device gave nothing for 5 s"):
        list(iter(source.read, None))
    source.close()


def test_a_device_that_hangs_when_opened_ends_in_an_error(pipe):
    with pytest.raises(CameraError, match=r"video0.*the device hangs"):
        raw(pipe, timeout_s=0.1)
    pipe.open("wb").close()  # lets the thread that was given up end


def test_no_device_and_a_file_that_is_none(tmp_path):
    with pytest.raises(CameraError, match="no video device"):
        raw(tmp_path / "video9")
    (tmp_path / "file").write_text("no device")
    with pytest.raises(CameraError, match="cannot open 'v4l2:"):
        open_device(V4l2Options(uri=f"v4l2:{tmp_path / 'file'}"), session())
