"""The way to one sink: its transport, what is in hand on it, and when it is worth trying again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge.alert.route import Line, Message
from edge.uplink.budget import Budget, is_alert_text
from edge.uplink.transport import Channel, Link, Outcome, Parcel, Transport

RETRY_S = 1.0  # after a failure; twice as long after each one more
RETRY_MAX_S = 300.0
ANSWERS = 16  # that wait
BEAT = "health"  # by which heartbeats are known, whichever it is


@dataclass(slots=True)
class _No:
    """What the receiver said no to: where it belongs, why, how often, and when it is tried again."""

    channel: Channel
    camera: str | None
    why: str
    times: int
    until_ns: int


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
    _noes: dict[str, _No] = field(default_factory=dict)  # by key
    _in_a_row: dict[Channel, int] = field(default_factory=dict)
    _shut_ns: dict[Channel, int] = field(default_factory=dict)  # until which a channel is left alone

    def link(self) -> Link:
        """Say how the way is, and in its notice what the receiver said no to."""
        link, by_place = self.transport.link(), dict[tuple[Channel, str | None], list[_No]]()
        for no in self._noes.values():
            by_place.setdefault((no.channel, no.camera), []).append(no)
        told = [
            f"{channel}{f' of {camera}' if camera else ''}: {len(noes)} not taken: {noes[-1].why}"
            for (channel, camera), noes in by_place.items()
        ]
        if link.notice and not any(link.notice in one for one in told):
            told.insert(0, link.notice)
        return replace(link, notice="; ".join(told))

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
        """Return what an outcome is of, None where of nothing; where the link failed, wait before the next try."""
        parcel, message = self.hand, self.message
        if parcel is None or outcome.key != parcel.key:
            return None
        self.hand = self.message = None
        if outcome.word == "failed" and not outcome.alone:
            self._fails += 1
            wait_s = _wait_s(self._fails, outcome)
            self._retry_ns = now_ns + round(wait_s * 1e9)
            if message is not None:
                self.postpone(parcel.key, 2 * wait_s, now_ns)  # others have their turn first
        else:
            self._fails = 0
            if outcome.word in ("delivered", "unheard"):
                self._passed(parcel, now_ns)
            elif outcome.word != "failed" and not self.is_state(parcel):
                self._noes.pop(parcel.key, None)
        return parcel, message

    def is_state(self, parcel: Parcel) -> bool:
        """Say whether a parcel is a heartbeat or a state, which is said again at its time, whatever became of it."""
        return parcel.channel in ("health", "smoke", "discovery")

    def refuse(self, parcel: Parcel, outcome: Outcome, now_ns: int) -> bool:
        """Let a parcel wait that the receiver said no to, and from the second in a row on its whole channel.

        Returns:
            Whether that is news of its channel and camera.
        """
        key, place = _name(parcel), (parcel.channel, parcel.camera)
        news = not any((no.channel, no.camera, no.why) == (*place, outcome.why) for no in self._noes.values())
        before = self._noes.pop(key, None)  # the newest is the last
        times = 1 if before is None else before.times + 1
        until_ns = now_ns + round(_wait_s(times, outcome) * 1e9)
        self._noes[key] = _No(*place, outcome.why, times, until_ns)
        in_a_row = self._in_a_row[parcel.channel] = self._in_a_row.get(parcel.channel, 0) + 1
        if in_a_row > 1 and sum(no.channel == parcel.channel for no in self._noes.values()) > 1:
            self._shut_ns[parcel.channel] = now_ns + round(_wait_s(in_a_row - 1, outcome) * 1e9)
        return news

    def lets(self, line: Line, now_ns: int) -> bool:
        """Say whether a message may be tried: where its channel is left alone, new text of an alert alone."""
        if is_alert_text(line) and line.key not in self._noes:
            return True
        return now_ns >= self._shut_ns.get("image" if line.kind == "picture" else "event", 0)

    def waits(self, name: str, now_ns: int) -> bool:
        """Say whether something has to wait since the receiver said no to it: a key, or `BEAT`."""
        no = self._noes.get(name)
        return no is not None and now_ns < no.until_ns

    def answer(self, parcels: Iterable[Parcel]) -> None:
        """Take answers; the oldest go where there are too many."""
        for parcel in parcels:
            if len(self.answers) == ANSWERS:
                self._noes.pop(self.answers[0].key, None)
            self.answers.append(parcel)

    def has_room(self, picture_bytes: int) -> bool:
        """Say whether the budget has room for a picture that somebody asks for, after the answers that wait.

        Args:
            picture_bytes: of it.
        """
        size = picture_bytes + sum(len(answer.body) for answer in self.answers)
        return self.budget.admits(
            Line(key="", kind="picture", role="full", alert=False, bytes=size, unheard=False)
        )

    def _passed(self, parcel: Parcel, now_ns: int) -> None:
        """Forget what was said no to: this one, and of its channel what has not come again in its time."""
        self._late.pop(parcel.key, None)
        self._noes.pop(_name(parcel), None)
        self._in_a_row.pop(parcel.channel, None)
        self._shut_ns.pop(parcel.channel, None)
        overdue_ns = now_ns - round(RETRY_MAX_S * 1e9)
        self._noes = {
            key: no
            for key, no in self._noes.items()
            if no.channel != parcel.channel or no.until_ns > overdue_ns
        }

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
        return {*self._late, *(key for key, no in self._noes.items() if no.until_ns > now_ns)}


def _wait_s(times: int, outcome: Outcome) -> float:
    """Return how long to wait after so many failures."""
    own_s = min(RETRY_MAX_S, RETRY_S * 2.0 ** min(times - 1, 30))
    return max(own_s, outcome.retry_s or 0.0)


def _name(parcel: Parcel) -> str:
    """Return by what a parcel is known that was said no to: the next heartbeat stands for the last."""
    return BEAT if parcel.channel == "health" else parcel.key
