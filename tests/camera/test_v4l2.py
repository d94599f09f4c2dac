"""Devices that hang: pipes of raw pictures stand in for them, for FFmpeg blocks in their reads in the same way."""

import os
import subprocess
import sys

import pytest

from edge.camera.option import SourceOptions
from edge.camera.v4l2 import open_device
from edge.errors import CameraError

SIZE_PX = (32, 48)
PICTURE_BYTES = 32 * 48 * 3 // 2  # yuv420p, and less than what a pipe takes in one piece


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "video0"
    os.mkfifo(path)
    return path


FEED = f"""
import select, sys
with open(sys.argv[1], "wb", buffering=0) as device:
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        device.write(bytes({PICTURE_BYTES}))
    print("silent", flush=True)
    sys.stdin.readline()
    sys.stdin.readline()
"""


def test_a_device_that_goes_silent_ends_in_an_error(pipe):
    # a process of its own, for this one must hold no other descriptor of the device
    arguments = (sys.executable, "-c", FEED, str(pipe))
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as feed:
        source = open_device(pipe, SourceOptions(timeout_s=5, size_px=SIZE_PX), container_format="rawvideo")
        assert source.live
        assert source.read().to_rgb().shape == (*SIZE_PX, 3)
        print("be silent", file=feed.stdin, flush=True)
        assert feed.stdout.readline() == "silent\n"
        with pytest.raises(CameraError, match=r"video0.*the device gave nothing for 5 s"):
            list(iter(source.read, None))
        source.close()
        feed.stdin.close()


def test_a_device_that_hangs_when_opened_ends_in_an_error(pipe):
    with pytest.raises(CameraError, match=r"video0.*the device hangs"):
        open_device(pipe, SourceOptions(timeout_s=0.1), container_format="rawvideo")
    pipe.open("wb").close()  # lets the thread that was given up end


def test_no_device_and_a_file_that_is_none(tmp_path):
    with pytest.raises(CameraError, match="no video device"):
        open_device(tmp_path / "video9", SourceOptions())
    (tmp_path / "file").write_text("no device")
    with pytest.raises(CameraError, match="cannot open 'v4l2:"):
        open_device(tmp_path / "file", SourceOptions(size_px=SIZE_PX))
