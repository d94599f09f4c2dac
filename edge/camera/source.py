"""The contract of a camera: an open source that hands over pictures one by one, and nothing about threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.camera.errand import Errands
from edge.camera.freshness import Freshness
from edge.camera.limit import Limits
from edge.camera.schedule import Grid, Schedule
from edge.clock import Clock
from edge.errors import CameraError

if TYPE_CHECKING:
    from edge.image import Image  # and with it cv2

LEAST_PX = 64  # a side of a camera's pictures
_FIRST_STEP_NS = 1_000_000_000


def no_beat() -> None:
    """Tell nobody that the source is alive."""


@dataclass(slots=True)
class Played:
    """How far a recording that is played in a loop has come, in the loop's own time, which goes on over all its laps.

    Attributes:
        last_ns: time of its last picture; None before the first.
        step_ns: between the last two of one lap.
    """

    last_ns: int | None = None
    step_ns: int = _FIRST_STEP_NS


@dataclass(slots=True)
class Asked:
    """How far a camera has come that is asked for its pictures over HTTP.

    Attributes:
        fresh: which of its pictures are new.
        grid: which are due; None before the first opening.
        next_ns: before that it is not asked again.
        new_ns: when its last new picture was taken; None before the first.
        told_end: whether the log says that its answers end.
        told_old: whether the log says that its picture stays the same.
    """

    fresh: Freshness = field(default_factory=Freshness)
    grid: Grid | None = None
    next_ns: int = 0
    new_ns: int | None = None
    told_end: bool = False
    told_old: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """What a source and its reader share while it is open.

    Attributes:
        clock: the only one that the source reads.
        schedule: of the camera; the source leaves pictures that are not due undecoded where it can.
        beat: called for each packet or image that is passed by, so that a watchdog sees one that only skips.
        password: what its `password_file` holds, where it has one; never shown.
        limits: of its pictures and packets.
        errands: its calls that may hang, from one opening to the next.
        played: how far its loop has come, from one opening to the next.
        asked: how far it has come over HTTP, from one opening to the next.
        untried: what a trial could not try, for people; the source adds to it.
    """

    clock: Clock
    schedule: Schedule = field(default_factory=Schedule)
    beat: Callable[[], None] = field(default=no_beat, repr=False)
    password: str | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=Limits)
    errands: Errands = field(default_factory=Errands, repr=False)
    played: Played = field(default_factory=Played)
    asked: Asked = field(default_factory=Asked, repr=False)
    untried: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture that has not been converted yet, since most are never looked at.

    Attributes:
        size_px: (height, width).
        source_ns: the source's own timestamp in ns, the model's time in recordings; None where it has none.
        wall_ns: wall time of the picture where the source knows it (an image's name, a CSV), else None.
        decode_ns: time spent decoding it, in ns.
        to_image: makes of it what the model and people look at; raises FrameError where it cannot.
        name: file name in a folder, else empty.
        geometry: what was done to it that versions before 0.2 did not do, for people; empty where nothing was.
    """

    size_px: tuple[int, int]
    source_ns: int | None
    wall_ns: int | None
    decode_ns: int
    to_image: Callable[[], Image]
    name: str = ""
    geometry: str = ""

    def to_rgb(self) -> NDArray[np.uint8]:
        """Return the whole picture, (H, W, 3) uint8 RGB, C-contiguous.

        Raises:
            FrameError: it cannot be converted.
        """
        return self.to_image().rgb()


def require_size(picture: Picture, camera: str) -> None:
    """See that a camera's picture is large enough to look for smoke in.

    Args:
        picture: as it came from the source.
        camera: its name.

    Raises:
        CameraError: it is too small; names the key.
    """
    height, width = picture.size_px
    if min(height, width) < LEAST_PX:
        raise CameraError(
            f"cameras.{camera}.uri: its pictures are {width}x{height} px; expected {LEAST_PX}x{LEAST_PX} or more"
        )


def describe_geometry(camera: str, geometry: str, drawn: Sequence[str]) -> str:
    """Say that a camera's pictures, and so its polygons, are other ones than those of versions before.

    Args:
        camera: its name.
        geometry: of a picture of it, not empty.
        drawn: its keys that have polygons.
    """
    told = f"its pictures are {geometry}, unlike in earlier versions"
    keys = " and ".join(f"cameras.{camera}.{key}" for key in drawn)
    return f"{told}: see that {keys} still cover what they should" if keys else told


class Source(Protocol):
    """One open camera.

    `live` is False where time belongs to the recording (files, folders, the scene): such a source has a
    `source_ns` on every picture, and replaying it twice gives the same pictures.
    """

    live: bool

    def read(self) -> Picture | None:
        """Return the next picture, or None at the end of a recording.

        Raises:
            CameraError: the source stalled beyond its timeout, broke, or ended though it is live.
            FrameError: one picture is corrupt; the next read may succeed.
        """
        ...

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        ...
