"""The Pi's own camera, with programs that stand in for rpicam-vid: what they are asked, write, and how they fail."""

import re
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from edge.camera.csi import CsiOptions
from edge.camera.raw import image_of
from edge.errors import CameraError
from edge.settings import parse
from tests.camera.conftest import opened, session

SIZE_PX = (64, 128)  # (height, width)
AS_EVER = ("--timeout", "0", "--nopreview", "--flush", "--output", "-")
CODECS = ("yuv420", "h264")
THEN_END = "sys.stdout.buffer.write(stream)\n"
THEN_BE_SILENT = "sys.stdout.buffer.write(stream)\nsys.stdout.flush()\ntime.sleep(600)\n"
REFUSE = "sys.exit('ERROR: *** no cameras available ***')\n"


def options(codec: str = "yuv420", size_px=SIZE_PX, **changes) -> dict:
    """As a camera with so many pictures a second that its own pace adds little to the timeout."""
    return {"height_px": size_px[0], "width_px": size_px[1], "codec": codec, "fps": 120, **changes}


def fault(keys: dict, uri: str = "csi:") -> str:
    """Open and read until it fails; return the message. The program is gone then."""
    source = None
    with pytest.raises(CameraError) as caught:  # noqa: PT012 - opening may fail, or a later read
        source = opened(uri, **keys)
        while True:
            source.read().to_rgb()
    if source is not None:
        source.close()
    return str(caught.value)


def number_of(pixels: np.ndarray) -> int:
    """The number of the drawn picture, by the width of its white bar."""
    return int((pixels[-3, :, 1] > 170).sum()) - 4


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits to be reaped by somebody else has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_what_is_asked_of_rpicam_vid(rpicam):
    rpicam.install(stream=rpicam.stream("yuv420", 2, (480, 640)))
    source = opened("csi:1", width_px=640, height_px=480, extra_args=("--rotation", "180"))
    assert source.read().size_px == (480, 640)
    source.close()
    asked = "--camera 1 --width 640 --height 480 --framerate 1 --codec yuv420"
    assert rpicam.command == [
        str(rpicam.folder / "rpicam-vid"), *asked.split(), *AS_EVER, "--rotation", "180",
    ]  # fmt: skip


def test_what_is_asked_for_h264_and_by_the_older_name(rpicam, monkeypatch):
    rpicam.install(stream=rpicam.stream("h264", 3, SIZE_PX), name="libcamera-vid")
    monkeypatch.setenv("PATH", str(rpicam.folder))
    source = opened("csi:", **options("h264", size_px=(972, 1296), fps=2.5))
    source.close()
    asked = "--camera 0 --width 1296 --height 972 --framerate 2.5 --codec h264 --inline --intra 3"
    assert rpicam.command == [
        str(rpicam.folder / "libcamera-vid"), *asked.split(), *AS_EVER,
    ]  # fmt: skip


def test_the_configuration_reaches_the_options():
    table = {"uri": "csi:", "width_px": 640, "height_px": 480, "codec": "h264", "fps": 2}
    camera = parse({"cameras": {"north": {**table, "extra_args": ["--hdr", "off"]}}}, Path()).cameras["north"]
    assert isinstance(camera, CsiOptions)
    assert (camera.size_px, camera.codec, camera.fps) == ((480, 640), "h264", 2)
    assert camera.extra_args == ("--hdr", "off")
    assert CsiOptions(uri="csi:").size_px is None


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_come_whole_in_order_and_in_colour(rpicam, codec):
    # in pieces that fit no frame
    pieces = (
        "for at in range(0, len(stream), 1000):\n    os.write(1, stream[at:at + 1000])\ntime.sleep(600)\n"
    )
    rpicam.install(pieces, rpicam.stream(codec, 6, SIZE_PX))
    source = opened("csi:", **options(codec))
    for number in range(5):  # the sixth of H.264 ends where a seventh begins
        pixels = source.read().to_rgb()
        assert np.allclose(pixels[10, 10], (220, 20, 20), atol=8)
        assert number_of(pixels) == number
        assert pixels[-3, 1].min() > 250  # white is 255: neither range is taken for the other
    source.close()


def test_a_picture_outlives_the_next_and_the_source(rpicam):
    rpicam.install(stream=rpicam.stream("yuv420", 2, SIZE_PX))
    source = opened("csi:", **options())
    first, second = source.read(), source.read()
    source.close()
    assert (number_of(first.to_rgb()), number_of(second.to_rgb())) == (0, 1)


