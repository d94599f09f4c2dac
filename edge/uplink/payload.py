"""What goes out, field by field: the records of all payloads. docs/protocol.schema.json is made from them.

Within a version fields are added and none changes its meaning, so a receiver passes over what it does not know. Unknown
is null, never 0. `edge.uplink.document` fills them in.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Origin, Severity

SCHEMA_ID = "urn:firetower:protocol:1"
EventType: TypeAlias = Literal["opened", "updated", "closed", "reviewed"]
ReviewWord: TypeAlias = Literal["acknowledged", "confirmed", "dismissed"]
Fractions: TypeAlias = tuple[float, float, float, float]
Pixels: TypeAlias = tuple[int, int, int, int]


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a payload."""


class Moment(_Record, frozen=True, kw_only=True):
    """One moment, by every clock that was at hand.

    Attributes:
        utc: ISO 8601, as well as it is known when the message is sent; null where no clock says.
        trusted: whether that is of a synchronised clock; null when unknown.
        corrected: whether the clock was set only after it, and `utc` is reckoned back from there.
        boot_id: of the boot that `mono_ns` belongs to.
        mono_ns: monotonic time in that boot.
        model_s: time for the model: of a recording its own, live monotonic.
    """

    utc: str | None
    trusted: bool | None
    corrected: bool
    boot_id: str | None
    mono_ns: int | None
    model_s: float


class Box(_Record, frozen=True, kw_only=True):
    """Where in the picture: (x0, y0, x1, y1) from the upper left corner.

    Attributes:
        px: in pixels of the frame.
        fractions: of its width and height; null where its size is unknown.
    """

    px: Pixels
    fractions: Fractions | None


class Polygon(_Record, frozen=True, kw_only=True):
    """A GeoJSON polygon.

    Attributes:
        type: as GeoJSON has it.
        coordinates: one ring of (longitude, latitude), counter-clockwise.
    """

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[tuple[float, float]]]


class WedgeProperties(_Record, frozen=True, kw_only=True):
    """What a wedge says of itself.

    Attributes:
        bearing_deg: as in `Direction`.
        error_deg: as in `Direction`.
        length_m: how long it is drawn; it says nothing about the distance.
    """

    bearing_deg: float
    error_deg: float
    length_m: float


class Wedge(_Record, frozen=True, kw_only=True):
    """A GeoJSON feature: the area in which it is.

    Attributes:
        type: as GeoJSON has it.
        geometry: of the area.
        properties: what it says of itself.
    """

    type: Literal["Feature"] = "Feature"
    geometry: Polygon
    properties: WedgeProperties


class Direction(_Record, frozen=True, kw_only=True):
    """Where it is, seen from the tower.

    Attributes:
        bearing_deg: clockwise from true north, 0 up to 360.
        error_deg: it is within so much to either side.
        distance_m: always null: one camera does not know it.
        wedge: for a map; null where the tower's place is unknown.
    """

    bearing_deg: float
    error_deg: float
    distance_m: None = None
    wedge: Wedge | None


class View(_Record, frozen=True, kw_only=True):
    """Where the camera looks, as it is configured.

    Attributes:
        heading_deg: of the middle of its picture, clockwise from true north.
        heading_error_deg: how far off that may be.
        fov_deg: from its left edge to its right one.
    """

    heading_deg: float
    heading_error_deg: float
    fov_deg: float


class Place(_Record, frozen=True, kw_only=True):
    """Where the tower stands (WGS 84).

    Attributes:
        latitude: in degrees north.
        longitude: in degrees east.
        elevation_m: of the cameras above the sea; null where it is not configured.
    """

    latitude: float
    longitude: float
    elevation_m: float | None


class Image(_Record, frozen=True, kw_only=True):
    """A picture that comes in a message of its own.

    Attributes:
        key: of that message.
        role: `thumbnail`, `crop`, `full`, `series.1`, `series.2` …
        sha256: hex, of its bytes.
        bytes: how many.
        size_px: (height, width).
        captured: moment of its frame, which is in the picture, too.
    """

    key: str
    role: str
    sha256: str
    bytes: int
    size_px: tuple[int, int]
    captured: Moment


class Alarm(_Record, frozen=True, kw_only=True):
    """When a candidate became an alert.

    Attributes:
        at: moment of the frame.
        by: the rule: `score`, `growth`, `persistence`, `escalation`, `merged`.
        revision: the first that says so.
        fire_risk: then: `low`, `neutral` or `high`; it changes how long a candidate waits.
    """

    at: Moment
    by: str
    revision: int
    fire_risk: str


class Dark(_Record, frozen=True, kw_only=True):
    """A time in which the event was open and could not be seen.

    Attributes:
        since: the first dark picture.
        until: the first frame after it; null while it is dark, or where the event was closed in it.
    """

    since: Moment
    until: Moment | None


class Said(_Record, frozen=True, kw_only=True):
    """What a person said of the event.

    Attributes:
        word: `acknowledged` (a person looks), `confirmed`, `dismissed`.
        by: who.
        at: when it arrived.
        reason: in their words; may be empty.
    """

    word: ReviewWord
    by: str
    at: Moment
    reason: str


