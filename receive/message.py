"""What came from a tower, checked: it is of the form, the name and the digest that it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from edge.alert.evidence import DRILL_PREFIX
from edge.text import plain
from edge.uplink.gate import Answer
from edge.uplink.payload import EventDocument, NoteDocument
from receive.errors import MessageError
from receive.session import Delivered
from receive.silence import Beat

BODY_BYTES_MAX = 4 << 20
_JPEG = b"\xff\xd8\xff"
_TEXT_CHARS = 1000
_RECORDS: dict[str, type[msgspec.Struct]] = {
    "firetower.event/1": EventDocument,
    "firetower.note/1": NoteDocument,
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be kept.

    Attributes:
        key: its own.
        suffix: of the file.
        body: its bytes.
        text: one line for people.
        fault: what is wrong with it, and yet no reason to refuse it; None where nothing is.
        of: key of the revision that a picture is of; None where it does not say.
    """

    key: str
    suffix: str
    body: bytes
    text: str
    fault: str | None = None
    of: str | None = None


class _Least(msgspec.Struct):
    """What a message of a later version has, too."""

    schema: str
    key: str
    tower: str
    text: str


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What every heartbeat says, of a tower and of a watch; the rest is for people.

    Attributes:
        tower: whose; the name of the watch where it is of one.
        boot_id: of the boot, of a watch of the run.
        sequence: its number in that.
        next_due_s: until the next one is due.
    """

    tower: str
    boot_id: Annotated[str, Meta(min_length=1, max_length=64)]
    sequence: Annotated[int, Meta(ge=0, lt=1 << 53)]
    next_due_s: Annotated[float, Meta(gt=0, le=7 * 86_400)]


class WatchDocument(Heartbeat, frozen=True, kw_only=True):
    """The heartbeat of a watch.

    Attributes:
        schema: of this record.
        sent_at: by its clock; None where no calendar has it.
        clock_trusted: whether that is synchronised; None when unknown.
        towers: that it hears or expects.
        counts: what it did since it was started.
    """

    schema: Literal["firetower.watch/1"] = "firetower.watch/1"
    sent_at: str | None
    clock_trusted: bool | None
    towers: dict[str, Heard]
    counts: dict[str, int]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """How a watch hears a tower.

    Attributes:
        silent: whether its heartbeat is overdue.
        age_s: of its last heartbeat, or since it is expected.
    """

    silent: bool
    age_s: float


_Record = TypeVar("_Record", bound=msgspec.Struct)


def event_of(tower: str, delivered: Delivered) -> Message:
    """Read what came on `event`: of an event, or of the tower itself.

    A message that is not of the schema and yet says what it is about in its text is taken, with its fault: a tower may
    be newer than we are, and nobody shall miss an alert for that.

    Raises:
        MessageError: it has no text, or is of another tower, or its key is not that of its envelope.
    """
    event = _decoded(delivered, _Least)
    if event.tower != tower:
        raise MessageError(f"it came on the topic of {tower} and is of {plain(event.tower)}")
    if event.key != delivered.attributes.get("id", event.key):
        raise MessageError(f"its key is {plain(event.key)}, its envelope has another")
    return Message(
        event.key, ".json", delivered.body, plain(event.text)[:_TEXT_CHARS], _fault(event, delivered)
    )


def _fault(event: _Least, delivered: Delivered) -> str | None:
    record = _RECORDS.get(event.schema)
    if record is None:
        return f"its schema {plain(event.schema)[:64]} is not known here; is the tower newer than this firetower?"
    try:
        _decoded(delivered, record)
    except MessageError as error:
        return str(error)
    return None


def image_of(camera: str, delivered: Delivered) -> Message:
    """Read a picture.

    Raises:
        MessageError: it has no key, another digest than it says, or is no JPEG.
    """
    said = delivered.attributes
    key, digest = said.get("id"), said.get("sha256")
    if key is None or digest is None:
        raise MessageError("a picture without a key (id) and a digest (sha256) among its attributes")
    found = hashlib.sha256(delivered.body).hexdigest()
    if found != digest:
        raise MessageError(f"picture {plain(key)} has the digest {found}, it says {plain(digest)[:64]}")
    if not delivered.body.startswith(_JPEG):
        raise MessageError(f"picture {plain(key)} is no JPEG")
    drill = "DRILL. " if key.startswith(DRILL_PREFIX) else ""
    text = f"{drill}picture of {plain(camera)}: {plain(said.get('role', ''))[:64]}"
    of = f"{said['event']}.{said['revision']}" if {"event", "revision"} <= said.keys() else None
    return Message(key, ".jpg", delivered.body, text, of=of)


def check_listed(picture: Message, event: bytes) -> None:
    """See that a picture is the one that its event lists, as far as it lists it.

    Args:
        picture: by `image_of`.
        event: body of the revision that it is of.

    Raises:
        MessageError: it is another.
    """
    try:
        images = msgspec.json.decode(event, type=EventDocument).images
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return  # of another version
    listed = next((image.sha256 for image in images if image.key == picture.key), None)
    if listed not in {None, hashlib.sha256(picture.body).hexdigest()}:
        raise MessageError(f"picture {picture.key} is not the one that its event lists: that has {listed}")


def beat_of(tower: str, delivered: Delivered) -> tuple[Beat, float]:
    """Read a heartbeat, of a tower or a watch; return it, and the seconds since it was sent.

    The broker would throw it away three heartbeats after it came, and says what is left of that.

    Raises:
        MessageError: it is not of the schema, or of another tower.
    """
    health = _decoded(delivered, Heartbeat)
    if health.tower != tower:
        raise MessageError(f"it came on the topic of {tower} and is of {plain(health.tower)}")
    left_s = 3 * health.next_due_s if delivered.expires_s is None else delivered.expires_s
    age_s = min(max(0.0, 3 * health.next_due_s - left_s), 3 * health.next_due_s)
    return Beat(health.boot_id, health.sequence, health.next_due_s), age_s


def answer_of(tower: str, delivered: Delivered) -> Answer:
    """Read a tower's answer to a command.

    Raises:
        MessageError: it is not of the schema, or of another tower.
    """
    answer = _decoded(delivered, Answer)
    if answer.tower != tower:
        raise MessageError(f"it came on the topic of {tower} and is of {plain(answer.tower)}")
    return answer


def _decoded(delivered: Delivered, record: type[_Record]) -> _Record:
    if len(delivered.body) > BODY_BYTES_MAX:
        raise MessageError(f"it has {len(delivered.body)} bytes")
    try:
        return msgspec.json.decode(delivered.body, type=record)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MessageError(f"it is not of the schema: {error}") from None
