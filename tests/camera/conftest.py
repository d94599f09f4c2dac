"""What the camera tests share: small clips, a clock that stands still, real cameras, mute servers."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edge.camera.address import open_source, options_for
from edge.camera.schedule import Schedule
from edge.camera.source import Session, Source, no_beat
from edge.clock import Clock, SystemClock
from firmware_sim.serve import serving

WIDTH, HEIGHT = 96, 64


def session(
    cadence_s: float = 0.0,
    beat: Callable[[], None] = no_beat,
    password: str | None = None,
    clock: Clock | None = None,
) -> Session:
    """A session on the machine's clock, in which every picture is wanted unless a cadence is said."""
    return Session(clock or SystemClock(), Schedule(cadence_s), beat, password)


def opened(address: str, with_session: Session | None = None, **keys: object) -> Source:
    """Open an address, or a bare path, with further keys of its kind."""
    return open_source(options_for(address, **keys), with_session or session())


class StillClock:
    """Time passes only when somebody waits."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.waits_s: list[float] = []

    def mono_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.now_ns

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        self.waits_s.append(timeout_s)
        self.now_ns += round(timeout_s * 1e9)
        return signal.is_set()


@pytest.fixture
def clock():
    return StillClock()


def draw(number: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """A picture that differs from the others, bright, with a red quarter at the top left."""
    pixels = np.full((*shape, 3), 90 + number % 100, np.uint8)
    pixels[: shape[0] // 2, : shape[1] // 2] = (220, 20, 20)
    pixels[-8:, : 4 + number % 80] = 255
    return pixels


def write_clip(
    path: Path,
    *,
    frames: int = 30,
    fps: int = 10,
    codec: str = "libx264",
    keyframe_every: int = 10,
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    hflip: bool = False,
    shape: tuple[int, int] = (HEIGHT, WIDTH),
    pictures: Sequence[np.ndarray] = (),
) -> Path:
    pictures = pictures or [draw(number, shape) for number in range(frames)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *shape, pix_fmt
        if codec == "libx264":
            stream.codec_context.options = {"x264-params": f"keyint={keyframe_every}:scenecut=0:bframes=2"}
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip)
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def make_clip(tmp_path) -> Callable[..., Path]:
    return lambda name="clip.mp4", **options: write_clip(tmp_path / name, **options)


@pytest.fixture(scope="module")  # what other files' tests take away, limits or files, is not to end it
def served(tmp_path_factory):
    """A real camera: RTSP and HTTP. Without GStreamer this fails and names the Debian packages."""
    clip = write_clip(tmp_path_factory.mktemp("served") / "north.mp4", frames=60)
    with serving([str(clip)], fps=10) as cameras:
        yield cameras[0]


@pytest.fixture
def scripted_server():
    """Start TCP servers that answer each connection with given bytes, then keep still (or hang up)."""
    opened: list[socket.socket] = []
    stopping = threading.Event()

    def start(reply: bytes = b"", *, hang_up: bool = False, drip: bytes = b"") -> int:
        def answer(connection: socket.socket) -> None:
            while reply and connection.recv(4096):
                connection.sendall(reply)
                if hang_up or drip:
                    break
            while drip and not stopping.wait(0.02):
                connection.sendall(drip)
            if hang_up:
                connection.close()

        def serve() -> None:
            while not stopping.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listener.accept()
                    opened.append(connection)
                    answer(connection)

        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    stopping.set()
    for one in opened:
        one.close()


@pytest.fixture
def shared_clips(shared_dir: Path) -> list[Path]:
    """The real streams that lie beside a developer's checkout."""
    clips = sorted((shared_dir / "data/wildfire/unlabelled").glob("*.mp4"))
    if not clips:
        pytest.skip(f"no real streams in {shared_dir}")
    return clips


FOREVER = """
while True:
    sys.stdout.buffer.write(stream)
"""


class Rpicam:
    """Programs that stand in for rpicam-vid, in a folder that is first on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says = folder / "says"

    def stream(self, codec: str, frames: int, size_px: tuple[int, int]) -> bytes:
        """What rpicam-vid writes, made by another library than the one that reads it."""
        if codec == "h264":
            clip = self.folder / "clip.h264"
            return write_clip(clip, frames=frames, keyframe_every=1, shape=size_px).read_bytes()
        drawn = (
            av.VideoFrame.from_ndarray(draw(number, size_px), format="rgb24") for number in range(frames)
        )
        return b"".join(frame.reformat(format="yuvj420p").to_ndarray().tobytes() for frame in drawn)

    def install(self, body: str = FOREVER, stream: bytes = b"", name: str = "rpicam-vid") -> None:
        """Write a program: `stream` is there as a variable, its pid and arguments are noted when it starts."""
        (self.folder / "stream").write_bytes(stream)
        program = self.folder / name
        program.write_text(
            f"#!{sys.executable} -SE\nimport os, signal, sys, time\n"
            f"open({str(self.says) + '~'!r}, 'w').write('\\n'.join((str(os.getpid()), *sys.argv)))\n"
            f"os.rename({str(self.says) + '~'!r}, {str(self.says)!r})\n"
            f"stream = open({str(self.folder / 'stream')!r}, 'rb').read()\n{body}"
        )
        program.chmod(0o755)

    @property
    def pid(self) -> int:
        return int(self.says.read_text().splitlines()[0])

    @property
    def command(self) -> list[str]:
        return self.says.read_text().splitlines()[1:]


@pytest.fixture
def rpicam(tmp_path, monkeypatch) -> Rpicam:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Rpicam(folder)


FEED = """
import select, sys, time
picture = open(sys.argv[2], "rb").read()
with open(sys.argv[1], "wb", buffering=0) as device:
    while not select.select([sys.stdin], [device], [])[0]:  # a full pipe is not waited for
        device.write(picture)
        time.sleep(0.002)
    print("silent", flush=True)
    sys.stdin.readline()
    sys.stdin.readline()
"""


class Device:
    """A pipe that stands in for a video device: FFmpeg blocks in its reads in the same way.

    It shows one raw picture again and again, small enough for the pipe to take it in one piece, or what it is given.
    """

    size_px = (32, 48)

    def __init__(self, folder: Path, shown: bytes | None = None) -> None:
        self.path = folder / "video0"
        os.mkfifo(self.path)
        frame = av.VideoFrame.from_ndarray(draw(0, self.size_px), format="rgb24").reformat(format="yuv420p")
        (folder / "picture").write_bytes(frame.to_ndarray().tobytes() if shown is None else shown)
        # a process of its own, for this one must hold no other descriptor of the device
        arguments = (sys.executable, "-c", FEED, str(self.path), str(folder / "picture"))
        self._feed = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def be_silent(self) -> None:
        print("be silent", file=self._feed.stdin, flush=True)
        assert self._feed.stdout.readline() == "silent\n"

    def end(self) -> None:
        self._feed.kill()
        self._feed.communicate()


@pytest.fixture
def device(tmp_path):
    made = Device(tmp_path)
    yield made
    made.end()
