"""What may be said about a camera beside its address; one record for every kind of source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


def no_beat() -> None:
    """Tell nobody that the source is alive."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to open a source. Only what applies to its kind is used.

    Attributes:
        timeout_s: a live source that gives nothing for so long has stalled (opening and each read).
        cadence_s: seconds between the pictures that are wanted; the source then leaves the others undecoded
            where it can. None wants every picture.
        user: for `rtsp:` and `http:`, instead of one in the address.
        password: likewise; never shown.
        ca_file: certificates that `https:` trusts, instead of the system's.
        loop: a recording starts again at its end; its time goes on.
        image_cadence_s: seconds between the images of a folder, instead of the times in their names.
        times_csv: `file,epoch` a line: the time of each image of a folder, instead of its name.
        size_px: (height, width) asked of a v4l2 device or a csi camera; None takes its own.
        codec: how the pictures of a csi camera come through the pipe.
        fps: pictures a second asked of a csi camera. One is scored each minute or so, and each raw one is 3 MB at
            1920x1080: one a second costs the pipe 3 MB/s instead of the usual 93, is fresh whenever one is due,
            and lets the automatic exposure follow the light.
        extra_args: further arguments of rpicam-vid.
        beat: called for each packet or image that is passed by, so that a watchdog sees one that only skips.
    """

    timeout_s: float = 10.0
    cadence_s: float | None = None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    loop: bool = False
    image_cadence_s: float | None = None
    times_csv: Path | None = None
    size_px: tuple[int, int] | None = None
    codec: Literal["yuv420", "h264"] = "yuv420"
    fps: float = 1.0
    extra_args: tuple[str, ...] = ()
    beat: Callable[[], None] = field(default=no_beat, repr=False)