class Escalation(_Record, frozen=True, kw_only=True):
    """Why a sink gets an event that was not for it at first.

    Attributes:
        step: of escalation, from 1.
        after_s: for so long nobody acknowledged it; sooner where nobody heard it or a sink refused it.
    """

    step: int
    after_s: float


class EventDocument(_Record, frozen=True, kw_only=True):
    """A revision of an event: one plume seen by one camera.

    Attributes:
        schema: of this record.
        key: of this message; the same whenever it is sent again.
        tower: its id.
        tower_name: for people.
        type: `opened`, `updated`, `closed`, or `reviewed`: a person said something of it.
        text: one line for people.
        drill: nothing of it is real; somebody tests the chain.
        origin: of the frames: `live`, `recording`, `simulated`; null where the camera is not configured any more.
        stored: whether it is on the tower's disk.
        event: its id.
        revision: 1 at the opening.
        camera: its name.
        label: what it is taken for.
        severity: `candidate` or `alert`; it never goes back.
        severity_since: when it got that.
        alarm: how a candidate became an alert; null for a candidate, and for what was an alert from its opening.
        fire_risk: at sending; null where the tower was told none.
        probability: the largest so far, 0 to 1; null where the model's scores cannot be read as such.
        threshold: at which it opened, in the model's own scores, where that was below the model's usual one; else null.
        held: conditions of the scene, such as `night`, under which, as a candidate, only its time open could make it
            an alert; empty where there were none.
        sightings: frames in which it was seen.
        frame_px: (height, width) of the frames.
        box: at the latest sight.
        opening_box: at the opening.
        view: of the camera; null where it is not configured.
        direction: to `box`.
        opening_direction: to the base of `opening_box`, which is where it burns if it burns.
        place: of the tower.
        opened: first sight.
        updated: latest sight when this revision was made; an event is seen again without one.
        closed: moment of the frame that closed it; where the watch was interrupted, of its last known sight; null while
            it is open.
        darkness: the latest through which it stayed open.
        at: moment of what this revision says.
        sent_at: by the tower's clock.
        sent_trusted: whether that was synchronised.
        late_s: from `at` until it was sent; null where no clock says.
        committed_s: from `at` until it was on the tower's disk; null where it is not, or no clock says.
        open_now: whether the event was open when this was sent; null where that is unknown.
        last_seen: newest sight that was known then; after a daemon was killed that of the newest revision.
        model: bundle that saw it, as name@version#digest.
        images: of this revision.
        said: what a person said of it, of a message of type `reviewed`; null of others.
        word: the newest that a person had said of it when this was sent; null where nobody had.
        escalation: null for a sink that gets it at once.
    """

    schema: Literal["firetower.event/1"] = "firetower.event/1"
    key: str
    tower: str
    tower_name: str
    type: EventType
    text: str
    drill: bool
    origin: Origin | None
    stored: bool
    event: str
    revision: int
    camera: str
    label: str
    severity: Severity
    severity_since: Moment
    alarm: Alarm | None
    fire_risk: str | None
    probability: float | None
    threshold: float | None = None
    held: tuple[str, ...] = ()
    sightings: int
    frame_px: tuple[int, int] | None
    box: Box
    opening_box: Box
    view: View | None
    direction: Direction | None
    opening_direction: Direction | None
    place: Place | None
    opened: Moment
    updated: Moment
    closed: Moment | None
    darkness: Dark | None
    at: Moment
    sent_at: str | None
    sent_trusted: bool | None
    late_s: float | None
    committed_s: float | None = None
    open_now: bool | None
    last_seen: Moment
    model: str
    images: list[Image]
    said: Said | None
    word: ReviewWord | None
    escalation: Escalation | None


class Listed(_Record, frozen=True, kw_only=True):
    """An event that a note lists, by its newest revision then.

    Attributes:
        event, revision, camera, label, severity, opened: as in an event's own message.
        open_now: whether it was open.
        opening_direction: as there, without a wedge.
    """

    event: str
    revision: int
    camera: str
    label: str
    severity: Severity
    opened: Moment
    open_now: bool
    opening_direction: Direction | None


class NoteDocument(_Record, frozen=True, kw_only=True):
    """A message about the tower itself, or one that lists events.

    Attributes:
        schema: of this record.
        key: of this message; the same whenever it is sent again.
        tower: its id.
        tower_name: for people.
        type: what it is about, such as `camera`, `clock`, `governor`, `sensor`, `storm`.
        state: in one word, such as `stale`, `ok`.
        text: one line for people.
        stored: whether it is on the tower's disk.
        camera: whose; null of the tower's own.
        at: when it happened.
        sent_at, sent_trusted, late_s: as in an event's message.
        events: that it lists, of a storm and of a snooze: the newest ones.
        count: how many there were in all.
    """

    schema: Literal["firetower.note/1"] = "firetower.note/1"
    key: str
    tower: str
    tower_name: str
    type: str
    state: str
    text: str
    stored: bool
    camera: str | None
    at: Moment
    sent_at: str | None
    sent_trusted: bool | None
    late_s: float | None
    events: list[Listed]
    count: int
