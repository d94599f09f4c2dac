"""The places for connections: who makes way when they are taken, who stays too long, and how many of each there were.

Nobody has to show a token to connect, so connections without one are kept few, and go first.
"""

from __future__ import annotations

import logging
import resource
from typing import Protocol

import msgspec

from edge.clock import Clock

_log = logging.getLogger(__name__)

_PLACES = 64
_LEAST = 8
_REST = 128  # descriptors for cameras, the store and the model


class Visitor(Protocol):
    """What is asked of a connection.

    Attributes:
        loopback: whether its other end is on this machine.
        trusted: whether it has shown the token.
        since_ns: when it came, or had taken its last answer; monotonic.
    """

    loopback: bool
    trusted: bool
    since_ns: int

    @property
    def silent(self) -> bool:
        """Whether it has not said anything yet."""
        ...

    def late(self, now_ns: int) -> bool:
        """Say whether it has taken more time than a request may."""
        ...

    def cut(self) -> None:
        """End it at once."""
        ...


class Visits(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of connections.

    Attributes:
        open: now.
        places: the most there may be.
        made_way: were ended for a newer one.
        late: were ended because a request or the reading of its answer took too long.
        wrong_tokens: were shown.
    """

    open: int
    places: int
    made_way: int
    late: int
    wrong_tokens: int


def count_places() -> int:
    """Return how many connections there may be, so that the process keeps descriptors for the rest."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _PLACES
    return max(_LEAST, min(_PLACES, descriptors - _REST))


class Places:
    """Who is there. When all places are taken, the one without the token that has been idle longest makes way.

    Connections that have shown the token have up to half of the places, from which only each other can push them;
    those from this machine have a quarter, from which those from elsewhere cannot. Idle is who has completed no
    request: bytes that drip in do not count.

    Args:
        clock: monotonic time.
        places: how many there are.
    """

    def __init__(self, clock: Clock, places: int) -> None:
        self.places = places
        self.made_way = 0
        self.late = 0
        self._told = 0
        self._clock = clock
        self._here: set[Visitor] = set()

    @property
    def full(self) -> bool:
        """Whether the next one takes the place of another."""
        return len(self._here) >= self.places

    @property
    def open(self) -> int:
        """How many are there."""
        return len(self._here)

    def now_ns(self) -> int:
        """Return the monotonic time."""
        return self._clock.mono_ns()

    def enter(self, visitor: Visitor) -> None:
        """Let one in; at the cap another makes way."""
        if self.full:
            self.make_way()
        self._here.add(visitor)

    def leave(self, visitor: Visitor) -> None:
        """Forget one that has ended."""
        self._here.discard(visitor)

    def trust(self, visitor: Visitor) -> None:
        """Note that one has shown the token."""
        if visitor not in self._here:
            return  # it had to make way meanwhile
        visitor.trusted = True
        trusted = {one for one in self._here if one.trusted}
        if len(trusted) > self.places // 2:
            self._push(trusted - {visitor})

    def make_way(self) -> None:
        """End the one without the token that has been idle longest."""
        without = {one for one in self._here if not one.trusted}
        local = {one for one in without if one.loopback}
        self._push(without - local if len(local) <= self.places // 4 else without)

    def tend(self) -> None:
        """End those that take too long, and tell the log of a crowd; call it several times a second."""
        if self.made_way > self._told:
            self._told = self.made_way
            _log.warning(
                "the web server's %d places are taken: those without the token make way", self.places
            )
        now_ns = self.now_ns()
        for visitor in [one for one in self._here if one.late(now_ns)]:
            self.late += 1
            self._cut(visitor)

    def cut_silent(self) -> None:
        """End those that have not said anything."""
        for visitor in [one for one in self._here if one.silent]:
            self._cut(visitor)

    def _push(self, among: set[Visitor]) -> None:
        if among:
            self.made_way += 1
            self._cut(min(among, key=lambda one: one.since_ns))

    def _cut(self, visitor: Visitor) -> None:
        self._here.discard(visitor)
        visitor.cut()
