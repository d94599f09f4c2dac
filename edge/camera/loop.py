"""A recording without an end: it starts again, and its time goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edge.camera.source import Picture, Played, Session, Source
from edge.errors import CameraError, FrameError


def play(open_lap: Callable[[], Source], session: Session, *, loop: bool) -> Source:
    """Open a recording, once or again and again.

    Args:
        open_lap: opens it from its start.
        session: knows how far a loop has come that broke.
        loop: whether it starts again at its end.

    Raises:
        CameraError: as `open_lap` does.
    """
    return LoopSource(open_lap, session.played) if loop else open_lap()


class LoopSource:
    """A recorded source that is opened anew at its end.

    Args:
        open_lap: opens the recording from its start.
        played: how far the loop came before, where it broke; it is kept up to date.

    Raises:
        CameraError: as `open_lap` does.
    """

    live = False

    def __init__(self, open_lap: Callable[[], Source], played: Played) -> None:
        self._open_lap = open_lap
        self._lap = open_lap()
        self._played = played
        self._first_lap = played.last_ns is None
        self._offset_ns = 0
        self._start_ns: int | None = None  # of this lap, in the recording's own time
        self._last_error = ""  # of its pictures

    def read(self) -> Picture | None:
        """Return the next picture; never None.

        Raises:
            CameraError: the recording broke, or holds no picture.
            FrameError: one picture is corrupt.
        """
        picture = self._next()
        if picture is None:
            if self._start_ns is None:
                last = self._last_error and f"; the last error: {self._last_error}"
                raise CameraError(
                    f"a recording that holds no whole picture cannot be played in a loop{last}; record it again, or"
                    " point `uri` at another"
                )
            self._again()
            picture = self._next()
            if picture is None:
                raise CameraError("a recording that was readable holds no picture any more: was it replaced?")
        return self._shifted(picture)

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        self._lap.close()

    def _next(self) -> Picture | None:
        try:
            return self._lap.read()
        except FrameError as error:
            self._last_error = str(error)
            raise

    def _again(self) -> None:
        self._lap.close()
        self._lap = self._open_lap()
        self._first_lap = False
        self._start_ns = None

    def _shifted(self, picture: Picture) -> Picture:
        own_ns, last_ns = picture.source_ns or 0, self._played.last_ns
        if self._start_ns is None:
            self._start_ns = own_ns
            self._offset_ns = 0 if last_ns is None else last_ns + self._played.step_ns - own_ns
        time_ns = own_ns + self._offset_ns
        if last_ns is not None and time_ns > last_ns and own_ns != self._start_ns:
            self._played.step_ns = time_ns - last_ns
        self._played.last_ns = time_ns
        wall_ns = picture.wall_ns if self._first_lap else None
        return replace(picture, source_ns=time_ns, wall_ns=wall_ns)
