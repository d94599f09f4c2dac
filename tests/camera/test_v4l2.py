"""Devices that hang: pipes stand in for them, for FFmpeg blocks in their reads just as in a device's."""

import os
import threading

import cv2
import numpy as np
import pytest

from edge.camera.option import SourceOptions
from edge.camera.v4l2 import open_device
from edge.errors import CameraError

JPEG = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "video0"
    os.mkfifo(path)
    return path


def test_a_device_that_goes_silent_ends_in_an_error(pipe):
    silent = threading.Event()

    def feed():
        with pipe.open("wb") as device:
            for _ in range(100):
                device.write(JPEG)
            device.flush()
            silent.wait(60)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    source = open_device(pipe, SourceOptions(timeout_s=0.5), container_format="mjpeg")
    pictures = [source.read().to_rgb()]
    with pytest.raises(CameraError, match=r"video0.*nothing came for 0\.5 s"):
        while True:
            pictures.append(source.read().to_rgb())
    assert pictures[0].shape == (48, 64, 3)
    source.close()
    silent.set()
    thread.join(30)


def test_a_device_that_hangs_when_opened_ends_in_an_error(pipe):
    with pytest.raises(CameraError, match=r"video0.*the device hangs"):
        open_device(pipe, SourceOptions(timeout_s=0.1), container_format="mjpeg")
    pipe.open("wb").close()  # lets the thread that was given up end


def test_no_device_and_a_file_that_is_none(tmp_path):
    with pytest.raises(CameraError, match="no video device"):
        open_device(tmp_path / "video9", SourceOptions())
    (tmp_path / "file").write_text("no device")
    with pytest.raises(CameraError, match="cannot open 'v4l2:"):
        open_device(tmp_path / "file", SourceOptions(size_px=(480, 640)))
