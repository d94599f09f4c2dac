"""Bombs: pictures, parts and packets that are small to send and vast to hold, and how much memory they cost."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.torture.attack import Attack, Ground, Outcome, eager_bundle
from benchmarks.torture.camera import takes
from benchmarks.torture.faulty import SIZES_PX, Faulty, HttpCamera, drawer, part
from benchmarks.tower import Tower, TowerError

BOUND_BYTES = 60_000_000  # of the peak above rest
_SIDE_PX = 16_000
_PNG_SIDE_PX = 30_000
_ENDLESS_BYTES = 400 << 20  # then the camera gives up, if the daemon has not
_REST_S = 3.0
_TIMES = 8
_CLIP_FPS = 2
_CLEAR_PEAK = "5"  # proc(5): clear_refs


def jpeg_bomb() -> bytes:
    """Return a whole JPEG of 16,000 × 16,000 px, some 4 MB."""
    return cv2.imencode(".jpg", np.full((_SIDE_PX, _SIDE_PX), 128, np.uint8))[1].tobytes()


def png_bomb() -> bytes:
    """Return a whole PNG of 30,000 × 30,000 px, one bit a pixel, some 100 kB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + _PNG_SIDE_PX // 8)
    data = b"".join([*(packer.compress(row) for _ in range(_PNG_SIDE_PX)), packer.flush()])

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", _PNG_SIDE_PX, _PNG_SIDE_PX, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class BombCamera(HttpCamera):
    """An MJPEG camera that sends a bomb when it is asked to.

    Args:
        random: draws its pictures.
        jpeg: the picture that is one.
    """

    opening = ("refuse", "header")
    within = ("picture", "part", "length")
    faults = (*opening, *within)

    def __init__(self, random: Random, jpeg: bytes) -> None:
        super().__init__(random)
        self._jpeg = jpeg

    def _answer(self, client: socket.socket, fault: str) -> None:  # noqa: ARG002 — there is one
        """Send a line of a header that never ends."""
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nX-Header: ")
        self._pour(client, b"x" * 65536)

    def _deal(self, client: socket.socket, fault: str) -> None:
        if fault == "picture":  # for a second, since what is not due is passed by unseen
            for _ in range(_TIMES):
                client.sendall(part(self._jpeg))
                self._closed.wait(1 / _TIMES)
            return
        length = "" if fault == "part" else "Content-Length: 2147483647\r\n"
        client.sendall(f"--next\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode())
        self._pour(client, self._draw(0)[:-2] * 4)

    def _pour(self, client: socket.socket, content: bytes) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_ENDLESS_BYTES // len(content)):
                client.sendall(content)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError


class RtspBomb(Faulty):
    """An RTSP camera whose first picture never ends: fragments of one unit of H.264, without a last one."""

    def host(self, client: socket.socket) -> None:
        """Speak as much RTSP as it takes, then pour."""
        client.settimeout(60)
        while True:
            request = client.recv(65536).decode(errors="replace")
            if not request:
                return
            number = request.partition("CSeq: ")[2].partition("\r")[0]
            head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n"
            if request.startswith("DESCRIBE"):
                sdp = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track\r\n"
                    "a=fmtp:96 packetization-mode=1\r\n"
                )
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
            elif request.startswith("SETUP"):
                head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            else:
                head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
            client.sendall(head.encode())
            if request.startswith("PLAY"):
                self._pour(client)
                return

    def _pour(self, client: socket.socket) -> None:
        body = self.random.randbytes(1400).replace(b"\0", b"\1")
        with contextlib.suppress(OSError):
            for number in range(_ENDLESS_BYTES // len(body)):
                start = 0x80 if number == 0 else 0
                packet = (
                    struct.pack(">BBHII", 0x80, 96, number & 0xFFFF, 9000, 1)
                    + bytes((0x7C, start | 5))
                    + body
                )
                client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
        self.landed.set()


class Room:
    """One daemon that watches a good camera and whatever a bomb is dropped into.

    Args:
        ground: its folder and chance.
        stack: ends it.
    """

    def __init__(self, ground: Ground, stack: ExitStack) -> None:
        self._draw = drawer(ground.random)
        self.images = ground.folder / "images"
        self.images.mkdir()
        for number in range(3):
            (self.images / f"{number}.jpg").write_bytes(self._draw(0))
        self.clip = ground.folder / "clip.mkv"
        write_clip(self.clip, [self._draw(0) for _ in range(3)], SIZES_PX[0])
        self.jpeg = jpeg_bomb()
        self.good = stack.enter_context(closing(HttpCamera(ground.random)))
        self.http = stack.enter_context(closing(BombCamera(ground.random, self.jpeg)))
        file = ground.folder / "tower.toml"
        live = "".join(
            f'[cameras.{name}]\nuri = "{camera.uri}"\ntimeout_s = 5\ncadence_s = 0.2\n'
            for name, camera in (("good", self.good), ("http", self.http))
        )
        file.write_text(
            f'[model]\nbundle = "{eager_bundle(ground.folder)}"\n[web]\nport = 0\n{live}'
            f'[cameras.folder]\nuri = "folder:{self.images}"\nloop = true\nfolder_cadence_s = 0.5\ncadence_s = 0.2\n'
            f'[cameras.file]\nuri = "file:{self.clip}"\nloop = true\ncadence_s = 0.2\n'
        )
        self.tower = stack.enter_context(Tower(file)).begin()
        self.wait_more("good", 5)
        self.wait_more("http", 2)

    def wait_more(self, camera: str, count: int) -> None:
        """Wait until so many more pictures of a camera are scored."""
        begin = self.tower.status()["cameras"][camera]["scored"]
        self.tower.wait(
            lambda status: status["cameras"][camera]["scored"] >= begin + count, f"'{camera}' is scored again"
        )

    def balance(self, camera: str) -> tuple[int, int]:
        """Return how many pictures of a camera came, and how many of them were refused."""
        frames = self.tower.status()["cameras"][camera]
        return frames["decoded"], frames["dropped"]["corrupt"]

    def over_http(self, fault: str) -> bool:
        """Send a bomb over HTTP; return whether it was refused."""
        _, corrupt = self.balance("http")
        connections = self.http.connections
        self.http.ask(fault)
        self.tower.until(self.http.landed.is_set, f"the bomb '{fault}' was taken")
        self.wait_more("http", 2)
        return self.balance("http")[1] > corrupt or self.http.connections > connections

    def in_folder(self, name: str, content: bytes) -> bool:
        """Put a bomb among the images of a folder for two laps; return whether it was refused."""
        part, bomb = self.images / "bomb", self.images / name
        part.write_bytes(content)
        decoded, corrupt = self.balance("folder")
        part.rename(bomb)
        self.tower.until(lambda: self.balance("folder")[0] >= decoded + 8, f"'{name}' is met")
        bomb.unlink()
        self.wait_more("folder", 2)
        return self.balance("folder")[1] > corrupt

    def in_clip(self) -> bool:
        """Put a bomb into the clip; return whether it was refused, or all of the file."""
        other = self.clip.with_name("other.mkv")
        write_clip(other, [(self.images / "0.jpg").read_bytes(), self.jpeg], SIZES_PX[0])
        decoded, corrupt = self.balance("file")
        other.replace(self.clip)

        def met() -> bool:
            return self._clip_state() != "ok" or self.balance("file")[0] >= decoded + 6

        self.tower.until(met, "the clip's bomb is met")
        return self.balance("file")[1] > corrupt or self._clip_state() != "ok"

    def _clip_state(self) -> str:
        health = self.tower.fetch("health")["cameras"]["file"]
        return "refused" if "holds" in health["reason"] or ";" in health["reason"] else str(health["state"])


def write_clip(path: Path, pictures: list[bytes], size_px: tuple[int, int]) -> None:
    """Write JPEGs as a Matroska file, as they are."""
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("mjpeg", rate=_CLIP_FPS)
        stream.height, stream.width, stream.pix_fmt = *size_px, "yuvj420p"
        for number, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.stream, packet.time_base = stream, Fraction(1, _CLIP_FPS)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)


