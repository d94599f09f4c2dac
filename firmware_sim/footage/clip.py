"""A video file as footage: any moment of it, played in a loop or held at its end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import av
import numpy as np

from edge.camera.container import PyAvError, reason
from edge.camera.orientation import Orientation
from edge.camera.picture import shown
from firmware_sim.footage.errors import FootageError
from firmware_sim.footage.shot import Ignition, Shot, Truth
from firmware_sim.scene.layer import Picture
from scoring.truth import Label

_KEPT_BYTES = 256 << 20  # of decoded pictures


class ClipFootage:
    """A clip that begins at a moment.

    A picture that is damaged is passed over: the one before it is shown.

    Args:
        path: of the file (mp4, mkv, avi).
        start_s: seconds since 1970 UTC of its first picture.
        end: what is shown after the last one: the clip again, or the last one.
        fire: name of the fire in it.
        ignition_s: seconds from the clip's begin to its ignition, where it is known; such a clip is not looped.
    Raises:
        FootageError: it cannot be opened, holds no picture, or is looped though it burns.
    """

    rendered = False

    def __init__(
        self,
        path: Path,
        start_s: float,
        *,
        end: Literal["loop", "hold"] = "loop",
        fire: str = "",
        ignition_s: float | None = None,
    ) -> None:
        if end == "loop" and ignition_s is not None:
            raise FootageError(
                f"clip '{path}': one with a fire cannot be played in a loop: it would burn again"
            )
        self._path, self._start_s, self._loop = path, start_s, end == "loop"
        self.ignitions: tuple[Ignition, ...] = (
            () if ignition_s is None else (Ignition(fire or path.stem, start_s + ignition_s),)
        )
        try:
            self._container = av.open(f"file:{path}", options={"protocol_whitelist": "file,crypto,data"})
        except PyAvError as error:
            raise FootageError(f"clip '{path}': cannot be opened: {_why(error)}") from error
        self._last: tuple[int, av.VideoFrame] | None = None
        self._kept: dict[int, Picture] = {}
        self._kept_bytes = 0
        try:
            self._index()
            self.size_px = self._picture(self._ticks[0]).shape[:2]
        except PyAvError as error:  # a FootageError is a ValueError, thus one of them
            self._container.close()
            raise FootageError(f"clip '{path}': {_why(error)}") from error

    def at(self, epoch_s: float) -> Shot | None:
        """Return the picture of a moment; None before the first.

        Raises:
            FootageError: the file cannot be read any more.
        """
        own_s = epoch_s - self._start_s
        if own_s < 0:
            return None
        own_s = own_s % self._long_s if self._loop else own_s
        ticks = self._ticks[max(0, bisect_right(self._times_s, own_s) - 1)]
        try:
            pixels = self._kept[ticks] if ticks in self._kept else self._picture(ticks)
        except PyAvError as error:
            raise FootageError(f"clip '{self._path}': {_why(error)}") from error
        burning = tuple(one.fire for one in self.ignitions if one.burns(epoch_s))
        label: Label = "uncertain" if burning else "no_smoke" if self.ignitions else "unlabelled"
        return Shot(pixels, epoch_s, Truth(label, burning))

    def close(self) -> None:
        """Close the file; never raises, may be called twice."""
        self._container.close()

    def _index(self) -> None:
        """Read when pictures and keyframes are, without decoding."""
        if not self._container.streams.video:
            raise FootageError("it holds no video")
        stream = self._container.streams.video[0]
        stream.thread_type = "NONE"
        base = stream.time_base
        marks = [(p.pts, p.is_keyframe) for p in self._container.demux(stream) if p.pts is not None]
        if not marks or base is None:
            raise FootageError("it holds no picture with a time")
        self._ticks = sorted(ticks for ticks, _ in marks)
        self._keys = sorted(ticks for ticks, key in marks if key)
        self._times_s = [float((ticks - self._ticks[0]) * base) for ticks in self._ticks]
        self._long_s = self._times_s[-1] + float(
            np.median(np.diff(self._times_s) if len(marks) > 1 else 0.04)
        )

    def _picture(self, ticks: int) -> Picture:
        """Decode the last whole picture up to a time; a short clip is kept, because it comes again and again."""
        key = self._keys[max(0, bisect_right(self._keys, ticks) - 1)] if self._keys else self._ticks[0]
        if self._last is None or not key <= self._last[0] <= ticks:
            self._going = self._pictures(key)
            self._ahead, self._last = next(self._going, None), None
        while self._ahead is not None and self._ahead[0] <= ticks:
            self._last, self._ahead = self._ahead, next(self._going, None)
        if self._last is None:  # nothing whole from the keyframe on
            if self._ahead is None:
                raise FootageError(f"no picture near {ticks} can be decoded")
            self._last = self._ahead
        frame = self._last[1]
        turned = Orientation(turns=round(frame.rotation / 90) % 4)
        pixels = np.asarray(shown(frame, turned).rgb(), np.uint8)
        if self._kept_bytes + pixels.nbytes <= _KEPT_BYTES:
            self._kept[ticks] = pixels
            self._kept_bytes += pixels.nbytes
        return pixels

    def _pictures(self, key: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode from a keyframe on."""
        stream = self._container.streams.video[0]
        self._container.seek(key, stream=stream, backward=True)
        for packet in self._container.demux(stream):
            try:
                frames = packet.decode()
            except PyAvError:
                continue
            for frame in frames:
                if frame.pts is not None and frame.pts >= key and not frame.is_corrupt:
                    yield frame.pts, frame


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, FootageError) else reason(error)
