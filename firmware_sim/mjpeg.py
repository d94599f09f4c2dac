"""Cameras over HTTP: `/NAME.mjpg` is a multipart stream of JPEG pictures, as most IP cameras give one."""

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

    def show(self, pixels: NDArray[np.uint8]) -> None:
        """Publish (H, W, 3) uint8 RGB; costs nothing while nobody looks."""
        with self._changed:
            watched = self._viewers > 0
        if not watched:
            return
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].tobytes()
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def enter(self, change: int) -> None:
        """Count a viewer in (1) or out (−1)."""
        with self._changed:
            self._viewers += change

    def newer(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a picture after `number`; return its number and JPEG, or None once closed."""
        with self._changed:
            while self._number <= number and not self._closed:
                self._changed.wait(_WAIT_S)
            return None if self._closed else (self._number, self._jpeg)

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
        """Answer with the stream of one camera."""
        name = self.path.partition("?")[0].removeprefix("/").removesuffix(".mjpg")
        channel = self.server.channels.get(name)
        if channel is None:
            self.send_error(404, f"no such camera; there are: {', '.join(self.server.channels)}")
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

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Log nothing per request."""

    def _stream(self, channel: Channel) -> None:
        number = 0
        while (newest := channel.newer(number)) is not None:
            number, jpeg = newest
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
