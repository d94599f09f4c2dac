"""Cameras over HTTP, as most IP cameras are: `/NAME.mjpg` is a multipart stream of JPEGs, `/NAME.jpg` the next one."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
from numpy.typing import NDArray

_QUALITY = 85
_BOUNDARY = "firetower"
_WAIT_S = 1.0


class Channel:
    """The newest JPEG of one camera, for all who look at it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._viewers = 0
        self._closed = False
        self._cut = False

    @property
    def is_cut(self) -> bool:
        """Whether nobody is connected, or can be."""
        return self._cut

    @property
    def number(self) -> int:
        """Of the newest picture."""
        with self._changed:
            return self._number

    def cut(self, *, off: bool) -> None:
        """End all streams and refuse new ones, or accept them again."""
        with self._changed:
            self._cut = off
            self._changed.notify_all()

    def show(self, pixels: NDArray[np.uint8], *, damaged: bool = False) -> None:
        """Publish (H, W, 3) uint8 RGB; costs nothing while nobody looks.

        Args:
            pixels: the picture.
            damaged: part of its JPEG is lost on the way.
        """
        with self._changed:
            watched = self._viewers > 0
        if not watched:
            return
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].tobytes()
        if damaged:
            third = len(jpeg) // 3
            jpeg = jpeg[:third] + bytes(third) + jpeg[2 * third :]
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def enter(self, change: int) -> None:
        """Count a viewer in (1) or out (−1)."""
        with self._changed:
            self._viewers += change

    def newer(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a picture after `number`; return its number and JPEG, or None once closed or cut."""
        with self._changed:
            while self._number <= number and not self._closed and not self._cut:
                self._changed.wait(_WAIT_S)
            return None if self._closed or self._cut else (self._number, self._jpeg)

    def close(self) -> None:
        """End all streams."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class MjpegServer(ThreadingHTTPServer):
    """Serves channels by name on loopback.

    Args:
        channels: by the camera's name.
        port: 0 picks a free one.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, channels: dict[str, Channel], port: int) -> None:
        self.channels = channels
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: viewers come and go."""


class _Handler(BaseHTTPRequestHandler):
    server: MjpegServer
    timeout = 10  # s, for a viewer that does not take its pictures

    def do_GET(self) -> None:
        """Answer with the stream of one camera, or with its next picture."""
        path = self.path.partition("?")[0].removeprefix("/")
        single = path.endswith(".jpg")
        channel = self.server.channels.get(path.removesuffix(".jpg").removesuffix(".mjpg"))
        if channel is None:
            self.send_error(404, f"no such camera; there are: {', '.join(self.server.channels)}")
            return
        if channel.is_cut:
            self.close_connection = True
            return
        if single:
            self._answer_one(channel)
            return
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        channel.enter(1)
        try:
            self._stream(channel)
        except OSError:
            self.close_connection = True  # the viewer went away
        finally:
            channel.enter(-1)

    def _answer_one(self, channel: Channel) -> None:
        channel.enter(1)
        try:
            newest = channel.newer(channel.number)
            if newest is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(newest[1])))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(newest[1])
        except OSError:
            self.close_connection = True  # the viewer went away
        finally:
            channel.enter(-1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Log nothing per request."""

    def _stream(self, channel: Channel) -> None:
        number = channel.number  # what was kept since the last viewer is old
        while (newest := channel.newer(number)) is not None:
            number, jpeg = newest
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
