"""From what the outbox keeps to what goes out: payloads and their CloudEvents attributes, made when they are sent.

Pure functions: what the tower is, what time it is and what people said are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from edge.alert.event import Darkness, Event, Stamp
from edge.alert.evidence import Picture, is_drill
from edge.alert.route import Image as Kept
from edge.alert.route import Message, Note, Review
from edge.detect.bearing import WEDGE_M, bearing, wedge
from edge.detect.bearing import View as Looks
from edge.uplink import payload
from edge.uplink.facts import TowerFacts
from edge.uplink.moment import Now, age_s, latest, moment
from edge.uplink.payload import SCHEMA_ID, Box, EventDocument, EventType, Moment, NoteDocument
from edge.uplink.text import State, note_text, text_of

CONTENT_TYPE, JPEG_TYPE = "application/json", "image/jpeg"
GROWING_S = 1800.0  # what grew longer ago is no longer called growing


@dataclass(frozen=True, slots=True)
class Sending:
    """What is known when a message about an event is sent.

    Attributes:
        key: of the message.
        now: when that is.
        type: of the message; the event's phase if absent.
        newest: revision of the event that there is; None where that is unknown.
        sight: the newest of the event while it is open, told or not; None where that is unknown.
        review: what a person said of it, where the message tells that.
        word: the newest that a person said of it.
        images: of the revision.
        step: of escalation that sends it; 0: none.
        stored: whether it is on disk.
        fire_risk: as people named it; None where nobody did.
        committed: monotonic time of a boot at which it was committed; None where that is unknown.
    """

    key: str
    now: Now
    type: EventType | None = None
    newest: Event | None = None
    sight: Stamp | None = None
    review: Review | None = None
    word: payload.ReviewWord | None = None
    images: Sequence[Kept] = field(default_factory=tuple)
    step: int = 0
    stored: bool = True
    fire_risk: str | None = None
    committed: tuple[str, int] | None = None


def render(
    message: Message,
    facts: TowerFacts,
    now: Now,
    fire_risk: str | None = None,
    sight: Stamp | None = None,
) -> EventDocument | NoteDocument:
    """Return the payload of a message of the outbox; of a picture's, that of its revision.

    Args:
        message: as the outbox gave it.
        facts: of the tower.
        now: when it is sent.
        fire_risk: as people named it; None where nobody did.
        sight: the newest of its event while it is open, told or not; None where that is unknown.
    """
    if message.note is not None:
        return render_note(message.note, facts, message.key, now, stored=message.stored)
    letter = message.letter
    assert letter is not None
    sending = Sending(
        key=message.key,
        now=now,
        type="reviewed" if message.kind == "reviewed" else None,
        newest=message.newest,
        sight=sight,
        review=letter.review,
        word=message.word,
        images=letter.images,
        step=message.step,
        stored=message.stored,
        fire_risk=fire_risk,
        committed=(message.boot, message.since_ns) if message.stored and message.kind != "reviewed" else None,
    )
    return render_event(letter.event, facts, sending)


def render_event(event: Event, facts: TowerFacts, sending: Sending) -> EventDocument:
    """Return the payload of a revision of an event."""
    camera = facts.cameras.get(event.camera)
    now, newest = sending.now, sending.newest
    live = camera is None or camera.origin == "live" or is_drill(event)
    view = None if camera is None else camera.view
    at = _Teller(now, live)
    newer = event if newest is None or newest.revision < event.revision else newest
    said, said_at = latest(event), event.alert_at or event.opened
    late_s = age_s(said, now, live=live)
    document = EventDocument(
        key=sending.key,
        tower=facts.id,
        tower_name=facts.name,
        type=sending.type or event.phase,
        text="",
        drill=is_drill(event),
        origin=None if camera is None else camera.origin,
        stored=sending.stored,
        event=event.id,
        revision=event.revision,
        camera=event.camera,
        label=event.label,
        severity=event.severity,
        severity_since=at(said_at),
        alarm=None
        if event.alerted is None
        else payload.Alarm(
            at=at(event.alerted.at),
            by=event.alerted.by,
            revision=event.alerted.revision,
            fire_risk=event.alerted.risk,
        ),
        fire_risk=sending.fire_risk,
        probability=event.probability,
        threshold=None if event.threshold is UNSET else event.threshold,
        held=() if event.held is UNSET else event.held,
        sightings=event.sightings,
        frame_px=event.frame_px,
        box=_box(event.box_px, event.frame_px),
        opening_box=_box(event.opening_box_px, event.frame_px),
        view=None
        if view is None
        else payload.View(
            heading_deg=view.heading_deg, heading_error_deg=view.error_deg, fov_deg=view.fov_deg
        ),
        direction=_direction(event.box_px, event.frame_px, view, facts.place),
        opening_direction=_direction(event.opening_box_px, event.frame_px, view, facts.place),
        place=facts.place,
        opened=at(event.opened),
        updated=at(event.updated),
        closed=at.any(event.closed),
        darkness=_dark(event.darkness, at),
        at=at(said),
        sent_at=now.utc,
        sent_trusted=now.wall_trusted,
        late_s=None if late_s is None else round(late_s, 1),
        committed_s=_committed_s(said, sending),
        open_now=None if newest is None and event.phase != "closed" else newer.phase != "closed",
        last_seen=at(_sight(newer, sending.sight)),
        model=event.bundle,
        images=[_image(event, one, at) for one in sending.images],
        said=None if sending.review is None else _said(sending.review, at),
        word=sending.word if sending.review is None else sending.review.word,
        escalation=payload.Escalation(step=sending.step, after_s=facts.acknowledge_s)
        if sending.step
        else None,
    )
    state = _state(newer, document.open_now, age_s(newer.updated, now, live=live))
    text = text_of(document, state, age_s(event.opened, now, live=live), facts.zone)
    return msgspec.structs.replace(document, text=text)


def render_note(note: Note, facts: TowerFacts, key: str, now: Now, *, stored: bool) -> NoteDocument:
    """Return the payload of a message that is about no single event."""
    late_s = age_s(note.at, now, live=True)
    who = facts.id if note.camera is None else f"{facts.id} {note.camera}"
    return NoteDocument(
        key=key,
        tower=facts.id,
        tower_name=facts.name,
        type=note.subject,
        state=note.state,
        text=note_text(f"{who}: {note.text}", late_s, stored=stored),
        stored=stored,
        camera=note.camera,
        at=moment(note.at, now, live=True),
        sent_at=now.utc,
        sent_trusted=now.wall_trusted,
        late_s=None if late_s is None else round(late_s, 1),
        events=[_listed(event, facts, now) for event in note.events],
        count=max(note.count, len(note.events)),
    )


def attributes(document: EventDocument | NoteDocument) -> dict[str, str]:
    """Return the CloudEvents attributes of a payload, without the prefix that HTTP has.

    Source: CloudEvents 1.0.2, required and optional attributes; `event` and the rest are extensions.
    """
    told = _envelope(document.key, document.tower, document.at)
    if isinstance(document, NoteDocument):
        more = {"type": f"firetower.{document.type}", "subject": document.camera or document.tower}
        return {**told, **more, "state": document.state}
    return {
        **told,
        "type": f"firetower.event.{document.type}",
        "subject": f"{document.camera}/{document.event}",
        "event": document.event,
        "revision": str(document.revision),
        "severity": document.severity,
        **({"drill": "true"} if document.drill else {}),
    }


def image_attributes(document: EventDocument, role: str) -> dict[str, str]:
    """Return the CloudEvents attributes of a picture of a revision, without the prefix that HTTP has.

    Raises:
        KeyError: the revision has no picture of that role.
    """
    image = next((one for one in document.images if one.role == role), None)
    if image is None:
        raise KeyError(role)
    told = _envelope(image.key, document.tower, image.captured)
    del told["dataschema"]
    return {
        **told,
        "type": "firetower.image",
        "subject": f"{document.camera}/{document.event}",
        "event": document.event,
        "revision": str(document.revision),
        "role": role,
        "sha256": image.sha256,
        **({"drill": "true"} if document.drill else {}),
    }


def shown_attributes(tower: str, camera: str, picture: Picture, key: str, at: Moment) -> dict[str, str]:
    """Return the CloudEvents attributes of a picture of no event, without the prefix that HTTP has."""
    told = _envelope(key, tower, at)
    del told["dataschema"]
    of = {"type": "firetower.image", "subject": camera, "role": picture.role, "sha256": picture.sha256}
    return told | of


def _envelope(key: str, tower: str, at: Moment) -> dict[str, str]:
    told = {
        "specversion": "1.0",
        "id": key,
        "source": f"/firetower/{tower}",
        "dataschema": SCHEMA_ID,
    }
    return {**told, "time": at.utc} if at.utc is not None and at.trusted else told


@dataclass(frozen=True, slots=True)
class _Teller:
    """Turns stamps into moments, as they are told now."""

    now: Now
    live: bool

    def __call__(self, stamp: Stamp) -> Moment:
        return moment(stamp, self.now, live=self.live)

    def any(self, stamp: Stamp | None) -> Moment | None:
        return None if stamp is None else self(stamp)


def _committed_s(at: Stamp, sending: Sending) -> float | None:
    """Return the seconds from a stamp until it was committed; a boot knows nothing of another one's time."""
    if sending.committed is None or at.mono_ns is None or sending.committed[0] != at.boot_id:
        return None
    return round(max(0.0, (sending.committed[1] - at.mono_ns) / 1e9), 3)


