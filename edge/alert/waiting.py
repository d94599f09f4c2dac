"""What waits for the disk: revisions in the order in which they came, within a bound in number and in bytes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from edge.alert.event import Event, Phase
from edge.alert.evidence import Picture, is_drill

_log = logging.getLogger(__name__)

MAX_REVISIONS = 64
MAX_JPEG_BYTES = 16_000_000
Kind = Literal["picture", "updated", "opened", "closed"]
_ORDER = "updated", "closed", "opened"


@dataclass(slots=True, eq=False)
class Revision:
    """One revision of an event on its way to the disk.

    Attributes:
        event: as it will be stored.
        jpeg: its picture, encoded; None where there is none.
        offered_ns: monotonic time since which it waits.
        refused: whether the disk ever refused it.
        failed_ns: when it did last; None when it is time to try.
        told: whether it was announced.
        busy: whether it is being written just now; then it stays as it is.
        pictures: those for the sinks.
    """

    event: Event
    jpeg: bytes | None
    offered_ns: int
    refused: bool = False
    failed_ns: int | None = None
    told: bool = False
    busy: bool = False
    pictures: tuple[Picture, ...] = ()

    @property
    def jpeg_bytes(self) -> int:
        """The size of its pictures; of one that is stored and sent, once."""
        sent = {id(picture.jpeg): len(picture.jpeg) for picture in self.pictures}
        return sum(sent.values()) + (len(self.jpeg) if self.jpeg and id(self.jpeg) not in sent else 0)


class Waiting:
    """The revisions that are not on disk yet. Not thread-safe: whoever owns it has a lock.

    Beyond the bytes, pictures go: those of updates before those of openings, older ones first. Beyond the number,
    revisions go: updates before closings, closings before openings, those that a later revision of their event
    supersedes before others, older ones first. An update with which an event becomes an alert is kept, and counted, as
    an opening. A later revision without a picture takes over that of one that went.
    What is being written stays. Each loss is counted and logged.
    """

    def __init__(self, max_revisions: int = MAX_REVISIONS, max_jpeg_bytes: int = MAX_JPEG_BYTES) -> None:
        self._max_revisions = max_revisions
        self._max_jpeg_bytes = max_jpeg_bytes
        self._revisions: list[Revision] = []
        self._dropped: Counter[Kind] = Counter()

    def __len__(self) -> int:
        return len(self._revisions)

    def __iter__(self) -> Iterator[Revision]:
        return iter(self._revisions)

    @property
    def jpeg_bytes(self) -> int:
        """The size of all pictures."""
        return sum(revision.jpeg_bytes for revision in self._revisions)

    @property
    def dropped(self) -> dict[Kind, int]:
        """How many pictures, updates, openings and closings were lost for want of room."""
        return {kind: self._dropped[kind] for kind in get_args(Kind)}

    def add(self, revision: Revision) -> Revision | None:
        """Let a revision wait, and drop what goes first where that is too much; return the revision that went."""
        self._revisions.append(revision)
        gone = self._drop_revision() if len(self._revisions) > self._max_revisions else None
        while self.jpeg_bytes > self._max_jpeg_bytes:
            self._drop_picture()
        return gone

    def remove(self, revision: Revision) -> None:
        """Take out what is on disk."""
        self._revisions.remove(revision)

    def heads(self) -> Iterator[Revision]:
        """Return the oldest revision of each event, oldest first: what may be written next."""
        seen: set[str] = set()
        for revision in self._revisions:
            if revision.event.id not in seen:
                seen.add(revision.event.id)
                yield revision

    def events(self) -> set[str]:
        """Return which events have something that is not on disk."""
        return {revision.event.id for revision in self._revisions}

    def lose_picture(self, event: Event) -> None:
        """Count a picture of an event that was lost before it could wait here."""
        self._count("picture", event)

    def _drop_picture(self) -> None:
        pictures = (r for r in self._revisions if r.jpeg_bytes and not r.busy)
        revision = min(pictures, key=lambda r: (not is_drill(r.event), _phase(r.event) != "updated"))
        revision.jpeg, revision.pictures = None, ()
        self._count("picture", revision.event)

    def _drop_revision(self) -> Revision:
        newest = {r.event.id: r for r in self._revisions}
        idle = (r for r in self._revisions if not r.busy)
        revision = min(
            idle,
            key=lambda r: (not is_drill(r.event), _ORDER.index(_phase(r.event)), newest[r.event.id] is r),
        )
        self._revisions.remove(revision)
        self._count(_phase(revision.event), revision.event)
        if revision.jpeg is None:
            return revision
        later = (r for r in self._revisions if r.event.id == revision.event.id)
        heir = next((r for r in later if r.event.revision > revision.event.revision), None)
        if heir is not None and heir.jpeg is None:
            heir.jpeg = revision.jpeg
        else:
            self._count("picture", revision.event)
        return revision

    def _count(self, kind: Kind, event: Event) -> None:
        self._dropped[kind] += not is_drill(event)
        level = logging.ERROR if kind in ("opened", "closed") else logging.WARNING
        what = "its picture" if kind == "picture" else f"this '{kind}'"
        _log.log(
            level,
            "event %s, revision %d: %s is lost: the disk does not keep up",
            event.id,
            event.revision,
            what,
        )


def _phase(event: Event) -> Phase:
    """Return what a revision is kept as: the beginning of an alert is an opening."""
    return "opened" if event.is_new_alert else event.phase
