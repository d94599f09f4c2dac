"""The Pi's own camera, `csi:`: rpicam-vid runs as a child process and writes raw I420 or H.264 into a pipe.

Raw is the default everywhere: nothing is encoded only to be decoded again, and a Pi 5 has no H.264 encoder. What a
stream of rpicam-vid looks like was read in its sources and the kernel's, and not measured on a board.
"""

from __future__ import annotations

import math
import re
import shutil
import time
from dataclasses import replace

import av

from edge.camera.child import Child
from edge.camera.container import Opening, PyAvError, reason
from edge.camera.option import SourceOptions
from edge.camera.raw import WIDTH_STEP_PX, RawSource
from edge.camera.source import Picture, Source
from edge.camera.video import VideoSource
from edge.errors import CameraError

PROGRAMS = ("rpicam-vid", "libcamera-vid")  # the name of today, and the one before 2024
DEFAULT_SIZE_PX = (1080, 1920)

_HIDDEN_FRAMES = (
    12  # libcamera holds back about 8 while exposure and white balance converge (ipa_base.cpp, start)
)
_LATE_FRAMES = 3
_LEAST_PX = 64  # of the Pi 4's driver, bcm2835-v4l2-isp.c
_PROBING = {"probesize": "32"}  # bytes, FFmpeg's least: opened after one picture, not after nine
_ADVICE = (
    "see that the camera's cable is right, that `rpicam-hello --list-cameras` lists it, that no other program uses"
    " it, and that this user may (group `video`)"
)


def open_csi(rest: str, options: SourceOptions) -> Source:
    """Open a camera of the board.

    Args:
        rest: the address behind `csi:`: the camera's number in `rpicam-hello --list-cameras`, or empty for 0.
        options: `size_px`, `codec`, `fps`, `extra_args`, `timeout_s`, `cadence_s` and `beat` are used.

    Raises:
        CameraError: a wrong address or option, no such program, or it cannot be started. One that refuses the camera
            is noticed here (H.264), or in the first read (raw).
    """
    shown = f"csi:{rest}"
    if re.fullmatch(r"[0-9]{0,2}", rest) is None:
        raise CameraError(
            f"'{shown}': expected csi: or csi:N, N as `rpicam-hello --list-cameras` counts, from 0"
        )
    height, width = size_px = options.size_px or DEFAULT_SIZE_PX
    _check(shown, size_px, options)
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise CameraError(
            f"cannot open '{shown}': neither {' nor '.join(PROGRAMS)} is on the PATH; on Raspberry Pi OS:"
            " sudo apt install rpicam-apps-lite"
        )
    # a keyframe a second, so that only those that are due need be decoded
    encoder = ["--inline", "--intra", str(math.ceil(options.fps))] if options.codec == "h264" else []
    command = [
        *(program, "--camera", rest or "0", "--width", str(width), "--height", str(height)),
        *("--framerate", f"{options.fps:g}", "--codec", options.codec, *encoder),
        *("--timeout", "0", "--nopreview", "--flush", "--output", "-", *options.extra_args),
    ]
    child = Child(command, shown, _ADVICE, options.beat)
    child.expect(options.timeout_s + _HIDDEN_FRAMES / options.fps)
    limit_s = max(options.timeout_s, _LATE_FRAMES / options.fps)
    if options.codec == "yuv420":
        return RawSource(
            child, shown, size_px, limit_s=limit_s, cadence_s=options.cadence_s, beat=options.beat
        )
    try:
        return EncodedSource(child, shown, limit_s, options)
    except BaseException:
        child.close()
        raise


def _check(shown: str, size_px: tuple[int, int], options: SourceOptions) -> None:
    height, width = size_px
    if not (math.isfinite(options.fps) and options.fps > 0):
        raise CameraError(f"'{shown}': fps is {options.fps}; expected a number above 0")
    if min(size_px) < _LEAST_PX or height % 2 or width % 2:
        raise CameraError(f"'{shown}': {width}x{height} px; expected even numbers from {_LEAST_PX}")
    if options.codec == "yuv420" and width % WIDTH_STEP_PX:
        below = width // WIDTH_STEP_PX * WIDTH_STEP_PX
        fit = " or ".join(str(step) for step in (below, below + WIDTH_STEP_PX) if step)
        raise CameraError(
            f"'{shown}': width_px is {width}; rows of raw frames are padded unless it is a multiple of"
            f' {WIDTH_STEP_PX}: set it to {fit}, or `codec` to "h264"'
        )


class EncodedSource:
    """H.264 of a running rpicam-vid, its faults told in the program's own words.

    Args:
        child: the program; `expect` was called for its first picture.
        shown: its address, for messages.
        limit_s: how long each picture after the first may take.
        options: as for `open_csi`.

    Raises:
        CameraError: the program ended or stalled, or what it wrote is no H.264.
    """

    live = True

    def __init__(self, child: Child, shown: str, limit_s: float, options: SourceOptions) -> None:
        self._child = child
        self._limit_s = limit_s
        self._beat = options.beat
        self._pipe = _Pipe(child)
        failure = ""
        try:
            container = av.open(self._pipe, mode="r", format="h264", options=_PROBING)
        except PyAvError as error:
            failure = reason(error, time.monotonic_ns(), math.inf)
        if self._pipe.fault is not None:
            raise self._pipe.fault
        if failure:
            raise CameraError(f"cannot open '{shown}': {failure}; {_ADVICE}")
        opening = Opening("", shown, live=True, timeout_s=options.timeout_s, advice=_ADVICE)
        self._video = VideoSource(opening, replace(options, beat=self._renew), container=container)

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