def test_the_conversion_is_that_of_jfif():
    rng = np.random.default_rng(0)
    luma = rng.integers(60, 196, (32, 64), np.uint8)
    smooth = np.repeat(np.repeat(rng.integers(98, 158, (2, 2, 4), np.uint8), 8, 1), 8, 2)
    i420 = np.concatenate([luma, smooth.reshape(16, 64)])
    frame = av.VideoFrame.from_ndarray(i420, format="yuvj420p")
    theirs, ours = frame.reformat(format="rgb24").to_ndarray(), image_of(i420).rgb()
    inside = np.zeros((32, 64), bool)
    inside.reshape(2, 16, 4, 16)[:, 3:-3, :, 3:-3] = (
        True  # where chroma is flat, for it may be scaled in two ways
    )
    assert np.abs(theirs.astype(int) - ours)[inside].max() <= 2
    for level in (0, 255):
        grey = np.full((48, 64), 128, np.uint8)
        grey[:32] = level
        assert (image_of(grey).rgb() == level).all()


def test_frames_that_are_not_due_are_taken_out_of_the_pipe_and_no_more(rpicam):
    beats = []
    rpicam.install(THEN_END, rpicam.stream("yuv420", 40, SIZE_PX))
    source = opened("csi:", session(3600, lambda: beats.append(1)), **options())
    assert number_of(source.read().to_rgb()) == 0
    with pytest.raises(CameraError, match="ended with exit status 0"):
        source.read()
    source.close()
    assert len(beats) >= 39


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (REFUSE, r"ended with exit status 1: ERROR: \*\*\* no cameras available \*\*\*; see that"),
        (THEN_END, "ended with exit status 0: it said nothing; "),
        ("sys.stderr.write('one\\n\\x1b[31mtwo \\n\\n')\n" + THEN_END, r"status 0: \[31mtwo; "),
        (THEN_END + "os.kill(os.getpid(), signal.SIGKILL)\n", "ended by signal 9"),
        ("signal.signal(15, signal.SIG_IGN)\nos.close(1)\ntime.sleep(600)\n", "ended by signal 9"),
    ],
)
def test_faults_name_the_camera_the_cause_and_what_to_do(rpicam, codec, body, said):
    rpicam.install(body, rpicam.stream(codec, 3, SIZE_PX))
    message = fault(options(codec))
    assert message.startswith("'csi:': rpicam-vid ")
    assert re.search(said, message), message
    assert "`rpicam-hello --list-cameras`" in message
    assert gone(rpicam.pid)


@pytest.mark.parametrize("codec", CODECS)
def test_one_that_stalls_is_given_up(rpicam, codec):
    rpicam.install("print('on', file=sys.stderr)\n" + THEN_BE_SILENT, rpicam.stream(codec, 3, SIZE_PX))
    assert "rpicam-vid gave no whole picture for 4 s: on; " in fault(options(codec, timeout_s=0.3, fps=0.75))
    rpicam.install("time.sleep(600)\n")
    assert "gave no whole picture for 0.4 s: it said nothing; " in fault(options(codec, timeout_s=0.3))


def test_an_end_in_the_middle_of_a_picture_and_one_that_drips(rpicam):
    stream = rpicam.stream("yuv420", 2, SIZE_PX)
    rpicam.install(THEN_END, stream[:-100])
    assert "rpicam-vid ended in the middle of a picture with exit status 0" in fault(options())
    drip = "while True:\n    os.write(1, b'x')\n    time.sleep(0.05)\n"
    rpicam.install(drip)
    assert "gave no whole picture for 0.5 s" in fault(options(timeout_s=0.4))


def test_a_stream_of_something_else_is_no_h264(rpicam):
    rpicam.install(THEN_END, bytes(200_000))
    assert "ended with exit status 0" in fault(options("h264"))
    rpicam.install(stream=bytes(200_000))
    assert "'csi:'" in fault(options("h264", timeout_s=0.3))


def test_much_on_standard_error_stops_nothing(rpicam):
    flood = "sys.stderr.write('a line of the log\\n' * 60_000)\nsys.stderr.flush()\n"
    rpicam.install(flood + THEN_END + "sys.stderr.write('x' * 5000)\n", rpicam.stream("yuv420", 2, SIZE_PX))
    message = fault(options())
    assert "status 0: xxxx" in message
    assert len(message) < 1000


