"""Footage as a camera of the daemon, in the same process and on the same clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session
from edge.errors import CameraError, FrameError
from edge.image import RgbImage
from firmware_sim.footage.errors import FootageError
from firmware_sim.footage.fault import StreamFaults, StreamKind
from firmware_sim.footage.shot import Footage, Shot

TIMEOUT_S = 10.0
STEP_S = 0.25
NO_FAULTS = StreamFaults()


class FootageSource:
    """One open camera that shows footage.

    `read` waits on the session's clock until a picture is due, so that a simulated clock goes on by it. It gives the
    picture of that moment; a recording's picture is given once, so that a slow one is silent until its next.

    Args:
        footage: what it shows; it stays open when the source is closed, because a camera is opened again.
        session: its clock, schedule and beat.
        now_s: the simulated time, in seconds since 1970 UTC, which the board's own clock may not know.
        faults: of its stream; those of the picture are the footage's (`Faulty`).
        timeout_s: silence after which the camera is given up.
        step_s: of its waits.
        patient: whether one wait lasts until the next picture is due. Who moves the clock wakes it then, where the
            camera is to be closed or its cadence changes meanwhile.
        seen: told of each picture that is given, for the truth.

    Raises:
        CameraError: the connection is cut.
    """

    live = True

    def __init__(
        self,
        footage: Footage,
        session: Session,
        now_s: Callable[[], float],
        *,
        faults: StreamFaults = NO_FAULTS,
        timeout_s: float = TIMEOUT_S,
        step_s: float = STEP_S,
        patient: bool = False,
        seen: Callable[[Shot], None] | None = None,
    ) -> None:
        self._footage, self._now_s, self._faults = footage, now_s, faults
        self._timeout_s, self._step_s, self._seen = timeout_s, step_s, seen
        self._patient = patient
        self._clock, self._beat = session.clock, session.beat
        self._grid = session.schedule.skipping()
        self._taken_s: float | None = None
        self._never = threading.Event()
        self._closed = False
        if self._fault() == "cut":
            raise CameraError("the simulated camera cannot be reached: its connection is cut")

    def read(self) -> Picture | None:
        """Return the next picture that is due.

        Raises:
            CameraError: the connection is cut, or nothing came for the timeout.
            FrameError: the picture that was due is damaged.
        """
        self._await_due()
        silent_ns = self._clock.mono_ns()
        while True:
            fault = self._fault()
            if fault == "cut" or self._closed:
                raise CameraError("the simulated camera's connection was cut")
            if fault == "corrupt":
                self._grid.take(self._clock.mono_ns())
                raise FrameError("the simulated camera's picture is damaged")
            picture = None if fault == "stall" else self._picture()
            if picture is not None:
                return picture
            if self._clock.mono_ns() - silent_ns >= self._timeout_s * NS_PER_S and self._owes_a_picture(
                fault
            ):
                raise CameraError(f"nothing came from the simulated camera for {self._timeout_s:g} s")
            self._pause(self._step_s)

    def close(self) -> None:
        """End it; never raises, may be called twice."""
        self._closed = True

    def _await_due(self) -> None:
        while not self._grid.due(self._clock.mono_ns()) and not self._closed and self._fault() != "cut":
            left_ns = self._grid.left_ns(self._clock.mono_ns())
            self._pause(left_ns / NS_PER_S if self._patient else self._step_s)

    def _pause(self, seconds: float) -> None:
        self._clock.wait(self._never, seconds)
        self._beat()

    def _picture(self) -> Picture | None:
        try:
            shot = self._footage.at(self._now_s())
        except FootageError as error:
            raise CameraError(str(error)) from error
        if shot is None or shot.taken_s == self._taken_s:
            return None
        self._taken_s = shot.taken_s
        self._grid.take(self._clock.mono_ns())
        if self._seen is not None:
            self._seen(shot)
        image = RgbImage(shot.pixels)
        return Picture(image.size_px, None, None, 0, lambda: image)

    def _owes_a_picture(self, fault: StreamKind | None) -> bool:
        """Say whether silence is a fault: a recording whose next picture is not there yet is only slow."""
        return fault == "stall" or self._footage.at(self._now_s()) is None

    def _fault(self) -> StreamKind | None:
        return self._faults.at(self._now_s())