def _dark(darkness: Darkness | None, at: _Teller) -> payload.Dark | None:
    if darkness is None:
        return None
    return payload.Dark(since=at(darkness.since), until=at.any(darkness.until))


def _box(px: payload.Pixels, frame_px: tuple[int, int] | None) -> Box:
    if frame_px is None:
        return Box(px=px, fractions=None)
    height, width = frame_px
    x0, y0, x1, y1 = px
    return Box(
        px=px,
        fractions=(round(x0 / width, 4), round(y0 / height, 4), round(x1 / width, 4), round(y1 / height, 4)),
    )


def _direction(
    px: payload.Pixels, frame_px: tuple[int, int] | None, view: Looks | None, place: payload.Place | None
) -> payload.Direction | None:
    if view is None or frame_px is None:
        return None
    found = bearing(view, px[0] / frame_px[1], px[2] / frame_px[1])
    degrees, error_deg = round(found.degrees, 1) % 360, round(found.error_deg, 1)
    drawn = None
    if place is not None:
        drawn = payload.Wedge(
            geometry=payload.Polygon(coordinates=[wedge(found, place.latitude, place.longitude)]),
            properties=payload.WedgeProperties(bearing_deg=degrees, error_deg=error_deg, length_m=WEDGE_M),
        )
    return payload.Direction(bearing_deg=degrees, error_deg=error_deg, wedge=drawn)


