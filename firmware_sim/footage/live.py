"""Footage as a live camera: played by a clock to the RTSP and HTTP servers, with the faults of its stream."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge.errors import EdgeError
from firmware_sim.footage.fault import StreamFaults
from firmware_sim.footage.shot import Footage, Shot
from firmware_sim.footage.source import NO_FAULTS
from firmware_sim.scene.layer import Picture
from firmware_sim.serve import Outlet

logger = logging.getLogger(__name__)

_END_S = 2.0


class FootagePlayer:
    """One camera for `firmware_sim.serve.serving_players`, in a thread.

    Footage that has nothing to show is silent, as a stall is.

    Args:
        name: of the camera.
        footage: what it shows, with the faults of its picture (`Faulty`); closed with the player.
        fps: pictures a second.
        now_s: the simulated time, in seconds since 1970 UTC.
        faults: of its stream. Over RTSP a damaged picture harms those after it, up to the next keyframe.
        seen: told of each picture that is shown, for the truth; in the player's thread.
    """

    faulty = True

    def __init__(
        self,
        name: str,
        footage: Footage,
        fps: float,
        now_s: Callable[[], float] = time.time,
        *,
        faults: StreamFaults = NO_FAULTS,
        seen: Callable[[Shot], None] | None = None,
    ) -> None:
        self.name, self.fps = name, fps
        rows, cols = footage.size_px
        self.size_px = (rows // 2 * 2, cols // 2 * 2)
        self._footage, self._now_s, self._faults, self._seen = footage, now_s, faults, seen
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, outlet: Outlet, ended: Callable[[], None]) -> None:
        """Start to show pictures; `ended` is called when the footage or the server breaks."""
        self._thread = threading.Thread(
            target=self._run, args=(outlet, ended), name=f"play-{self.name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop; never raises, may be called twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_END_S)
        if self._thread is None or not self._thread.is_alive():
            self._footage.close()

    def _run(self, outlet: Outlet, ended: Callable[[], None]) -> None:
        started_s, tick = time.monotonic(), 0
        try:
            while not self._stopping.wait(max(0.0, started_s + tick / self.fps - time.monotonic())):
                self._show(outlet)
                tick = max(tick + 1, int((time.monotonic() - started_s) * self.fps))  # late ones are left out
        except (EdgeError, OSError, ValueError) as error:
            if not self._stopping.is_set():
                logger.error("camera '%s': %s", self.name, error)  # noqa: TRY400 — a message for people
                ended()

    def _show(self, outlet: Outlet) -> None:
        now_s = self._now_s()
        fault = self._faults.at(now_s)
        outlet.become("cut" if fault == "cut" else "damaged" if fault == "corrupt" else "well")
        if fault in {"cut", "stall"}:
            return
        shot = self._footage.at(now_s)
        if shot is None:
            return
        if self._seen is not None:
            self._seen(shot)
        outlet(self._fitted(shot.pixels))

    def _fitted(self, pixels: Picture) -> Picture:
        if pixels.shape[:2] == self.size_px:
            return pixels
        size = (self.size_px[1], self.size_px[0])
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