BOMBS: dict[str, tuple[str, Callable[[Room], bool]]] = {
    "jpeg-in-folder": (
        "a JPEG of 16,000 x 16,000 px in a folder",
        lambda room: room.in_folder("bomb.jpg", room.jpeg),
    ),
    "png-in-folder": (
        "a PNG of 30,000 x 30,000 px in a folder",
        lambda room: room.in_folder("bomb.png", png_bomb()),
    ),
    "jpeg-over-http": ("the same JPEG over MJPEG", lambda room: room.over_http("picture")),
    "endless-part": ("a part of MJPEG without an end", lambda room: room.over_http("part")),
    "endless-length": (
        "a part of MJPEG that states 2 GB and sends them",
        lambda room: room.over_http("length"),
    ),
    "endless-header": ("a line of an HTTP header without an end", lambda room: room.over_http("header")),
    "jpeg-in-clip": ("the same JPEG in a Matroska file", lambda room: room.in_clip()),
}
_SHORT = ("jpeg-in-folder", "png-in-folder", "jpeg-over-http", "endless-part")


def attack(ground: Ground) -> Outcome:
    """Drop each bomb in turn, and read the peak of the memory above what it was at rest before."""
    outcome = Outcome()
    with ExitStack() as stack:
        room = Room(ground, stack)
        for name in _SHORT if ground.short else BOMBS:
            ground.tell(BOMBS[name][0])
            time.sleep(_REST_S)
            _drop(outcome, room.tower, name, partial(BOMBS[name][1], room))
        if "Traceback" in room.tower.log:
            outcome.why.append("a traceback in the log")
        room.tower.end()
    _drop_rtsp(outcome, ground)
    return outcome


