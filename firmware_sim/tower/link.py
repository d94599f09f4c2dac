"""The way from a simulated tower to one of its sinks, and who hears it: a transport on the simulated clock.

Sizes of what goes around a parcel are assumed: nobody measured them here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.uplink.topic import RETAINED
from edge.uplink.transport import Command, Link, Outcome, Parcel
from firmware_sim.tower.air import Air, held
from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.plan import Receiver

HEAD_BYTES = 150  # of a parcel: TCP, TLS and MQTT; assumed
WORD_BYTES = 6  # of each of its attributes, beside its letters; assumed
ANSWER_BYTES = 80  # of an acknowledgement; assumed
CONNECT_BYTES = 4000  # TLS and the broker's welcome, both ways; assumed
SILENCE_S = 30.0  # after which an acknowledgement that does not come is given up; assumed


@dataclass(slots=True)
class Arrival:
    """What a receiver has.

    Attributes:
        parcel: as it came first.
        at_s: when, in seconds since 1970 UTC.
        made_s: when the tower handed it over.
        copies: how often it came.
    """

    parcel: Parcel
    at_s: float
    made_s: float
    copies: int = 1


@dataclass(slots=True)
class Ear:
    """Who hears one sink, over all lives of the tower.

    Attributes:
        sink: its name.
        receiver: how it hears.
        begin_s: seconds since 1970 UTC that its times count from.
        seed: chooses which acknowledgements are lost.
        got: events and pictures by key, in the order of coming.
        told: heartbeats and answers, in the order of coming; their keys begin anew with each boot.
        retained: keys of pictures that the broker kept though nobody listened.
        commands: of people that wait for the link, and since when, in nanoseconds since 1970 UTC.
    """

    sink: str
    receiver: Receiver
    begin_s: float
    seed: int
    got: dict[str, Arrival] = field(default_factory=dict)
    told: list[Arrival] = field(default_factory=list)
    retained: set[str] = field(default_factory=set)
    commands: list[tuple[int, Command]] = field(default_factory=list)
    _lots: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._lots = np.random.default_rng((self.seed, 41, *self.sink.encode()))

    def is_there(self, at_ns: int) -> bool:
        """Say whether anybody answers."""
        return not held(self.receiver.away, at_ns / NS - self.begin_s)

    def hear(self, parcel: Parcel, at_ns: int, made_ns: int) -> str:
        """Take a parcel.

        Returns:
            `delivered`, `unheard`, or `lost` where its acknowledgement is.
        """
        now_s = at_ns / NS
        if held(self.receiver.unheard, now_s - self.begin_s):
            if parcel.channel not in RETAINED:
                return "unheard"
            self.retained.add(parcel.key)
        elif parcel.channel in ("health", "answer"):
            self.told.append(Arrival(parcel, now_s, made_ns / NS))
        elif parcel.key in self.got:
            self.got[parcel.key].copies += 1
        else:
            self.got[parcel.key] = Arrival(parcel, now_s, made_ns / NS)
        swallowed = self.receiver.swallowed > 0 and self._lots.random() < self.receiver.swallowed
        return "lost" if swallowed else "delivered"


@dataclass(slots=True)
class _Hand:
    """A parcel under way.

    Attributes:
        parcel: which.
        made_ns: when it was handed over.
        there_ns: when it is there, or lost.
        arrives: which of the two.
        told_ns, outcome: what the tower hears of it then, and when; None before it is there.
    """

    parcel: Parcel
    made_ns: int
    there_ns: int
    arrives: bool
    told_ns: int = 0
    outcome: Outcome | None = None


class SimTransport:
    """The way to one sink, for one life of the tower; an `edge.uplink.transport.Transport`.

    Args:
        ear: who hears it.
        air: the link.
        clock: simulated.
    """

    def __init__(self, ear: Ear, air: Air, clock: SimClock) -> None:
        self._ear, self._air, self._clock = ear, air, clock
        self._hand: _Hand | None = None
        self._connected_ns: int | None = None  # from when on; None while there is no link
        self._sent = self._received = 0

    def step(self, now_ns: int) -> tuple[Outcome | Command, ...]:  # noqa: ARG002 — the clock is the simulated one
        """Return what became of the parcel under way, and commands that came."""
        self._connect()
        return (*self._outcome(), *self._commands())

    def wake_ns(self, now_ns: int) -> int:
        """Return when the parcel under way comes to something, or the link is ready."""
        at_ns = self._clock.now_ns
        soon = []
        if self._hand is not None:
            soon.append(self._hand.there_ns if self._hand.outcome is None else self._hand.told_ns)
        if self._connected_ns is not None and self._connected_ns > at_ns:
            soon.append(self._connected_ns)
        if self._ear.commands and self._is_ready():
            soon.append(self._ear.commands[0][0] + self._air.delay_ns)
        return now_ns + max(0, min(soon, default=at_ns + 3600 * NS) - at_ns)

    def fileno(self) -> None:
        """Return nothing: there is nothing to wait on but the clock."""

    def send(self, parcel: Parcel, now_ns: int) -> bool:  # noqa: ARG002 — as in `step`
        """Take a parcel where the link is ready and nothing is under way."""
        if self._hand is not None or not self._is_ready():
            return False
        words = parcel.attributes.items()
        size = (
            len(parcel.body) + HEAD_BYTES + sum(len(name) + len(value) + WORD_BYTES for name, value in words)
        )
        there_ns, arrives = self._air.carry(size, self._clock.now_ns)
        self._count(sent=size)
        self._hand = _Hand(parcel, self._clock.now_ns, there_ns, arrives)
        return True

    def link(self) -> Link:
        """Say how the way is."""
        at_ns = self._clock.now_ns
        why = self._air.why(at_ns)
        if not why and not self._ear.is_there(at_ns):
            why = "nobody answers"
        up = self._is_ready()
        largest = self._ear.receiver.largest_bytes
        return Link(up, "" if up else why or "not yet connected", largest, self._sent, self._received)

    def close(self, farewell: Parcel | None = None) -> None:  # noqa: ARG002 — the contract's
        """Let go of the link; what has left the tower arrives all the same."""
        hand, self._hand = self._hand, None
        self._air.free(self._clock.now_ns)
        gone = hand is not None and hand.there_ns - self._air.delay_ns <= self._clock.now_ns
        if hand is not None and hand.outcome is None and hand.arrives and gone:
            self._ear.hear(hand.parcel, hand.there_ns, hand.made_ns)

    def _is_ready(self) -> bool:
        at_ns = self._clock.now_ns
        ready = self._connected_ns is not None and self._connected_ns <= at_ns
        return ready and self._air.is_up(at_ns) and self._ear.is_there(at_ns)

    def _connect(self) -> None:
        """Connect where there is a link and no connection; notice where there is none any more."""
        at_ns = self._clock.now_ns
        if not (self._air.is_up(at_ns) and self._ear.is_there(at_ns)):
            self._connected_ns = None
        elif self._connected_ns is None:
            there_ns, made = self._air.carry(CONNECT_BYTES, at_ns)
            self._count(sent=CONNECT_BYTES // 4, received=CONNECT_BYTES - CONNECT_BYTES // 4)
            self._connected_ns = there_ns + 3 * self._air.delay_ns if made else None

    def _outcome(self) -> tuple[Outcome, ...]:
        hand, at_ns = self._hand, self._clock.now_ns
        if hand is None or at_ns < hand.there_ns:
            return ()
        if hand.outcome is None:
            self._arrive(hand)
        if at_ns < hand.told_ns or hand.outcome is None:
            return ()
        self._hand = None
        return (hand.outcome,)

    def _arrive(self, hand: _Hand) -> None:
        """Let a parcel arrive, and work out what the tower will hear of it."""
        key, told_ns = hand.parcel.key, hand.there_ns + self._air.delay_ns
        if not hand.arrives or not self._ear.is_there(hand.there_ns):
            hand.told_ns, hand.outcome = hand.there_ns, Outcome(key, "failed", "the link was lost")
            return
        word = self._ear.hear(hand.parcel, hand.there_ns, hand.made_ns)
        if word == "lost" or not self._air.is_up(told_ns):
            hand.told_ns = hand.there_ns + round(SILENCE_S * NS)
            hand.outcome = Outcome(key, "failed", "no acknowledgement came")
            return
        self._count(received=ANSWER_BYTES)
        hand.told_ns = told_ns
        unheard = word == "unheard"
        hand.outcome = Outcome(key, "unheard", "nobody listens") if unheard else Outcome(key, "delivered")

    def _commands(self) -> list[Command]:
        """Return what people said, where it has come through."""
        waiting, at_ns = self._ear.commands, self._clock.now_ns
        if not waiting or not self._is_ready():
            return []
        came = [command for since_ns, command in waiting if since_ns + self._air.delay_ns <= at_ns]
        del waiting[: len(came)]
        for command in came:
            self._count(received=len(command.body) + HEAD_BYTES)
        return came

    def _count(self, sent: int = 0, received: int = 0) -> None:
        self._sent += sent
        self._received += received
        self._air.count(sent, received)
