"""Raw I420 frames out of the pipe of a child process: whole or not at all, and converted only when they are due."""

from __future__ import annotations

import logging
import re

import numpy as np
from numpy.typing import NDArray

from edge.camera.child import Child
from edge.camera.planes import BT601, PlanarImage
from edge.camera.source import Picture, Session
from edge.errors import CameraError

logger = logging.getLogger(__name__)

_CONFIGURED = re.compile(rb"\(0\) (\d+)x(\d+)-YUV420")


class RawSource:
    """Frames of a running rpicam-vid. All are taken out of the pipe, those that are due become pictures.

    Args:
        child: the program; `expect` was called for its first frame.
        shown: its address, for messages.
        size_px: (height, width), even, the width such that no row of them is padded.
        limit_s: how long each frame after the first may take.
        session: its clock, schedule and beat.
    """

    live = True

    def __init__(
        self,
        child: Child,
        shown: str,
        size_px: tuple[int, int],
        limit_s: float,
        session: Session,
    ) -> None:
        self._child = child
        self._shown = shown
        self._size_px = size_px
        self._limit_s = limit_s
        self._clock = session.clock
        self._grid = session.schedule.skipping()
        self._beat = session.beat
        self._frame = bytearray(size_px[0] * size_px[1] * 3 // 2)
        self._begun = False

    def read(self) -> Picture:
        """Return the next picture that is due.

        Raises:
            CameraError: the program ended or stalled, or makes pictures of another size.
        """
        while True:
            self._fill()
            now_ns = self._clock.mono_ns()
            if self._grid.due(now_ns):
                self._grid.take(now_ns)
                return self._picture(now_ns)
            self._beat()

    def close(self) -> None:
        """End the program; never raises, may be called twice."""
        self._child.close()

    def _fill(self) -> None:
        """Read one whole frame over the last one."""
        if self._begun:
            self._child.expect(self._limit_s)
        view, filled = memoryview(self._frame), 0
        while filled < len(view):
            count = self._child.readinto(view[filled:])
            if count == 0:
                raise self._child.ended(" in the middle of a picture" if filled else "")
            filled += count
        if not self._begun:
            self._check_size()
            self._begun = True

    def _picture(self, now_ns: int) -> Picture:
        height, width = self._size_px
        i420 = np.frombuffer(bytes(self._frame), np.uint8).reshape(height * 3 // 2, width)
        return Picture(self._size_px, None, None, self._clock.mono_ns() - now_ns, lambda: image_of(i420))

    def _check_size(self) -> None:
        """See that libcamera, which may adjust a size, did not: it says so on standard error."""
        found = _CONFIGURED.search(self._child.words)
        height, width = self._size_px
        if found is None:
            logger.warning(
                "'%s': the program does not say which size it makes; %dx%d px are taken for granted: look at a picture",
                self._shown,
                width,
                height,
            )
        elif (int(found[2]), int(found[1])) != (height, width):
            raise CameraError(
                f"'{self._shown}': pictures of {int(found[1])}x{int(found[2])} px come, where {width}x{height} were"
                " asked for; set `width_px` and `height_px` to a size that the camera offers"
            )


def image_of(i420: NDArray[np.uint8]) -> PlanarImage:
    """Make an image of a frame in full range by ITU-R BT.601.

    Args:
        i420: (H * 3 / 2, W) uint8: Y, then U and V at half the size; it is not changed afterwards.

    Source: JFIF 1.02, which has the same matrix, range and place of chroma. That rpicam-vid asks libcamera for sYCC
    where the codec is yuv420: rpicam-apps, get_colourspace_flags in rpicam_vid.cpp, ConfigureVideo in rpicam_app.cpp
    (libcamera-apps before 2022 wrote limited range; issue 205 there).
    """
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return PlanarImage((i420[:height], u, v), BT601, full_range=True)
