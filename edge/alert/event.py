"""An event: one plume, from first to last sight, as it is stored, announced and replayed."""

from __future__ import annotations

from typing import Literal

import msgspec


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """One moment, by every clock that was at hand.

    Attributes:
        model_s: seconds of model time (source time in recordings, monotonic time live).
        mono_ns: monotonic capture time; None in a replay.
        utc: ISO 8601 UTC of the frame; None where the source has no date of its own (a replayed clip).
        utc_trusted: whether the kernel held the clock for synchronised; None when unknown.
        boot_id: the boot that `mono_ns` belongs to.
    """

    model_s: float
    mono_ns: int | None = None
    utc: str | None = None
    utc_trusted: bool | None = None
    boot_id: str | None = None


class Darkness(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which an open event could not be seen, since its camera was dark.

    Attributes:
        since: stamp of the first dark picture.
        until: stamp of the first frame after it; None while it is dark, or where the event was closed in it.
    """

    since: Stamp
    until: Stamp | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One plume seen by one camera.

    Attributes:
        id: hex, derived from content: bundle digest, camera, label, model time and pixels of the opening frame.
        revision: 1 at the opening, one more with each change.
        phase: what the newest revision says.
        camera: the camera's name.
        label: the class.
        bundle: name, version and digest of the model, as `name@version#sha256[:12]`.
        opened, updated: stamps of the first frame over the threshold that confirmed it, and of the latest sight.
        closed: stamp of the frame that closed it; None while it is open.
        peak: the largest score so far, in the manifest's kind.
        box_px: union of the regions at the latest sight, (x0, y0, x1, y1) in source pixels.
        opening_box_px: the box at the opening, where the truth is compared.
        sightings: frames in which it was seen.
        darkness: the latest one through which it stayed open; None if there was none.
    """

    id: str
    revision: int
    phase: Literal["opened", "updated", "closed"]
    camera: str
    label: str
    bundle: str
    opened: Stamp
    updated: Stamp
    closed: Stamp | None
    peak: float
    box_px: tuple[int, int, int, int]
    opening_box_px: tuple[int, int, int, int]
    sightings: int
    darkness: Darkness | None = None


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, as it is told to whoever listens; its key is the event's id and revision.

    Attributes:
        event: the revision.
        stored: whether it was on disk when it was told.
    """

    event: Event
    stored: bool