def _image(event: Event, image: Kept, at: _Teller) -> payload.Image:
    return payload.Image(
        key=f"{event.id}.{event.revision}.{image.role}",
        role=image.role,
        sha256=image.sha256,
        bytes=image.bytes,
        size_px=image.size_px,
        captured=at(image.captured),
    )


def _said(review: Review, at: _Teller) -> payload.Said:
    return payload.Said(word=review.word, by=review.by, at=at(review.at), reason=review.reason)


def _listed(event: Event, facts: TowerFacts, now: Now) -> payload.Listed:
    camera = facts.cameras.get(event.camera)
    live = camera is None or camera.origin == "live"
    view = None if camera is None else camera.view
    return payload.Listed(
        event=event.id,
        revision=event.revision,
        camera=event.camera,
        label=event.label,
        severity=event.severity,
        opened=moment(event.opened, now, live=live),
        open_now=event.phase != "closed",
        opening_direction=_direction(event.opening_box_px, event.frame_px, view, None),
    )


def _sight(newest: Event, sight: Stamp | None) -> Stamp:
    """Return the newest sight that is known: an open event is seen again without a revision."""
    if sight is None or newest.phase == "closed" or sight.model_s < newest.updated.model_s:
        return newest.updated
    return sight


def _state(newest: Event, open_now: bool | None, seen_s: float | None) -> State:  # noqa: FBT001 — three answers
    """Return in which state an event is, by its newest revision."""
    if open_now is None:
        return "unknown"
    if not open_now:
        return "left" if newest.closed == newest.updated else "closed"
    if newest.darkness is not None and newest.darkness.until is None:
        return "dark"
    grew = _area(newest.box_px) > _area(newest.opening_box_px)
    return "growing" if grew and seen_s is not None and seen_s <= GROWING_S else "open"


def _area(px: payload.Pixels) -> int:
    return (px[2] - px[0]) * (px[3] - px[1])
