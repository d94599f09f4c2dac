"""The Pi's own camera, `csi:`: rpicam-vid runs as a child process and writes raw I420 or H.264 into a pipe.

Raw is the default everywhere: nothing is encoded only to be decoded again, and a Pi 5 has no H.264 encoder. What a
stream of rpicam-vid looks like was read in its sources and the kernel's, and not measured on a board.
"""

from __future__ import annotations

import math
import re
import shutil
from typing import Annotated, Literal

from msgspec import Meta

from edge.camera.child import Child
from edge.camera.kind import Kind
from edge.camera.option import SizedOptions
from edge.camera.source import Session, Source
from edge.errors import CameraError

PROGRAMS = ("rpicam-vid", "libcamera-vid")  # the name of today, and the one before 2024
DEFAULT_SIZE_PX = (1080, 1920)

# rpicam-vid writes each buffer as it is, padded rows and all (rpicam-apps: null_encoder.cpp, file_output.cpp; issues
# 151, 188). Rows of YUV420 are padded to 64 bytes up to the Pi 4 (Linux: bcm2835-isp-fmts.h) and to 128 on a Pi 5
# (pisp_be_formats.h): a multiple of 128 has none on either. The planes follow each other without gaps, 3/2 of
# width times height (get_sizeimage in bcm2835-v4l2-isp.c; plane_factor in pisp_be.c).
WIDTH_STEP_PX = 128

_HIDDEN_FRAMES = (
    12  # libcamera holds back about 8 while exposure and white balance converge (ipa_base.cpp, start)
)
_LATE_FRAMES = 3
_LEAST_PX = 64  # of the Pi 4's driver, bcm2835-v4l2-isp.c
_ADVICE = (
    "see that the camera's cable is right, that `rpicam-hello --list-cameras` lists it, that no other program uses"
    " it, and that this user may (group `video`)"
)


class CsiOptions(SizedOptions, frozen=True, kw_only=True):
    """A camera of the board.

    Attributes:
        codec: how the pictures come through the pipe.
        fps: pictures a second. One is scored each minute or so, and each raw one is 3 MB at 1920x1080: one a second
            costs the pipe 3 MB/s instead of the usual 93, is fresh whenever one is due, and lets the automatic
            exposure follow the light.
        extra_args: further arguments of rpicam-vid; no shell sees them.
    """

    codec: Literal["yuv420", "h264"] = "yuv420"
    fps: Annotated[float, Meta(ge=0.1, le=120)] = 1.0
    extra_args: tuple[Annotated[str, Meta(min_length=1, pattern=r"^[^\0]*$")], ...] = ()

    def check(self) -> None:
        """See to the address, and that the pipe can carry pictures of the size."""
        super().check()
        if re.fullmatch(r"csi:[0-9]{0,2}", self.uri, re.IGNORECASE) is None:
            raise ValueError("uri: expected csi: or csi:N, N as `rpicam-hello --list-cameras` counts, from 0")
        height, width = self.size_px or DEFAULT_SIZE_PX
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps is {self.fps}; expected a number above 0")
        if min(height, width) < _LEAST_PX or height % 2 or width % 2:
            raise ValueError(
                f"width_px, height_px: {width}x{height} px; expected even numbers from {_LEAST_PX}"
            )
        if self.codec == "yuv420" and width % WIDTH_STEP_PX:
            below = width // WIDTH_STEP_PX * WIDTH_STEP_PX
            fit = " or ".join(str(step) for step in (below, below + WIDTH_STEP_PX) if step)
            raise ValueError(
                f"width_px is {width}; rows of raw frames are padded unless it is a multiple of {WIDTH_STEP_PX}:"
                f' set it to {fit}, or `codec` to "h264"'
            )


def open_csi(options: CsiOptions, session: Session) -> Source:
    """Open a camera of the board, `csi:` or `csi:N` with its number in `rpicam-hello --list-cameras`.

    Raises:
        CameraError: there is no such program, or it cannot be started. One that refuses the camera
            is noticed here (H.264), or in the first read (raw).
    """
    rest = options.uri.partition(":")[2]
    shown = f"csi:{rest}"
    height, width = size_px = options.size_px or DEFAULT_SIZE_PX
    if height * width > session.limits.picture_pixels:
        raise CameraError(
            f"'{shown}': {width}x{height} px are more than limits.picture_pixels ({session.limits.picture_pixels})"
        )
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
    child = Child(command, shown, _ADVICE, session)
    child.expect(options.timeout_s + _HIDDEN_FRAMES / options.fps)
    try:
        return _source(child, shown, size_px, options, session)
    except BaseException:
        child.close()
        raise


def _source(
    child: Child, shown: str, size_px: tuple[int, int], options: CsiOptions, session: Session
) -> Source:
    limit_s = max(options.timeout_s, _LATE_FRAMES / options.fps)
    if options.codec == "yuv420":
        from edge.camera.raw import RawSource  # noqa: PLC0415 — cv2

        return RawSource(child, shown, size_px, limit_s, session)
    from edge.camera.container import Opening  # noqa: PLC0415 — av
    from edge.camera.encoded import EncodedSource  # noqa: PLC0415 — av

    opening = Opening(
        "", shown, live=True, timeout_s=options.timeout_s, advice=_ADVICE, limits=session.limits
    )
    return EncodedSource(child, opening, limit_s, session)


CSI = Kind(("csi",), "csi:", CsiOptions, open_csi, live=True)
