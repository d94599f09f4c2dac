"""Pictures over HTTP: an answer is a stream of them, or it ends; then the next is asked for when a frame is due."""

from __future__ import annotations

import logging
import threading
from collections import deque

from edge.camera.answer import Pictures, look
from edge.camera.exif import exif_orientation
from edge.camera.orientation import Orientation
from edge.camera.picture import shown
from edge.camera.schedule import NS_PER_S, Grid
from edge.camera.source import Picture, Session
from edge.camera.still import by_opencv, checked
from edge.errors import CameraError, FrameError, HttpError
from edge.health import limit_s
from edge.http.client import Client
from edge.image import Image, RgbImage

logger = logging.getLogger(__name__)

_STEP_S = 0.25
_LEAST_S = 1.0  # between two requests
_AGAIN = 0.1  # of a cadence, after a damaged picture
_SLOW = 6  # timeouts that one picture may take while it comes


def await_turn(session: Session) -> int:
    """Wait until a picture is due; return the moment, in monotonic ns. Whoever gets a picture then takes the turn."""
    asked, clock, grid = session.asked, session.clock, _grid(session)
    never = threading.Event()
    while (now_ns := clock.mono_ns()) < asked.next_ns or not grid.due(now_ns):
        clock.wait(never, _STEP_S)
        session.beat()
    asked.next_ns = now_ns + round(_LEAST_S * NS_PER_S)
    return now_ns


class HttpSource:
    """A camera that sends pictures over HTTP.

    Args:
        client: asks it.
        first: its first answer.
        turn_ns: when that was asked for, by `await_turn`.
        shown: its address, for messages.
        timeout_s: how long nothing may come.
        session: its clock, schedule, beat and limits, and what is known of it.
        single: hang up after one picture of each answer.
    """

    live = True

    def __init__(
        self,
        client: Client,
        first: Pictures,
        turn_ns: int,
        shown: str,
        timeout_s: float,
        session: Session,
        *,
        single: bool,
    ) -> None:
        self._client = client
        self._pictures: Pictures | None = first
        self._shown = shown
        self._timeout_s = timeout_s
        self._session = session
        self._clock = session.clock
        self._asked = session.asked
        self._grid = _grid(session)
        self._single = single
        self._waiting: deque[tuple[bytes, Pictures]] = deque()
        # of the next picture, where it was asked for by itself
        self._turn_ns = None if first.is_stream else turn_ns
        self._begun_ns = self._whole_ns = self._clock.mono_ns()

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
            turn_ns = self._turn(data, pictures)
            if turn_ns is not None:
                return self._picture(data, pictures, turn_ns)
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
        except HttpError:
            # a stream is broken then; a server may leave the connection of its one picture open, or tear it
            found, more = pictures.rest(), False
            if pictures.is_stream or not pictures.count:
                raise
        if not more and pictures.is_stream and 0 < len(found) < pictures.count:
            self._see_end(found[-1])
        if found:
            self._whole_ns = self._clock.mono_ns()
        self._waiting.extend((data, pictures) for data in found)
        if more:
            self._see_time(pictures)
            return
        self.close()
        if not pictures.count:
            raise HttpError("its answer ended without a picture")
        if not self._asked.told_end:
            self._asked.told_end = True
            logger.info(
                "'%s': its answer ended (pictures: %d); it is asked again for each frame",
                self._shown,
                pictures.count,
            )

    def _see_end(self, last: bytes) -> None:
        """See that a stream did not end within a picture; the end marker alone may miss."""
        try:
            checked(last, "its last picture", self._session.limits)
        except FrameError as error:
            raise HttpError(f"the stream broke: {error}") from None

    def _see_time(self, pictures: Pictures) -> None:
        within_s = self._timeout_s * (_SLOW if pictures.begun else 1)
        if self._clock.mono_ns() - self._whole_ns > within_s * NS_PER_S:
            raise HttpError(f"no picture for {within_s:g} s, though something comes")

    def _ask(self) -> None:
        """Ask for a picture when the next frame is due."""
        turn_ns = await_turn(self._session)
        answer = self._client.request(headers=self._asked.fresh.conditions())
        try:
            if answer.status == 304:
                self._asked.fresh.unchanged()
                self._pass_by(turn_ns)
                answer.close()
                return
            self._pictures = look(answer, self._session.limits, trusted=True)
        except BaseException:
            answer.close()
            raise
        self._turn_ns, self._whole_ns = turn_ns, self._clock.mono_ns()

    def _turn(self, data: bytes, pictures: Pictures) -> int | None:
        """Return whose turn a picture takes; None where it is not due, or old."""
        if self._turn_ns is None:
            now_ns = self._clock.mono_ns()
            return now_ns if self._grid.due(now_ns) else None
        turn_ns, self._turn_ns = self._turn_ns, None
        if not self._asked.fresh.is_old(data, pictures.answer):
            return turn_ns
        self._pass_by(turn_ns)
        return None

    def _picture(self, data: bytes, pictures: Pictures, turn_ns: int) -> Picture:
        started_ns = self._clock.mono_ns()
        orientation = exif_orientation(data) or Orientation()
        try:
            image = self._image(data, orientation)
        except FrameError:
            pause_s = max(_LEAST_S, _AGAIN * self._session.schedule.cadence_s)
            self._asked.next_ns = started_ns + round(pause_s * NS_PER_S)
            raise
        self._grid.take(turn_ns)
        self._asked.fresh.take(data, pictures.answer)
        self._asked.new_ns = new_ns = self._clock.mono_ns()
        if self._asked.told_old:
            self._asked.told_old = False
            logger.info("'%s': its pictures are new again", self._shown)
        geometry = orientation.describe(image.size_px)
        return Picture(image.size_px, None, None, new_ns - started_ns, lambda: image, geometry=geometry)

    def _image(self, data: bytes, orientation: Orientation) -> Image:
        """Decode a picture: of FFmpeg's own planes, or by OpenCV what FFmpeg does not read, which turns it, too."""
        what = f"'{self._shown}': a picture"
        frame = checked(data, what, self._session.limits)
        if frame is None:
            return RgbImage(by_opencv(data, what), "BGR")
        try:
            return shown(frame, orientation)
        except FrameError as error:
            raise FrameError(f"{what}: {error}") from None

    def _pass_by(self, turn_ns: int) -> None:
        """Give the turn to an old picture; tell of it once, when it makes the camera stale."""
        self._grid.take(turn_ns)
        since_ns = self._begun_ns if self._asked.new_ns is None else self._asked.new_ns
        age_s = (self._clock.mono_ns() - since_ns) / NS_PER_S
        if age_s > limit_s(self._session.schedule.cadence_s) and not self._asked.told_old:
            self._asked.told_old = True
            logger.warning(
                "'%s': it sends the same picture since %.0f s; it counts as none", self._shown, age_s
            )


def _grid(session: Session) -> Grid:
    """Return which pictures of a camera are due, from one opening to the next."""
    if session.asked.grid is None:
        session.asked.grid = session.schedule.skipping()
    return session.asked.grid
