"""H.264 out of the pipe of a child process."""

from __future__ import annotations

from dataclasses import replace

import av

from edge.camera.child import Child
from edge.camera.container import Opening, PyAvError, reason
from edge.camera.room import hold
from edge.camera.source import Picture, Session
from edge.camera.video import VideoSource
from edge.errors import CameraError

_PROBING = {"probesize": "32"}  # bytes, FFmpeg's least: opened after one picture, not after nine


class EncodedSource:
    """H.264 of a running rpicam-vid, its faults told in the program's own words.

    Args:
        child: the program; `expect` was called for its first picture.
        opening: how it is told of.
        limit_s: how long each picture after the first may take.
        session: its clock, schedule and beat.

    Raises:
        CameraError: the program ended or stalled, or what it wrote is no H.264.
    """

    live = True

    def __init__(self, child: Child, opening: Opening, limit_s: float, session: Session) -> None:
        self._child = child
        self._limit_s = limit_s
        self._beat = session.beat
        self._pipe = _Pipe(child)
        failure = ""
        hold(opening.limits.packet_bytes)
        try:
            container = av.open(
                self._pipe, mode="r", format="h264", options={**_PROBING, **opening.limits.bounds}
            )
        except PyAvError as error:
            failure = reason(error)
        if self._pipe.fault is not None:
            raise self._pipe.fault
        if failure:
            raise CameraError(f"cannot open '{opening.shown}': {failure}; {opening.advice}")
        self._video = VideoSource(opening, replace(session, beat=self._renew), container=container)

    def read(self) -> Picture | None:
        """Return the next picture.

        Raises:
            CameraError: the program ended or stalled.
            FrameError: one picture is corrupt.
        """
        try:
            return self._video.read()
        except CameraError:
            if self._pipe.fault is not None:
                raise self._pipe.fault from None
            raise

    def close(self) -> None:
        """End the program; never raises, may be called twice."""
        self._child.close()
        self._video.close()

    def _renew(self) -> None:
        """Begin the wait for the next packet."""
        self._child.expect(self._limit_s)
        self._beat()


class _Pipe:
    """The program's output as a file for FFmpeg, through which no exception goes: it ends, and `fault` says why."""

    def __init__(self, child: Child) -> None:
        self.fault: Exception | None = None
        self._child = child

    def read(self, size: int) -> bytes:
        """Return what has come; empty at the end."""
        if self.fault is not None:
            return b""
        buffer = bytearray(size)
        try:
            count = self._child.readinto(memoryview(buffer))
        except Exception as error:  # noqa: BLE001 - a reader that is told to stop raises through the beat
            self.fault = error
            return b""
        if count == 0:
            self.fault = self._child.ended()
        return bytes(buffer[:count])
