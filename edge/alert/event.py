"""An event: one plume, from first to last sight, as it is stored, announced and replayed."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

Phase: TypeAlias = Literal["opened", "updated", "closed"]
Severity: TypeAlias = Literal["candidate", "alert"]
Origin: TypeAlias = Literal["live", "recording", "simulated"]  # of a camera's frames


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


class Alerted(msgspec.Struct, frozen=True, kw_only=True):
    """When an event that could have stayed a candidate became an alert, and why.

    Attributes:
        at: stamp of the frame with which it did.
        by: what made it one: `score`, `growth`, `persistence`, `escalation`, or `merged` (an alert flowed into it).
        revision: the first that says so.
        box_px: where it was seen last at that time, (x0, y0, x1, y1) in source pixels.
        risk: of fire, as people had named it then.
    """

    at: Stamp
    by: str  # a word of a later version is no reason not to read an event
    revision: int
    box_px: tuple[int, int, int, int]
    risk: str = "neutral"


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
        severity: never goes back. Events without the field, from before there was one, are alerts.
        alerted: by the bundle's rule; None for a candidate, and for what was an alert from its opening without a rule.
        frame_px: (height, width) of the frames; None in events from before it was kept.
        probability: the largest so far, 0 to 1, that scores mean to people; None as above.
        threshold: at which it opened, in the manifest's kind, where the calm rule had lowered that; else absent.
        held: conditions of the scene, such as `night`, under which only its time open could make it an alert; absent
            where there were none while it was a candidate.
    """

    id: str
    revision: int
    phase: Phase
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
    severity: Severity = "alert"
    alerted: Alerted | None = None
    frame_px: tuple[int, int] | None = None
    probability: float | None = None
    threshold: float | UnsetType = UNSET
    held: tuple[str, ...] | UnsetType = UNSET

    @property
    def alert_at(self) -> Stamp | None:
        """Stamp of the frame with which it became an alert; None for a candidate."""
        if self.severity == "candidate":
            return None
        return self.opened if self.alerted is None else self.alerted.at

    @property
    def alert_box_px(self) -> tuple[int, int, int, int] | None:
        """Where it was seen when it became an alert; None for a candidate."""
        if self.severity == "candidate":
            return None
        return self.opening_box_px if self.alerted is None else self.alerted.box_px

    @property
    def is_new_alert(self) -> bool:
        """Whether this revision is the first in which it is an alert."""
        return self.severity == "alert" and self.revision == (
            1 if self.alerted is None else self.alerted.revision
        )


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, as it is told to whoever listens; its key is the event's id and revision.

    Attributes:
        event: the revision.
        stored: whether it was on disk when it was told.
    """

    event: Event
    stored: bool
