"""What people should know of the tower itself: told once when it changes, never repeated.

What they heard last is on disk, so that a later process goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, UnsetType

from edge.alert.event import Stamp
from edge.alert.post import Post
from edge.alert.route import Note, Queue
from edge.governor.report import Governed, Unwatching
from edge.health import Health

STEP_S = 30.0  # by which a clock that was set differs from before
LOOK_S = 15.0  # a spell that ends so close to its time ended in time
SHED_S = 3600.0  # between two messages about what was given up
_NAME = "told"
_TOLD = ("ok", "stale", "frozen", "dark", "corrupt")


@dataclass(frozen=True, slots=True)
class Observed:
    """How the tower stands.

    Attributes:
        mono_ns, wall_ns: the time by both clocks.
        wall_trusted: whether the wall clock is synchronised; None when unknown.
        health: of the cameras.
        trouble: why events are not on disk; None where they are.
        queue: of the outbox; None where that is not known.
    """

    mono_ns: int
    wall_ns: int
    wall_trusted: bool | None
    health: Health
    trouble: str | None
    queue: Queue | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What people heard last, for the disk.

    Attributes:
        cameras: the state of each.
        memory: whether events are not on disk; a later process knows it only if the disk took this.
        unheard: whether nobody listens.
        shed: how many messages had been given up for want of room; None where that is not known.
        unknown: readings and sensors that were in doubt.
    """

    cameras: dict[str, str] = {}
    memory: bool = False
    unheard: bool = False
    shed: int | None = None
    unknown: tuple[str, ...] = ()


@dataclass(slots=True)
class Maintenance:
    """Tells what changed.

    Args:
        stamp: returns this moment by every clock.
    """

    stamp: Callable[[], Stamp]
    _cameras: dict[str, str] = field(default_factory=dict)
    _trouble: bool = False
    _offset_ns: int | None = None
    _trusted: bool | None = None
    _shed: int | None = None
    _shed_ns: int | None = None
    _unheard: bool = False
    _unknown: tuple[str, ...] = ()
    _spell: Unwatching | None = None  # that was told last
    _kept: str | None = None  # what people heard, as it is on disk; None: not read yet

    def tick(self, post: Post, now: Observed) -> None:
        """Tell what changed, and keep what people heard as soon as the disk takes it; call it each second or so."""
        if self._kept is None:
            self._kept = post.recall(_NAME)
            if self._kept is not None:
                self._resume(msgspec.json.decode(self._kept or "{}", type=Told))
                return  # what was observed may be of before the disk was open
        for note in self.observe(now):
            post.note(note)
        text = msgspec.json.encode(self._told()).decode()
        if self._kept is not None and text != self._kept and post.remember(_NAME, text):
            self._kept = text

    def _told(self) -> Told:
        return Told(
            cameras=self._cameras,
            memory=self._trouble,
            unheard=self._unheard,
            shed=self._shed,
            unknown=self._unknown,
        )

    def _resume(self, told: Told) -> None:
        """Go on from what people heard of an earlier process; that all is well is no news before it is read."""
        news = {name: state for name, state in self._cameras.items() if state != "ok"}
        self._cameras = {**self._cameras, **told.cameras, **news}
        self._trouble = self._trouble or told.memory
        self._unheard = self._unheard or told.unheard
        self._shed = told.shed
        self._unknown = tuple(dict.fromkeys((*told.unknown, *self._unknown)))

    def observe(self, now: Observed) -> list[Note]:
        """Return what is to be told."""
        return [
            *self._look_at_cameras(now),
            *self._look_at_store(now),
            *self._look_at_clock(now),
            *self._look_at(now),
            *self._look_at_governor(now.health.governor),
        ]

    def _note(self, subject: str, state: str, text: str, camera: str | None = None) -> Note:
        return Note(subject=subject, state=state, text=text, at=self.stamp(), camera=camera)

    def _look_at_cameras(self, now: Observed) -> list[Note]:
        notes = []
        for name, camera in now.health.cameras.items():
            if camera.state not in _TOLD or self._cameras.get(name) == camera.state:
                continue
            if name in self._cameras or camera.state != "ok":  # that it works from the beginning is no news
                notes.append(self._note("camera", camera.state, camera.reason, name))
            self._cameras[name] = camera.state
        return notes

    def _look_at_store(self, now: Observed) -> list[Note]:
        if self._trouble == (now.trouble is not None):
            return []
        self._trouble = now.trouble is not None
        text = (
            "events are on disk again" if now.trouble is None else f"events are kept in memory: {now.trouble}"
        )
        return [self._note("store", "memory" if self._trouble else "ok", text)]

    def _look_at_clock(self, now: Observed) -> list[Note]:
        """A clock is set by a step, or when it is synchronised at last."""
        offset_ns = now.wall_ns - now.mono_ns
        step_s = 0.0 if self._offset_ns is None else (offset_ns - self._offset_ns) / 1e9
        synchronised = self._trusted is False and now.wall_trusted is True
        self._offset_ns, self._trusted = offset_ns, now.wall_trusted
        if abs(step_s) < STEP_S and not synchronised:
            return []
        trust = "synchronised" if now.wall_trusted else "not synchronised"
        return [self._note("clock", "set", f"the clock was set by {step_s:+.0f} s; it is {trust}")]

    def _look_at(self, now: Observed) -> list[Note]:
        """Look at what waits for the sinks."""
        if now.queue is None:
            return []
        notes = []
        shed = now.queue.words.get("shed", 0)
        since = 0 if self._shed is None else max(0, shed - self._shed)
        early = self._shed_ns is not None and now.mono_ns - self._shed_ns < SHED_S * 1e9
        if (
            self._shed is None or shed < self._shed or (since and not early)
        ):  # what memory counted goes with it
            self._shed = shed
        if since and not early:
            self._shed_ns = now.mono_ns
            text = f"{since} messages were given up for want of room, {shed} in all"
            notes.append(self._note("shed", "shed", text))
        unheard = now.queue.unheard > 0
        if unheard != self._unheard:
            self._unheard = unheard
            text = f"nobody listens to {now.queue.unheard} messages" if unheard else "somebody listens again"
            notes.append(self._note("unheard", "unheard" if unheard else "ok", text))
        return notes

    def _look_at_governor(self, governed: Governed | UnsetType) -> list[Note]:
        """Announce each spell before it begins; tell of one that ends early, and of sensors in doubt."""
        if governed is UNSET:
            return []
        notes, spell, known = [], governed.unwatching, self._spell
        if spell is not None and (known is None or known.number != spell.number):
            notes.append(self._note("governor", "unwatched", spell.told))
        elif spell is None and known is not None and known.to_s > LOOK_S:
            why = f": {governed.kept_awake}" if governed.kept_awake else ""
            notes.append(self._note("governor", "ok", f"watching again, before it was due{why}"))
        self._spell = spell
        for name in sorted(governed.doubts.keys() - set(self._unknown)):
            text = f"{name} is unknown, and nothing is decided by it: {governed.doubts[name]}"
            notes.append(self._note("sensor", "unknown", text))
        known_again = sorted(set(self._unknown) - governed.doubts.keys())
        notes += [self._note("sensor", "ok", f"{name} is known again") for name in known_again]
        self._unknown = tuple(sorted(governed.doubts))
        return notes
