"""What a simulated tower owed its sinks, and what became of it: the outbox on disk beside what receivers have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.alert.event import Event, Severity
from edge.alert.evidence import CROP, THUMBNAIL, Picture
from edge.alert.place import Place
from edge.uplink.heartbeat import HealthDocument
from firmware_sim.tower.link import Ear
from firmware_sim.tower.run import Beat, Fate, Mail

_OWED = """
SELECT m.seq, m.key, d.sink, m.kind, m.role, m.event, m.bytes, d.step, d.state
FROM delivery d JOIN message m ON m.seq = d.message
"""
_LOST = "SELECT seq, key, sink, word, detail FROM lost WHERE seq > ? ORDER BY seq"


@dataclass(slots=True)
class _Owed:
    """One message to one sink."""

    kind: str
    event: str | None
    severity: Severity | None
    committed_s: float
    bytes: int
    step: int


class Kept(Place):
    """The tower's store, which also says what is in it. Pictures of openings are kept for people."""

    pictures: Mapping[str, bytes] = {}

    def commit(self, event: Event, evidence: bytes | None = None, images: Sequence[Picture] = ()) -> bool:
        """Store one revision."""
        new = super().commit(event, evidence, images)
        if event.id not in self.pictures:
            best = {image.role: image.jpeg for image in images if image.role in (THUMBNAIL, CROP)}
            if best:
                self.pictures = {**self.pictures, event.id: best.get(THUMBNAIL) or best[CROP]}
        return new

    def changes(self) -> int | None:
        """Return how much was ever written; None where it is not open."""
        if self._database is None:
            return None
        with self._opened().reading("cannot be looked at") as db:
            return db.total_changes

    def owed(self) -> list[tuple[int, str, str, str, str, str | None, int, int, str]]:
        """Return every delivery that there is, as `_OWED` has them."""
        with self._opened().reading("cannot be looked at") as db:
            return db.execute(_OWED).fetchall()

    def lost(self, after: int) -> list[tuple[int, str, str, str, str]]:
        """Return what was lost after a row."""
        with self._opened().reading("cannot be looked at") as db:
            return db.execute(_LOST, (after,)).fetchall()


@dataclass(slots=True)
class Mailbox:
    """Follows all messages of a run.

    Attributes:
        severities: of events, as they are now; whoever hears of a revision sets them.
    """

    severities: dict[str, Severity] = field(default_factory=dict)
    _owed: dict[tuple[str, str], _Owed] = field(default_factory=dict)
    _why: dict[tuple[str, str], str] = field(default_factory=dict)
    _waiting: dict[tuple[str, str], str] = field(default_factory=dict)
    _lost: int = 0
    _changes: int = -1

    def begin(self) -> None:
        """Take note that the store was opened anew."""
        self._changes = -1

    def look(self, place: Kept, now_s: float) -> None:
        """Take note of what came into the outbox and left it."""
        changes = place.changes()
        if changes is None or changes == self._changes:
            return
        self._changes = changes
        waiting = {}
        for _, key, sink, kind, role, event, size, step, state in place.owed():
            waiting[key, sink] = state
            known = self._owed.get((key, sink))
            if known is None:
                severity = None if event is None else self.severities.get(event)
                self._owed[key, sink] = _Owed(_kind(kind, role), event, severity, now_s, size, step)
            else:
                known.step = step
        self._waiting = waiting
        for seq, key, sink, word, detail in place.lost(self._lost):
            self._lost = seq
            self._why[key, sink] = f"{word}: {detail}" if detail else word

    def mails(self, ears: Mapping[str, Ear]) -> tuple[Mail, ...]:
        """Return all of it, in the order of committing."""
        found = [self._mail(key, ears[sink], one) for (key, sink), one in self._owed.items()]
        return tuple(sorted(found, key=lambda mail: (mail.committed_s, mail.sink, mail.key)))

    def _mail(self, key: str, ear: Ear, one: _Owed) -> Mail:
        arrival, which = ear.got.get(key), (key, ear.sink)
        why = self._why.get(which, "")
        return Mail(
            key=key,
            sink=ear.sink,
            kind=one.kind,
            event=one.event,
            severity=one.severity,
            committed_s=one.committed_s,
            delivered_s=None if arrival is None else arrival.at_s,
            copies=0 if arrival is None else arrival.copies,
            fate="delivered" if arrival is not None else self._fate(which, why, ear.retained),
            bytes=one.bytes if arrival is None else len(arrival.parcel.body),
            step=one.step,
            why=why,
        )

    def _fate(self, which: tuple[str, str], why: str, retained: Collection[str]) -> Fate:
        state = self._waiting.get(which)
        if state is not None:
            return "unheard" if state == "unheard" else "waiting"
        return "unheard" if which[0] in retained and not why else "lost"


def beats(ears: Mapping[str, Ear]) -> tuple[Beat, ...]:
    """Return the heartbeats that arrived anywhere, each once, in the order of coming."""
    found: dict[tuple[str, int], Beat] = {}
    arrivals = (one for ear in ears.values() for one in ear.told if one.parcel.channel == "health")
    for one in sorted(arrivals, key=lambda one: one.at_s):
        said = msgspec.json.decode(one.parcel.body, type=HealthDocument)
        made_s = one.made_s
        beat = Beat(
            sequence=said.sequence, made_s=made_s, arrived_s=one.at_s, next_s=made_s + said.next_due_s
        )
        found.setdefault((said.boot_id, said.sequence), beat)
    return tuple(found.values())


def save(pictures: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Write pictures of events into a folder; return their file names by event."""
    names = {event: f"{event}.jpg" for event in pictures}
    for event, name in names.items():
        (folder / name).write_bytes(pictures[event])
    return names


def _kind(kind: str, role: str) -> str:
    if kind == "picture":
        return "image"
    return role.partition(" ")[0] if kind == "note" else "storm" if kind == "storm" else "event"
