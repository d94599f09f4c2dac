"""Clips as cameras: video files and folders of images, looped over RTSP and HTTP on loopback."""

from __future__ import annotations

import contextlib
import json
import re
import select
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from firmware_sim.mjpeg import Channel, MjpegServer
from firmware_sim.play import Play

SYSTEM_PYTHON = Path("/usr/bin/python3")
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    " gstreamer1.0-plugins-ugly"
)
MAX_CAMERAS = 255
_READY_S = 120.0  # a start looks through all of GStreamer's plugins
_END_S = 1.0


class ServeError(OSError):
    """Clips cannot be served; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ServedCamera:
    """Where one clip is served.

    Attributes:
        name: from the clip's file name.
        rtsp: address of the H.264 stream.
        http: address of the MJPEG stream.
        snapshot: address of its next picture, a JPEG.
    """

    name: str
    rtsp: str
    http: str
    snapshot: str


class Player(Protocol):
    """What is served: a clip that is played, or footage by a clock."""

    name: str
    fps: float
    size_px: tuple[int, int]
    faulty: bool

    def start(self, outlet: Outlet, ended: Callable[[], None]) -> None:
        """Start to give pictures to the outlet; `ended` is called when that breaks."""
        ...

    def close(self) -> None:
        """Stop; never raises."""
        ...


@contextlib.contextmanager
def serving(
    clips: Sequence[str],
    *,
    rtsp_port: int = 0,
    http_port: int = 0,
    fps: float = 5.0,
    size_px: tuple[int, int] | None = None,
    image_s: float | None = None,
    slices: int = 1,
    ended: threading.Event | None = None,
) -> Iterator[tuple[ServedCamera, ...]]:
    """Serve clips until the block is left.

    Args:
        clips: files, folders or any recorded address of `edge.camera`; played again and again.
        rtsp_port: on 127.0.0.1; 0 picks a free one.
        http_port: likewise.
        fps: pictures a second that the cameras give.
        size_px: (height, width) of the pictures; None keeps each clip's own. Odd numbers are cut by one.
        image_s: how long each image of a folder is shown; None shows the next with every picture.
        slices: of each picture over RTSP; of several each keyframe's has parameter sets of its own before it.
        ended: set when a clip or the RTSP server breaks while it is served.

    Raises:
        ServeError: a clip cannot be read, a port is taken, or a Debian package is missing.
    """
    with contextlib.ExitStack() as stack:
        plays = _open(clips, fps, size_px, image_s, stack)
        yield stack.enter_context(
            serving_players(plays, rtsp_port=rtsp_port, http_port=http_port, slices=slices, ended=ended)
        )


@contextlib.contextmanager
def serving_players(
    players: Sequence[Player],
    *,
    rtsp_port: int = 0,
    http_port: int = 0,
    slices: int = 1,
    ended: threading.Event | None = None,
) -> Iterator[tuple[ServedCamera, ...]]:
    """Serve players until the block is left, and close them; arguments and errors are those of `serving`."""
    ended = threading.Event() if ended is None else ended
    with contextlib.ExitStack() as stack:
        channels = {player.name: Channel() for player in players}
        web_port = _serve_http(channels, http_port, stack)
        child = RtspChild(players, rtsp_port, slices)
        stack.callback(child.close)
        for player in players:
            stack.callback(player.close)
        for number, player in enumerate(players):
            player.start(Outlet(child, number, channels[player.name]), ended.set)
        yield tuple(
            ServedCamera(
                player.name,
                f"rtsp://127.0.0.1:{child.port}/{player.name}",
                f"http://127.0.0.1:{web_port}/{player.name}.mjpg",
                f"http://127.0.0.1:{web_port}/{player.name}.jpg",
            )
            for player in players
        )


def ready_line(cameras: Sequence[ServedCamera]) -> str:
    """Return the line of JSON that says where the cameras are."""
    return json.dumps({"cameras": [asdict(camera) for camera in cameras]})


def camera_names(clips: Sequence[str]) -> list[str]:
    """Return a name for each clip, from its file name, without what an address cannot hold; all different."""
    names: list[str] = []
    for clip in clips:
        stem = Path(re.split(r"[?#]", clip.rpartition(":")[2])[0]).stem
        name = plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "camera"
        number = 1
        while name in names:
            number += 1
            name = f"{plain}-{number}"
        names.append(name)
    return names


class Outlet:
    """Where one camera's pictures go: over HTTP and RTSP, as well as its stream is.

    Args:
        child: serves RTSP.
        number: of the camera there.
        channel: of it over HTTP.
    """

    def __init__(self, child: RtspChild, number: int, channel: Channel) -> None:
        self._child, self._number, self._channel = child, number, channel
        self._state: Literal["cut", "damaged", "well"] = "well"

    def __call__(self, pixels: NDArray[np.uint8]) -> None:
        """Show (H, W, 3) uint8 RGB; OSError when the RTSP server is gone."""
        self._channel.show(pixels, damaged=self._state == "damaged")
        self._child.send(self._number, pixels)

    def become(self, state: Literal["cut", "damaged", "well"]) -> None:
        """Cut the stream, damage it, or let it be well; OSError when the RTSP server is gone."""
        if state != self._state:
            self._state = state
            self._channel.cut(off=state == "cut")
            self._child.order(self._number, state)


class RtspChild:
    """The RTSP server: a child under the system's Python, which ends with this process.

    Args:
        plays: what will be sent, in the order of their numbers.
        port: on 127.0.0.1; 0 picks a free one.
        slices: of each picture.

    Attributes:
        port: where it listens.

    Raises:
        ServeError: Python, GStreamer or the port is not there.
    """

    def __init__(self, plays: Sequence[Player], port: int, slices: int = 1) -> None:
        cameras = [
            {
                "name": play.name,
                "width": play.size_px[1],
                "height": play.size_px[0],
                "fps": play.fps,
                "slices": slices,
                "faulty": play.faulty,
            }
            for play in plays
        ]
        self._lock = threading.Lock()
        try:
            self._process = subprocess.Popen(
                (
                    str(SYSTEM_PYTHON),
                    "-I",
                    str(Path(__file__).with_name("rtsp_child.py")),
                    json.dumps({"port": port, "cameras": cameras}),
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is the parent's; the child ends with its stdin
            )
        except OSError as error:
            raise ServeError(
                f"cannot start {SYSTEM_PYTHON}: {error.strerror}: apt-get install {PACKAGES}"
            ) from error
        try:
            self.port = self._ready()
        except ServeError:
            self.close()
            raise

    def send(self, number: int, pixels: NDArray[np.uint8]) -> None:
        """Send (H, W, 3) uint8 RGB to camera `number`; OSError when the child is gone."""
        i420 = cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420)
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(bytes((number,)) + i420.tobytes())
            self._process.stdin.flush()

    def order(self, number: int, state: Literal["cut", "damaged", "well"]) -> None:
        """Say what the stream of a faulty camera does from now on; OSError when the child is gone."""
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(bytes((MAX_CAMERAS, number, ord(state[0]))))
            self._process.stdin.flush()

    def close(self) -> None:
        """End the child; never raises."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()

    def _ready(self) -> int:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], _READY_S)[0]:
            raise ServeError(f"the RTSP server did not start within {_READY_S:g} s")
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "it ended at once; its last words are above"}
        if "error" in answer:
            raise ServeError(f"the RTSP server cannot start: {answer['error']}")
        return int(answer["port"])