def test_a_size_that_libcamera_adjusted_is_refused(rpicam):
    says = "print('INFO Camera camera.cpp:1215 configuring streams: (0) {} (1) x', file=sys.stderr, flush=True)\n"
    rpicam.install(says.format("128x64-YUV420/sYCC") + THEN_END, rpicam.stream("yuv420", 2, SIZE_PX))
    assert "exit status 0" in fault(options())
    rpicam.install(says.format("128x96-YUV420") + THEN_END, rpicam.stream("yuv420", 2, SIZE_PX))
    assert "pictures of 128x96 px come, where 128x64 were asked for" in fault(options())


@pytest.mark.parametrize("codec", CODECS)
def test_one_that_ignores_sigterm_is_killed_with_its_group(rpicam, codec):
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    fork = "if (child := os.fork()) == 0:\n    time.sleep(600)\n"
    fork += f"open({str(rpicam.folder / 'child')!r}, 'w').write(str(child))\n"
    rpicam.install(ignore + fork + THEN_BE_SILENT, rpicam.stream(codec, 3, SIZE_PX))
    source = opened("csi:", **options(codec))
    source.read()
    grandchild = int((rpicam.folder / "child").read_text())
    assert not gone(grandchild)
    source.close()
    source.close()
    assert not Path(f"/proc/{rpicam.pid}").exists()  # reaped
    while not gone(grandchild):
        time.sleep(0.01)


@pytest.mark.parametrize("codec", CODECS)
def test_no_descriptor_is_left(rpicam, codec):
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    rpicam.install(stream=rpicam.stream(codec, 3, SIZE_PX))
    for _ in range(3):
        source = opened("csi:", **options(codec))
        source.read()
        source.close()
    rpicam.install(REFUSE)
    for _ in range(3):
        fault(options(codec))
    assert descriptors() == before


@pytest.mark.parametrize("codec", CODECS)
def test_a_reader_that_stops_need_not_wait_for_the_camera(rpicam, codec):
    class StopError(Exception):
        pass

    def beat() -> None:
        if rpicam.says.exists():
            raise StopError

    rpicam.install("time.sleep(600)\n")
    source = None
    with pytest.raises(StopError):  # noqa: PT012 - H.264 waits when it is opened, raw in its first read
        source = opened("csi:", session(beat=beat), **options(codec, timeout_s=500))
        source.read()
    if source is not None:
        source.close()
    assert not Path(f"/proc/{rpicam.pid}").exists()


def test_it_ends_with_the_program_that_opened_it(rpicam):
    rpicam.install("signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n")
    leave = (
        "import contextlib, pathlib, sys, threading, time\n"
        "from edge.camera.address import open_source, options_for\n"
        "from edge.camera.source import Session\n"
        "from edge.clock import SystemClock\n"
        "def read():\n"
        "    with contextlib.suppress(Exception):  # a traceback of a thread at the very end may abort Python\n"
        "        open_source(options_for('csi:'), Session(SystemClock())).read()\n"
        "threading.Thread(target=read, daemon=True).start()\n"
        f"while not pathlib.Path({str(rpicam.says)!r}).exists():\n    time.sleep(0.01)\n"
    )
    subprocess.run([sys.executable, "-c", leave], check=True)
    assert gone(rpicam.pid)


def test_no_program_or_one_that_does_not_start(rpicam, monkeypatch):
    monkeypatch.setenv("PATH", str(rpicam.folder))
    assert "neither rpicam-vid nor libcamera-vid is on the PATH" in fault(options())
    assert "sudo apt install" in fault(options())
    program = rpicam.folder / "rpicam-vid"
    program.write_bytes(b"\x7fELF of another board")
    program.chmod(0o755)
    assert "cannot start" in fault(options())
    assert "cannot start" in fault(options(extra_args=("a\0b",)))


@pytest.mark.parametrize(
    ("uri", "changes", "said"),
    [
        ("csi:", {"size_px": (972, 1296)}, "width_px is 1296; .*set it to 1280 or 1408, or `codec`"),
        ("csi:", {"size_px": (64, 100)}, "set it to 128, or"),
        ("csi:", {"size_px": (63, 128)}, "128x63 px; expected even numbers from 64"),
        ("csi:", {"size_px": (32, 128)}, "128x32 px; expected"),
        ("csi:", {"fps": 0}, "fps is 0"),
        ("csi:", {"fps": float("inf")}, "fps is inf"),
        ("csi:-1", {}, "'csi:-1': uri: expected csi: or csi:N"),
        ("csi:/base/imx708", {}, "expected csi: or csi:N"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(rpicam, uri, changes, said):
    rpicam.install()
    assert re.search(said, fault(options(**changes), uri))
    assert not rpicam.says.exists()
