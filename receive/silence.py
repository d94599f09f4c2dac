"""Towers that are silent: whose next heartbeat is overdue, by our own clock.

A heartbeat says in how many seconds the next one is due, so no clock of the tower is needed. While we have no link
ourselves, nobody is called silent: we are the one who hears nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Word: TypeAlias = Literal["silent", "back", "twice", "deaf", "hearing"]
_BOOTS_MAX = 8
_NS = 1_000_000_000
_TWICE_NS = 3600 * _NS  # two towers under one id are told so often, as long as it goes on


@dataclass(frozen=True, slots=True)
class Beat:
    """What counts of a heartbeat.

    Attributes:
        boot_id: of the tower's boot.
        sequence: its number in that.
        due_s: until the next one is due, from when it was sent.
    """

    boot_id: str
    sequence: int
    due_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told, once.

    Attributes:
        word: `silent`; `back`: heard again; `twice`: two towers have one id; of ourselves `deaf` and `hearing`.
        name: whose; ours where it is of ourselves.
        beat: the last heartbeat; None where there never was one.
        silent_s: for how long nothing was heard; 0 where that does not apply, None where we were not there.
        number: of our own deafness, from 1; 0 for what is of others.
    """

    word: Word
    name: str
    beat: Beat | None
    silent_s: float | None
    number: int = 0


@dataclass(slots=True)
class _Heard:
    beat: Beat | None
    heard_ns: int
    due_ns: int
    silent: bool = False
    boots: list[str] = field(default_factory=list)
    twice_ns: int | None = None
    expected: bool = False  # it was not heard since we began; `heard_ns` is when we did


class Silence:
    """Judges heartbeats.

    Args:
        name: of ourselves.
        grace_s: after a heartbeat was due, until the tower is called silent.
        now_ns: monotonic time.
    """

    def __init__(self, name: str, grace_s: float, now_ns: int) -> None:
        self._name = name
        self._grace_ns = round(grace_s * _NS)
        self._heard: dict[str, _Heard] = {}
        self._deaf_since_ns: int | None = now_ns
        self._deaf = False
        self._times_deaf = 0

    @property
    def has_link(self) -> bool:
        """Whether we have one, as far as was noted."""
        return self._deaf_since_ns is None

    def expect(self, name: str, due_s: float, now_ns: int, beat: Beat | None = None, *, silent: bool) -> None:
        """Expect to hear a tower, also when it has not been heard yet.

        Args:
            name: of the tower.
            due_s: until it is to be heard.
            now_ns: monotonic time.
            beat: the last that is known of it.
            silent: whether it was called so already.
        """
        due_ns = now_ns + round(due_s * _NS)
        self._heard.setdefault(
            name, _Heard(beat, now_ns, due_ns, silent, [beat.boot_id] if beat else [], expected=True)
        )

    def hear(self, name: str, beat: Beat, age_s: float, now_ns: int) -> list[Notice]:
        """Take a heartbeat.

        Args:
            name: of the tower.
            beat: what it says.
            age_s: since it was sent, as far as is known: the broker keeps the newest.
            now_ns: monotonic time.
        """
        sent_ns = now_ns - round(age_s * _NS)
        due_ns = sent_ns + round(beat.due_s * _NS)
        known = self._heard.setdefault(name, _Heard(None, sent_ns, sent_ns))
        if known.beat is not None and (known.beat.boot_id, known.beat.sequence) == (
            beat.boot_id,
            beat.sequence,
        ):
            known.due_ns = max(known.due_ns, due_ns)
            return []  # the one that the broker kept, once more
        notices = []
        if known.silent and due_ns + self._grace_ns > now_ns:
            notices.append(
                Notice("back", name, beat, None if known.expected else (now_ns - known.heard_ns) / _NS)
            )
            known.silent = False
        if beat.boot_id in known.boots[:-1]:
            known.boots.clear()
            if known.twice_ns is None or now_ns - known.twice_ns >= _TWICE_NS:
                known.twice_ns = now_ns
                notices.append(Notice("twice", name, beat, 0.0))
        if known.boots[-1:] != [beat.boot_id]:
            known.boots = [*known.boots[-_BOOTS_MAX:], beat.boot_id]
        known.beat, known.heard_ns, known.due_ns, known.expected = beat, sent_ns, due_ns, False
        return notices

    def link(self, now_ns: int, *, up: bool) -> list[Notice]:
        """Note whether we have a link; after one was missing every tower has a grace anew."""
        if up:
            since_ns, self._deaf_since_ns = self._deaf_since_ns, None
            if since_ns is None:
                return []
            for known in self._heard.values():
                known.due_ns = max(known.due_ns, now_ns)
            was, self._deaf = self._deaf, False
            return [self._of_us("hearing", now_ns - since_ns)] if was else []
        if self._deaf_since_ns is None:
            self._deaf_since_ns = now_ns
        return []

    def step(self, now_ns: int) -> list[Notice]:
        """Return who has become silent."""
        return list(self._step(now_ns))

    def _step(self, now_ns: int) -> Iterator[Notice]:
        if self._deaf_since_ns is not None:
            if not self._deaf and now_ns - self._deaf_since_ns > self._grace_ns:
                self._deaf = True
                self._times_deaf += 1
                yield self._of_us("deaf", now_ns - self._deaf_since_ns)
            return
        for name, known in self._heard.items():
            if not known.silent and now_ns - known.due_ns > self._grace_ns:
                known.silent = True
                yield Notice("silent", name, known.beat, (now_ns - known.heard_ns) / _NS)

    def _of_us(self, word: Word, silent_ns: int) -> Notice:
        return Notice(word, self._name, None, silent_ns / _NS, self._times_deaf)

    def states(self, now_ns: int) -> dict[str, tuple[bool, float]]:
        """Return for each tower whether it is silent, and the seconds since its last heartbeat."""
        return {name: (known.silent, (now_ns - known.heard_ns) / _NS) for name, known in self._heard.items()}