def _open(
    clips: Sequence[str],
    fps: float,
    size_px: tuple[int, int] | None,
    image_s: float | None,
    stack: contextlib.ExitStack,
) -> list[Play]:
    if not 1 <= len(clips) <= MAX_CAMERAS:
        raise ServeError(f"got {len(clips)} clips; expected 1 to {MAX_CAMERAS}")
    plays = []
    for name, clip in zip(camera_names(clips), clips, strict=True):
        try:
            plays.append(Play(name, clip, fps, size_px, image_s))
        except EdgeError as error:
            raise ServeError(str(error)) from error
        stack.callback(plays[-1].close)  # here for a later clip that fails, and again before the child ends
    return plays


def _serve_http(channels: dict[str, Channel], port: int, stack: contextlib.ExitStack) -> int:
    try:
        server = MjpegServer(channels, port)
    except OSError as error:
        raise ServeError(
            f"cannot listen on 127.0.0.1:{port} for HTTP: {error.strerror}; is it in use?"
        ) from error
    stack.callback(server.server_close)
    threading.Thread(target=server.serve_forever, args=(0.1,), name="mjpeg", daemon=True).start()
    stack.callback(server.shutdown)
    for channel in channels.values():
        stack.callback(channel.close)
    return int(server.server_address[1])
