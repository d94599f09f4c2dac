"""Clips served as cameras, for real."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from firmware_sim import serve
from firmware_sim.__main__ import command
from firmware_sim.serve import PACKAGES, ServedCamera, ServeError, camera_names, ready_line, serving
from tests.camera.conftest import opened

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    """Twelve images, each of another grey."""
    images = tmp_path / "tower one"
    images.mkdir()
    for number in range(12):
        cv2.imwrite(str(images / f"{number}.png"), np.full((49, 65, 3), 20 + 20 * number, np.uint8))
    return images


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "ridge.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            pixels = np.full((48, 64, 3), 100 + 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def greys(uri: str, count: int) -> list[int]:
    source = opened(uri)
    try:
        return [round(float(source.read().to_rgb().mean())) for _ in range(count)]
    finally:
        source.close()


def test_several_clips_over_both_protocols(folder, clip):
    with serving([str(folder), str(clip)], fps=20) as cameras:
        assert [camera.name for camera in cameras] == ["tower-one", "ridge"]
        for camera, known in zip(cameras, (range(20, 241, 20), range(100, 196, 5)), strict=True):
            for uri in (camera.rtsp, camera.http):
                seen = greys(uri, 30)
                assert len(set(seen)) > 5, uri
                assert all(min(abs(grey - one) for one in known) <= 4 for grey in seen), (uri, seen)


def test_size_and_how_long_an_image_stays(folder):
    with serving([f"folder:{folder}"], fps=20, size_px=(60, 80), image_s=30.0) as (camera,):
        source = opened(camera.http)
        pictures = [source.read() for _ in range(5)]
        assert {picture.size_px for picture in pictures} == {(60, 80)}
        assert len({picture.to_rgb().tobytes() for picture in pictures}) == 1
        source.close()


def test_an_unknown_camera_is_404_and_names_those_there_are(clip):
    with serving([str(clip)]) as (camera,):
        with pytest.raises(urllib.error.HTTPError, match="ridge") as caught:
            urllib.request.urlopen(camera.http.replace("ridge", "valley"))
        caught.value.close()


def test_what_cannot_be_served_is_an_error(clip, tmp_path):
    for clips, text in (
        ([], "expected 1 to"),
        ([str(tmp_path / "none.mp4")], r"none\.mp4"),
        ([str(clip), str(REPO / "pyproject.toml")], "pyproject"),
    ):
        with pytest.raises(ServeError, match=text), serving(clips):
            pass
    with serving([str(clip)]) as (camera,):
        web = int(camera.http.split(":")[2].split("/")[0])
        rtsp = int(camera.rtsp.split(":")[2].split("/")[0])
        with pytest.raises(ServeError, match=f"{web}.*in use"), serving([str(clip)], http_port=web):
            pass
        with pytest.raises(ServeError, match=f"{rtsp}.*in use"), serving([str(clip)], rtsp_port=rtsp):
            pass


def test_a_missing_part_names_its_debian_package(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "SYSTEM_PYTHON", tmp_path / "python3")
    with pytest.raises(ServeError, match="apt-get install python3-gi"), serving([str(clip)]):
        pass
    monkeypatch.setattr(serve, "SYSTEM_PYTHON", Path(sys.executable))  # has no gi
    with pytest.raises(ServeError, match="apt-get install python3-gi"), serving([str(clip)]):
        pass


def test_the_end_of_the_child_is_noticed(clip):
    ended = threading.Event()
    with serving([str(clip)], ended=ended):
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
        for child in children:
            if "rtsp_child" in Path(f"/proc/{child}/cmdline").read_text():
                os.kill(int(child), signal.SIGKILL)
        assert ended.wait()


def start(*arguments: str) -> tuple[subprocess.Popen, dict]:
    process = subprocess.Popen(
        (sys.executable, "-m", "firmware_sim", "serve", *arguments),
        stdout=subprocess.PIPE,
        cwd=REPO,
        text=True,
    )
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_prints_its_addresses_and_its_child_ends_with_it(clip, ending):
    process, line = start(str(clip), "--fps", "10", "--size", "80x60")
    try:
        camera = ServedCamera(**line["cameras"][0])
        assert camera.name == "ridge"
        assert greys(camera.rtsp, 2)
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        descriptor = os.pidfd_open(child)
        process.send_signal(ending)
        assert process.wait() == (-9 if ending is signal.SIGKILL else 0)
    finally:
        process.kill()
        process.communicate()
    assert select.select([descriptor], [], [])[0]  # readable when the child has ended
    os.close(descriptor)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["serve", "x.mp4", "--fps", "0"],
        ["serve", "x.mp4", "--fps", "nan"],
        ["serve", "x.mp4", "--size", "640"],
        ["serve", "x.mp4", "--rtsp-port", "70000"],
        ["serve", "/no/such.mp4"],
    ],
)
def test_wrong_usage_is_2(arguments, capsys):
    assert command(arguments) == 2
    assert "usage" in (said := capsys.readouterr().err) or "no such file" in said


def test_help_teaches(capsys):
    assert command(["serve", "--help"]) == 0
    assert "scene:plume" in capsys.readouterr().out


def test_names_are_different_and_fit_an_address():
    assert camera_names(["/a/x.mp4", "folder:/b/x", "scene:plume?seed=2", "file:/é/ö.mkv", "x"]) == [
        "x",
        "x-2",
        "plume",
        "camera",
        "x-3",
    ]
    assert json.loads(ready_line([ServedCamera("a", "r", "h", "s")])) == {
        "cameras": [{"name": "a", "rtsp": "r", "http": "h", "snapshot": "s"}]
    }


def test_the_packages_are_those_of_the_list():
    listed = [line.strip() for line in (REPO / "debian-packages.txt").read_text().splitlines()]
    assert set(PACKAGES.split()) <= set(listed)
