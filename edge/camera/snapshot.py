"""Pictures over HTTP: an answer is a stream of them, or it ends; then the next is asked for when a frame is due."""

from __future__ import annotations

import logging
import threading
from collections import deque

from edge.camera.answer import Pictures, look
from edge.camera.exif import exif_orientation
from edge.camera.freshness import Freshness
from edge.camera.schedule import NS_PER_S
from edge.camera.source import Picture, Session
from edge.camera.still import decode
from edge.errors import CameraError, FrameError, HttpError, SilenceError
from edge.health import limit_s
from edge.http.client import Client
from edge.image import RgbImage

logger = logging.getLogger(__name__)

_STEP_S = 0.25
_LEAST_S = 1.0  # between two requests
_AGAIN = 0.1  # of a cadence, after a damaged picture
_SLOW = 6  # timeouts that one picture may take while it comes


class HttpSource:
    """A camera that sends pictures over HTTP.

    Args:
        client: asks it.
        first: its first answer.
        shown: its address, for messages.
        timeout_s: how long nothing may come.
        session: its clock, schedule, beat and limits.
        single: hang up after one picture of each answer.
    """

    live = True

    def __init__(
        self, client: Client, first: Pictures, shown: str, timeout_s: float, session: Session, *, single: bool
    ) -> None:
        self._client = client
        self._pictures: Pictures | None = first
        self._shown = shown
        self._timeout_s = timeout_s
        self._session = session
        self._clock = session.clock
        self._grid = session.schedule.skipping()
        self._single = single
        self._waiting: deque[tuple[bytes, Pictures]] = deque()
        self._fresh = Freshness()
        self._asked = False  # for the next picture, whose turn is taken
        self._told_single = self._told_old = False
        self._next_ns = self._whole_ns = self._new_ns = self._clock.mono_ns()

    def read(self) -> Picture:
        """Return the next picture that is due.

        Raises:
            CameraError: it gives none, or cannot be reached any more.
            FrameError: the picture that was due is damaged or too large.
        """
        while True:
            try:
                data, pictures = self._next()
            except (HttpError, FrameError) as error:
                raise CameraError(f"'{self._shown}': {error}") from None
            if self._wanted(data, pictures):
                return self._picture(data, pictures)
            self._session.beat()

    def close(self) -> None:
        """Hang up; never raises, may be called twice."""
        if self._pictures is not None:
            self._pictures.answer.close()
            self._pictures = None

    def _next(self) -> tuple[bytes, Pictures]:
        """Return the next picture, and where it came from."""
        while not self._waiting:
            if self._pictures is None:
                self._ask()
            else:
                self._listen(self._pictures)
        found = self._waiting.popleft()
        if self._single:
            self._waiting.clear()
            self.close()
        return found

    def _listen(self, pictures: Pictures) -> None:
        """Take what comes of an answer."""
        try:
            found, more = pictures.read()
        except HttpError as error:
            # a stream that is silent is broken; a server may leave the connection of its one picture open, or tear it
            found, more = pictures.rest(), False
            if not pictures.count or (isinstance(error, SilenceError) and pictures.is_stream):
                raise
        if found:
            self._whole_ns = self._clock.mono_ns()
        self._waiting.extend((data, pictures) for data in found)
        if more:
            self._see_time(pictures)
            return
        self.close()
        if not pictures.count:
            raise HttpError("its answer ended without a picture")
        if not self._told_single:
            self._told_single = True
            logger.info(
                "'%s': its answer ended (pictures: %d); it is asked again for each frame",
                self._shown,
                pictures.count,
            )

    def _see_time(self, pictures: Pictures) -> None:
        within_s = self._timeout_s * (_SLOW if pictures.begun else 1)
        if self._clock.mono_ns() - self._whole_ns > within_s * NS_PER_S:
            raise HttpError(f"no picture for {within_s:g} s, though something comes")

    def _ask(self) -> None:
        """Ask for a picture when the next frame is due."""
        never = threading.Event()
        while (now_ns := self._clock.mono_ns()) < self._next_ns or not self._grid.due(now_ns):
            self._clock.wait(never, _STEP_S)
            self._session.beat()
        self._grid.take(now_ns)
        self._next_ns = now_ns + round(_LEAST_S * NS_PER_S)
        answer = self._client.request(headers=self._fresh.conditions())
        try:
            if answer.status == 304:
                self._fresh.unchanged()
                self._see_age()
                answer.close()
                return
            self._pictures = look(answer, self._session.limits, trusted=True)
        except BaseException:
            answer.close()
            raise
        self._asked = True
        self._whole_ns = self._clock.mono_ns()

    def _wanted(self, data: bytes, pictures: Pictures) -> bool:
        now_ns = self._clock.mono_ns()
        if self._asked:
            self._asked = False
            if old := self._fresh.is_old(data, pictures.answer):
                self._see_age()
            return not old
        if due := self._grid.due(now_ns):
            self._grid.take(now_ns)
        return due

    def _picture(self, data: bytes, pictures: Pictures) -> Picture:
        started_ns = self._clock.mono_ns()
        try:
            bgr = decode(data, f"'{self._shown}': a picture", self._session.limits)
        except FrameError:
            self._grid.give_back()
            pause_s = max(_LEAST_S, _AGAIN * self._session.schedule.cadence_s)
            self._next_ns = started_ns + round(pause_s * NS_PER_S)
            raise
        self._new_ns = self._clock.mono_ns()
        self._fresh.take(data, pictures.answer)
        if self._told_old:
            self._told_old = False
            logger.info("'%s': its pictures are new again", self._shown)
        image = RgbImage(bgr, "BGR")
        orientation = exif_orientation(data)
        geometry = "" if orientation is None else orientation.describe(image.size_px)
        return Picture(image.size_px, None, None, self._new_ns - started_ns, lambda: image, geometry=geometry)

    def _see_age(self) -> None:
        """Tell of a picture that stays the same, once, when it makes the camera stale."""
        age_s = (self._clock.mono_ns() - self._new_ns) / NS_PER_S
        if age_s > limit_s(self._session.schedule.cadence_s) and not self._told_old:
            self._told_old = True
            logger.warning(
                "'%s': it sends the same picture since %.0f s; it counts as none", self._shown, age_s
            )
