"""What happens to a simulated tower, in the order of time: events, times without a watch, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.alert.event import Announcement, Event
from edge.counter.drops import Balance
from edge.governor.ruling import Ruling
from edge.model.loaded import Model
from edge.uplink.moment import date_of
from firmware_sim.tower.clock import SimClock
from firmware_sim.tower.eye import Eye, Opening, cell_of, length_s, overlap_s
from firmware_sim.tower.mailbox import Mailbox
from firmware_sim.tower.run import Camera, Sample, Seen, Spell

SpellCause = Literal["sleep", "cut_off", "off"]


@dataclass(slots=True)
class _Event:
    """One event: its opening beside the truth, its newest revision, and when it became an alert and was closed."""

    opening: Opening
    newest: Event
    alerted_s: float | None = None
    closed_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    """A time without a watch that goes on."""

    cause: SpellCause
    from_s: float
    told_s: float | None
    why: str


@dataclass(slots=True)
class Counted:
    """What became of one camera's frames, over all lives of the daemon.

    Attributes:
        decoded, scored, waiting, dropped: as in `edge.counter.drops`.
        reconnects, turns: of its readers.
    """

    decoded: int = 0
    scored: int = 0
    waiting: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    turns: int = 0

    def add(self, balance: Balance, reconnects: int, turns: int) -> None:
        """Add what one life counted."""
        self.decoded += balance.decoded
        self.scored += balance.scored
        self.waiting += balance.waiting
        for cause, count in balance.dropped.items():
            self.dropped[cause] = self.dropped.get(cause, 0) + count
        self.reconnects += reconnects
        self.turns += turns


class Diary:
    """Keeps what happens.

    Args:
        clock: simulated.
        eyes: of the cameras.
        mailbox: told of severities.

    Attributes:
        counted: by camera; each life adds to it at its end.
        samples: so far.
    """

    def __init__(self, clock: SimClock, eyes: Mapping[str, Eye], mailbox: Mailbox) -> None:
        self.counted = {name: Counted() for name in eyes}
        self.samples: list[Sample] = []
        self._clock, self._eyes, self._mailbox = clock, eyes, mailbox
        self._events: dict[str, _Event] = {}
        self._spells: list[Spell] = []
        self._open: _Open | None = None
        self._told: tuple[int, float, str] | None = (
            None  # the spell that is announced: its begin, since when, why
        )

    def announced(self, announcement: Announcement) -> None:
        """Take note of a revision."""
        event, now_s = announcement.event, self._clock.now_s()
        self._mailbox.severities[event.id] = event.severity
        one = self._events.get(event.id)
        if one is None:
            date = date_of(event.opened.utc)
            at_s, size = now_s if date is None else date.timestamp(), event.frame_px or (0, 0)
            opening = self._eyes[event.camera].opening(at_s, event.opening_box_px, size)
            one = self._events[event.id] = _Event(opening, event)
        one.newest = event
        if event.severity == "alert" and one.alerted_s is None:
            one.alerted_s = now_s
        if event.phase == "closed":
            one.closed_s = now_s

    def ruled(self, ruling: Ruling, *, begun: bool = True) -> None:
        """Take note of what the governor rules.

        Args:
            ruling: that is in force.
            begun: whether cameras were opened before; where not, they are closed though no spell has begun.
        """
        spell, now_s = ruling.spell, self._clock.now_s()
        if spell is None:
            self._told = None
        elif self._told is None or self._told[0] != spell.from_ns:
            self._told = (spell.from_ns, now_s, spell.why)
        asleep = ruling.asleep or not begun
        cause: SpellCause = "cut_off" if ruling.cut_off else "sleep"
        if self._open is not None and (not asleep or self._open.cause != cause):
            self._close()
        if asleep and self._open is None:
            told = (0, None, "") if self._told is None else self._told
            self._open = _Open(cause, now_s, told[1], told[2])

    def off(self) -> None:
        """Take note that the board has no power any more."""
        before, self._told = self._told, None
        self._close()
        told_s, why = (None, "") if before is None else before[1:]
        self._open = _Open("off", self._clock.now_s(), told_s, why)

    def on(self) -> None:
        """Take note that the daemon has begun."""
        self._close()

    def spells(self) -> tuple[Spell, ...]:
        """Return the times without a watch; the one that goes on has no end."""
        known = [one for one in self._spells if one.to_s is None or one.to_s > one.from_s]
        return tuple(known) if self._open is None else (*known, _spell(self._open, None))

    def events(self, model: Model, pictures: Mapping[str, str]) -> tuple[Seen, ...]:
        """Return the events, each with its verdict.

        Args:
            model: that found them.
            pictures: names of files, by event.
        """
        return tuple(self._seen(one, model, pictures.get(id_)) for id_, one in self._events.items())

    def camera(self, name: str, begin_s: float, end_s: float) -> Camera:
        """Return what became of a camera's frames, and of the time of its run."""
        counted, eye = self.counted[name], self._eyes[name]
        watched, burning = eye.watched(end_s), eye.burning(begin_s, end_s)
        return Camera(
            kind=eye.view.kind,
            decoded=counted.decoded,
            scored=counted.scored,
            waiting=counted.waiting,
            dropped={cause: count for cause, count in sorted(counted.dropped.items()) if count},
            watched_s=length_s(watched),
            fire_s=length_s(burning),
            fire_watched_s=overlap_s(burning, watched),
            reconnects=counted.reconnects,
            turns=counted.turns,
        )

    def _seen(self, one: _Event, model: Model, picture: str | None) -> Seen:
        event, opening = one.newest, one.opening
        fires, verdict = self._eyes[event.camera].judge(opening, cell_of(model, opening.frame_px))
        return Seen(
            id=event.id,
            camera=event.camera,
            opened_s=opening.at_s,
            closed_s=one.closed_s,
            alerted_s=one.alerted_s,
            severity=event.severity,
            by=None if event.alerted is None else event.alerted.by,
            peak=event.peak,
            box_px=event.opening_box_px,
            frame_px=opening.frame_px,
            fires=fires,
            verdict=verdict,
            picture=picture,
            revisions=event.revision,
        )

    def _close(self) -> None:
        if self._open is not None:
            self._spells.append(_spell(self._open, self._clock.now_s()))
            self._open = None


def _spell(one: _Open, to_s: float | None) -> Spell:
    return Spell(cause=one.cause, from_s=one.from_s, to_s=to_s, told_s=one.told_s, why=one.why)
