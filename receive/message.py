"""What came from a tower, checked: it is of the form, the name and the digest that it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from edge.text import plain
from edge.uplink.gate import Answer
from receive.broker import Delivered
from receive.errors import MessageError
from receive.silence import Beat

BODY_BYTES_MAX = 4 << 20
_JPEG = b"\xff\xd8\xff"
_TEXT_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be kept.

    Attributes:
        key: its own.
        suffix: of the file.
        body: its bytes.
        text: one line for people.
    """

    key: str
    suffix: str
    body: bytes
    text: str


class _Event(msgspec.Struct):
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
    sequence: Annotated[int, Meta(ge=0)]
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

    Raises:
        MessageError: it is not of the schema, or of another tower, or its key is not that of its envelope.
    """
    event = _decoded(delivered, _Event)
    if event.tower != tower:
        raise MessageError(f"it came on the topic of {tower} and is of {plain(event.tower)}")
    if event.key != delivered.attributes.get("id", event.key):
        raise MessageError(f"its key is {plain(event.key)}, its envelope has another")
    return Message(event.key, ".json", delivered.body, plain(event.text)[:_TEXT_CHARS])


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
    return Message(key, ".jpg", delivered.body, f"picture of {camera}: {plain(said.get('role', ''))[:64]}")


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
