"""The rules by which the outbox decides who gets what, and the records that it keeps and gives out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from edge.alert.event import Event, Severity, Stamp
from edge.alert.evidence import Picture, is_drill

Kind: TypeAlias = Literal[
    "opened", "alerted", "updated", "closed", "reviewed", "picture", "storm", "note"
]  # an `alerted` is the update with which an event became an alert
Said: TypeAlias = Literal["acknowledged", "confirmed", "dismissed"]
Lost: TypeAlias = Literal["coalesced", "snoozed", "shed", "expired", "refused", "gone", "ended"]

UNHEARD_S = 24 * 3600.0  # for so long a message that nobody heard is sent again
QUEUE_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Route:
    """What one sink gets.

    Attributes:
        name: of the sink.
        severities: of events.
        maintenance: whether it gets messages about the tower itself.
        escalation: its step; None: it gets each revision at once.
        origins: of the frames of its events.
        pictures: whether it takes any.
        drills: whether its messages have a field that says that one is of a drill; else it gets none.
    """

    name: str
    severities: tuple[Severity, ...] = ("alert", "candidate")
    maintenance: bool = True
    escalation: int | None = None
    origins: tuple[str, ...] = ("live",)
    pictures: bool = True
    drills: bool = False

    def takes(self, event: Event, origin: str) -> bool:
        """Say whether it gets an event; of one that it had as a candidate it gets the rest.

        A drill goes where an alert of its camera goes at once: nobody has to acknowledge it, so it never escalates.
        """
        if is_drill(event) and not (self.drills and self.escalation is None):
            return False
        was_candidate = event.alerted is not None and event.alerted.revision > 1
        wanted = event.severity in self.severities or (was_candidate and "candidate" in self.severities)
        return wanted and origin in self.origins

    def reaches(self, event: Event, origin: str, step: int) -> bool:
        """Say whether an event that went to a step of escalation goes to it, and not only later."""
        return self.takes(event, origin) and (
            self.escalation is None or (event.severity == "alert" and self.escalation <= step)
        )

    def takes_alerts(self, origin: str) -> bool:
        """Say whether it gets events of a camera once they are alerts."""
        return "alert" in self.severities and origin in self.origins


@dataclass(frozen=True, slots=True)
class Rules:
    """By what the outbox decides.

    Attributes:
        routes: one for each sink.
        boot: the identity of this boot, which monotonic times belong to.
        origins: of frames, by camera; live where it is not named.
        acknowledge_s: an alert that nobody acknowledged for so long goes to the next step of escalation.
        queue_bytes: that all messages may have.
        storm_alerts: more of one camera within an hour are a storm.
    """

    routes: tuple[Route, ...] = ()
    boot: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    acknowledge_s: float = 600.0
    queue_bytes: int = QUEUE_BYTES
    storm_alerts: int = 12


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture without its bytes; see `edge.alert.evidence.Picture`."""

    role: str
    sha256: str
    bytes: int
    size_px: tuple[int, int]
    captured: Stamp


def image_of(picture: Picture) -> Image:
    """Return what is said of a picture."""
    return Image(
        role=picture.role, sha256=picture.sha256, bytes=len(picture.jpeg),
        size_px=picture.size_px, captured=picture.captured,
    )  # fmt: skip


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of an event.

    Attributes:
        id: of the command with which they did; no two have the same.
        word: acknowledged (a person looks), confirmed, dismissed.
        by: who.
        at: moment at which it arrived.
        reason: for people; may be empty.
    """

    id: str
    word: Said
    by: str
    at: Stamp
    reason: str = ""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What the outbox keeps of a message about an event; it is rendered when it is sent.

    Attributes:
        event: the revision.
        images: what goes with it, in messages of their own; of a picture's message, that picture.
        review: of a `reviewed` message.
    """

    event: Event
    images: tuple[Image, ...] = ()
    review: Review | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is about no single event.

    Attributes:
        subject: what it is about, such as `camera`, `clock`, `store`, `storm`, `snooze`; a newer one of the same
            subject and camera takes the place of one that was not sent, where it lists the same events at least.
        state: in one word, such as `stale`, `ok`.
        text: for people.
        at: moment.
        camera: whose; None of the tower's own.
        events: the newest revisions that it lists, of a storm and of a snooze.
        count: how many there were in all, since it lists the newest only.
    """

    subject: str
    state: str
    text: str
    at: Stamp
    camera: str | None = None
    events: tuple[Event, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to one sink now.

    Attributes:
        key: the same whenever it is sent again.
        sink: the one that it goes to.
        kind: what it is.
        role: of a picture.
        letter: of an event; None of a note.
        note: of a note or a storm; None of the others.
        jpeg: of a picture.
        newest: the newest revision of its event; None where that is not known.
        open_alert: whether it is of an alert that is open now.
        step: of escalation that sends it; 0: none.
        again: whether it was handed over before.
        unheard: whether nobody heard it then.
        stored: whether it is on disk.
        word: the newest that a person said of its event.
        boot, since_ns: monotonic time of that boot at which it was committed; a twin in memory commits, too.
    """

    key: str
    sink: str
    kind: Kind
    role: str
    letter: Letter | None
    note: Note | None
    jpeg: bytes | None
    newest: Event | None
    open_alert: bool
    step: int
    again: bool
    unheard: bool
    stored: bool
    word: Said | None = None
    boot: str = ""
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What the order and the budget of the link ask of a message before it is read.

    Attributes:
        key: the message's.
        kind: what it is.
        role: of a picture.
        alert: whether it is of an alert.
        bytes: of what is kept of it.
        unheard: whether it would be a repetition, since nobody heard it.
    """

    key: str
    kind: Kind
    role: str
    alert: bool
    bytes: int
    unheard: bool


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """How the outbox stands.

    Attributes:
        unsent: deliveries that wait, those of pictures among them.
        oldest_s: since the oldest of them was committed; None where none waits, or where one is of another boot.
        unheard: messages that nobody heard and that are sent again.
        candidates: events of which nobody said anything, and that are no alerts.
        candidate_s: since the oldest of them was committed; None where there is none, or one is of another boot.
        bytes: of all messages.
        words: how many deliveries there were, ever, by what became of them: committed, delivered, and those of `Lost`.
    """

    unsent: int
    oldest_s: float | None
    unheard: int
    candidates: int
    candidate_s: float | None
    bytes: int
    words: dict[str, int]


def kind_of(event: Event) -> Kind:
    """Return what a revision is kept as."""
    return "alerted" if event.phase == "updated" and event.is_new_alert else event.phase
