"""One clip in a loop, as a camera would show it: at each tick, the newest picture whose time has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.camera.address import open_source, options_for, redact
from edge.camera.file import FileOptions
from edge.camera.option import RecordingOptions
from edge.camera.source import Picture, Session
from edge.clock import SystemClock
from edge.errors import CameraError, EdgeError, FrameError

logger = logging.getLogger(__name__)

_END_S = 1.0


class Play:
    """A looped clip in a thread.

    Args:
        name: of the camera.
        clip: a recorded address of `edge.camera`.
        fps: ticks a second.
        size_px: (height, width) of what is shown; None keeps the clip's own. Odd numbers are cut by one.
        image_s: how long each image of a folder or scene is shown; None shows the next at each tick.

    Raises:
        CameraError: the clip cannot be read, or is no recording.
    """

    faulty = False

    def __init__(
        self, name: str, clip: str, fps: float, size_px: tuple[int, int] | None, image_s: float | None
    ) -> None:
        self.name = name
        self.fps = fps
        options = options_for(clip)
        if not isinstance(options, RecordingOptions):
            raise CameraError(
                f"'{redact(clip)}' is a live camera; expected a video file or a folder of images"
            )
        self._source = open_source(msgspec.structs.replace(options, loop=True), Session(SystemClock()))
        video = isinstance(options, FileOptions)
        self._image_ns = None if video else round((image_s or 1 / fps) * 1e9)
        self._count = 0
        self._first_ns = 0
        self._current = self._next = self._read()
        self._first_ns, self._due_ns = self._next.source_ns or 0, 0
        rows, cols = size_px or self._next.size_px
        self.size_px = (max(2, rows // 2 * 2), max(2, cols // 2 * 2))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"play-{name}", daemon=True)

    def start(self, show: Callable[[NDArray[np.uint8]], None], ended: Callable[[], None]) -> None:
        """Start to play.

        Args:
            show: given (H, W, 3) uint8 RGB at each tick.
            ended: called when the clip or `show` breaks.
        """
        self._show, self._ended = show, ended
        self._thread.start()

    def close(self) -> None:
        """Stop; never raises."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)
        if not self._thread.is_alive():
            self._source.close()

    def _run(self) -> None:
        started_s = time.monotonic()
        tick = 0
        try:
            while not self._stopping.wait(max(0.0, started_s + tick / self.fps - time.monotonic())):
                self._advance(round(tick / self.fps * 1e9))
                self._show(self._pixels())
                tick = max(
                    tick + 1, int((time.monotonic() - started_s) * self.fps)
                )  # late ticks are left out
        except (EdgeError, OSError, ValueError) as error:
            if not self._stopping.is_set():
                logger.error("camera '%s': %s", self.name, error)  # noqa: TRY400 - a message for people
                self._ended()

    def _advance(self, elapsed_ns: int) -> None:
        while self._due_ns <= elapsed_ns and not self._stopping.is_set():
            self._current, self._next = self._next, self._read()
            own_ns = (self._next.source_ns or 0) - self._first_ns
            self._due_ns = own_ns if self._image_ns is None else self._count * self._image_ns
            self._count += 1

    def _pixels(self) -> NDArray[np.uint8]:
        pixels = self._current.to_rgb()
        if pixels.shape[:2] == self.size_px:
            return pixels
        size = (self.size_px[1], self.size_px[0])
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _read(self) -> Picture:
        while True:
            try:
                picture = self._source.read()
            except FrameError:
                continue  # a camera leaves a corrupt picture out
            assert picture is not None, "a loop does not end"
            return picture
