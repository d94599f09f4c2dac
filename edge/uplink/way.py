"""The way to one sink: its transport, what is in hand on it, and when it is worth trying again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge.alert.route import Message
from edge.uplink.budget import Budget
from edge.uplink.transport import Channel, Outcome, Parcel, Transport

RETRY_S = 1.0  # after a failure; twice as long after each one more
RETRY_MAX_S = 300.0
ANSWERS = 16  # that wait


@dataclass(slots=True)
class Way:
    """The way to one sink.

    Attributes:
        sink: its name.
        transport: to it.
        channels: what it carries.
        budget: of its link.
        answers: to commands, that wait, and pictures that one of them asked for.
        states: what was delivered last of each state over this link, by its key.
        beat: sequence of the heartbeat that was delivered last; None if none was.
        beating: that of the one that is made now.
        repeating: whether what nobody heard goes again now; with each heartbeat it begins anew, until all had its turn.
        unheard: keys that nobody heard since it began.
        gone: whether the sink wants nothing any more.
        hand: what is being carried.
        message: of which that is; None of a state or an answer.
    """

    sink: str
    transport: Transport
    channels: frozenset[Channel]
    budget: Budget
    answers: deque[Parcel] = field(default_factory=lambda: deque(maxlen=ANSWERS))
    states: dict[str, Parcel] = field(default_factory=dict)
    beat: int | None = None
    beating: int | None = None
    repeating: bool = False
    unheard: set[str] = field(default_factory=set)
    gone: bool = False
    hand: Parcel | None = None
    message: Message | None = None
    _up: bool = False
    _fails: int = 0
    _retry_ns: int = 0
    _late: dict[str, int] = field(default_factory=dict)
    _link_bytes: int = 0

    def meter(self, now_ns: int) -> None:
        """Take out of the budget what went over the link, and let it fill; of a new link nothing is known."""
        link = self.transport.link()
        if link.up and not self._up:
            self.states.clear()
        self._up = link.up
        total = link.sent_bytes + link.received_bytes
        self.budget.spend(max(0, total - self._link_bytes), now_ns)  # nothing, too: it fills with time
        self._link_bytes = total

    def forget_expiring(self) -> None:
        """Have what expires said again."""
        self.states = {key: state for key, state in self.states.items() if state.expires_s is None}

    def is_free(self, now_ns: int) -> bool:
        """Say whether a parcel could go."""
        return self.hand is None and now_ns >= self._retry_ns and self.transport.link().up

    def send(self, parcel: Parcel, message: Message | None, now_ns: int) -> bool:
        """Hand a parcel over; return whether it was taken."""
        if not self.transport.send(parcel, now_ns):
            self._retry_ns = now_ns + round(RETRY_S * 1e9)
            return False
        self.hand, self.message = parcel, message
        return True

    def settle(self, outcome: Outcome, now_ns: int) -> tuple[Parcel, Message | None] | None:
        """Return what an outcome is of, and when it failed, wait before the next try; None where it is of nothing."""
        parcel, message = self.hand, self.message
        if parcel is None or outcome.key != parcel.key:
            return None
        self.hand = self.message = None
        if outcome.word == "failed":
            self._fails += 1
            wait_s = min(RETRY_MAX_S, RETRY_S * 2.0 ** (self._fails - 1))
            wait_s = wait_s if outcome.retry_s is None else max(RETRY_S, outcome.retry_s)
            self._retry_ns = now_ns + round(wait_s * 1e9)
            self.postpone(parcel.key, 2 * wait_s, now_ns)  # others have their turn first
        else:
            self._fails = 0
            self._late.pop(parcel.key, None)
        return parcel, message

    def repeat(self) -> None:
        """Begin to send again what nobody heard."""
        self.repeating = True
        self.unheard.clear()

    def postpone(self, key: str, wait_s: float, now_ns: int) -> None:
        """Let a message wait; others go meanwhile."""
        self._late[key] = now_ns + round(wait_s * 1e9)

    def late(self, now_ns: int) -> set[str]:
        """Return the keys whose time for another try has not come."""
        self._late = {key: at_ns for key, at_ns in self._late.items() if at_ns > now_ns}
        return set(self._late)