def _drop_rtsp(outcome: Outcome, ground: Ground) -> None:
    """Watch a camera whose first picture never ends, until the daemon has hung up on it or it has given up."""
    folder = ground.folder / "rtsp"
    folder.mkdir()
    with (
        closing(RtspBomb(ground.random)) as camera,
        closing(HttpCamera(ground.random)) as good,
    ):
        (folder / "tower.toml").write_text(
            f'[model]\nbundle = "{eager_bundle(ground.folder)}"\n[web]\nport = 0\n'
            f'[cameras.good]\nuri = "{good.uri}"\ncadence_s = 0.2\n'
            f'[cameras.rtsp]\nuri = "rtsp://127.0.0.1:{camera.port}/x"\ntimeout_s = 10\n'
        )
        with Tower(folder / "tower.toml") as tower:
            tower.begin().wait(
                lambda status: status["cameras"]["good"]["scored"], "the good camera is scored"
            )
            _drop(outcome, tower, "endless-packet", lambda: _hangs_up(tower, camera))
            tower.end()


def _hangs_up(tower: Tower, camera: RtspBomb) -> bool:
    tower.until(camera.landed.is_set, "the daemon hangs up, or the camera has poured all that it has")
    return True  # nothing of it can be decoded


def _drop(outcome: Outcome, tower: Tower, name: str, drop: Callable[[], bool]) -> None:
    """Drop one bomb; the good camera must be scored after it, and the peak must stay within the bound.

    Args:
        outcome: is added to.
        tower: on which it is dropped.
        name: of the bomb.
        drop: returns whether it was refused.
    """
    process = Path(f"/proc/{tower.process.pid}")
    (process / "clear_refs").write_text(_CLEAR_PEAK)
    rest_bytes = takes(tower.process.pid).rss_bytes
    outcome.tried += 1
    try:
        if not drop():
            outcome.wrong += 1
            outcome.why.append(f"{name}: it was scored")
        scored = tower.status()["cameras"]["good"]["scored"]
        tower.wait(lambda status: status["cameras"]["good"]["scored"] > scored, "the good camera is scored")
    except TowerError as error:
        if tower.process.poll() is not None:
            raise
        outcome.lost += 1
        outcome.why.append(f"{name}: {str(error).partition(';')[0]}")
    peak_bytes = peak(process)
    outcome.measured[name] = {
        "rest_bytes": rest_bytes,
        "peak_bytes": peak_bytes,
        "above_rest_bytes": peak_bytes - rest_bytes,
    }
    if peak_bytes - rest_bytes <= BOUND_BYTES:
        outcome.survived += 1
    else:
        outcome.why.append(
            f"{name}: the peak is {(peak_bytes - rest_bytes) / 1e6:.0f} MB above rest; "
            f"expected {BOUND_BYTES / 1e6:.0f} at most"
        )


def peak(process: Path) -> int:
    """Return the largest resident size since it was cleared, in bytes."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{process}: the kernel tells no VmHWM")


ATTACKS = (
    Attack(
        "bombs",
        "bombs",
        "pictures, parts, headers and packets that are vast or never end, in a folder, a file, over HTTP and RTSP; "
        "the peak of the memory is to stay within 60 MB above rest, and the other camera is to be scored",
        (30, 60),
        attack,
    ),
)
