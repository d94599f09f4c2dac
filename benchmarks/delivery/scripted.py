"""A simulated clock, a scripted transport, and who writes what goes over it: what days are played with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, TypeVar

import msgspec

from benchmarks.delivery.taken import Taken
from edge.alert.route import Message
from edge.uplink.facts import TowerFacts
from edge.uplink.heartbeat import Vitals
from edge.uplink.moment import Now
from edge.uplink.transport import Command, Link, Parcel
from edge.uplink.transport import Outcome as Told
from edge.uplink.writer import Writer
from edge.zone import zone_of

HEARTBEAT_S = 300.0
_NS = 1_000_000_000
_BEGUN_NS = 1_796_000_000 * _NS  # wall time at the first boot

State: TypeAlias = Literal["up", "down", "unheard", "failing", "swallowing"]
_Got = TypeVar("_Got")


class Clock:
    """Simulated time. A boot begins the monotonic one anew."""

    def __init__(self) -> None:
        self.now_ns = 100 * _NS
        self.boots = 1
        self._wall_ns = _BEGUN_NS

    @property
    def boot(self) -> str:
        """Identity of this boot."""
        return f"{self.boots:08d}-0000-0000-0000-000000000000"

    def mono_ns(self) -> int:
        """Monotonic time of this boot."""
        return self.now_ns

    def wall_ns(self) -> int:
        """Wall time, which is never wrong here."""
        return self._wall_ns

    def total_s(self) -> float:
        """Seconds since the beginning, over all boots."""
        return (self._wall_ns - _BEGUN_NS) / _NS

    def wait(self, _signal: object, _timeout_s: float) -> bool:
        """Nothing waits in simulated time."""
        return False

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * _NS)
        self._wall_ns += round(seconds * _NS)

    def reboot(self) -> None:
        """Begin another boot."""
        self.boots += 1
        self.now_ns = 20 * _NS


class Inline:
    """A clerk without a thread."""

    def call(self, call: Callable[[], _Got]) -> _Got:
        """Do it."""
        return call()


class Script:
    """A transport whose receiver is as it is told.

    Attributes:
        state: `up`; `down`: no link; `unheard`: it takes, and nobody listens; `failing`: it refuses for now;
            `swallowing`: it takes, and the link breaks before it can say so.
        taken: what arrived.
    """

    def __init__(self, clock: Clock) -> None:
        self.state: State = "up"
        self.taken: list[Taken] = []
        self._clock = clock
        self._hand: Parcel | None = None
        self._bytes = 0

    def restart(self) -> None:
        """What is in hand is gone with the process; what it was handed over may have arrived."""
        if self._hand is not None and self.state in ("up", "swallowing"):
            self._take(self._hand)
        self._hand, self._bytes = None, 0

    def step(self, now_ns: int) -> tuple[Told | Command, ...]:  # noqa: ARG002 — the contract's
        """Say what became of what is in hand."""
        parcel, self._hand = self._hand, None
        if parcel is None:
            return ()
        if self.state in ("up", "swallowing"):
            self._take(parcel)
        if self.state == "up":
            return (Told(parcel.key, "delivered"),)
        if self.state == "unheard" and parcel.channel == "event":
            return (Told(parcel.key, "unheard", "nobody listens"),)
        if self.state == "unheard":
            self._take(parcel)  # retained: there for whoever comes
            return (Told(parcel.key, "delivered"),)
        if self.state == "swallowing":
            self.state = "down"
        return (Told(parcel.key, "failed", "said so"),)

    def wake_ns(self, now_ns: int) -> int:
        """It wants nothing."""
        return now_ns + _NS

    def fileno(self) -> int | None:
        """There is nothing to wait on."""
        return None

    def send(self, parcel: Parcel, now_ns: int) -> bool:  # noqa: ARG002 — the contract's
        """Take it."""
        if self._hand is not None or self.state == "down":
            return False
        self._hand = parcel
        self._bytes += len(parcel.body) + 600
        return True

    def link(self) -> Link:
        """Say whether it is up."""
        return Link(self.state != "down", "no carrier", None, self._bytes, 0)

    def close(self, farewell: Parcel | None = None) -> None:
        """Nothing is open."""

    def _take(self, parcel: Parcel) -> None:
        if parcel.channel not in ("event", "image"):
            return
        document = msgspec.json.decode(parcel.body) if parcel.channel == "event" else None
        digest = hashlib.sha256(parcel.body).hexdigest()
        self.taken.append(Taken(key=parcel.key, at_s=self._clock.total_s(), sha256=digest, document=document))


class Pen:
    """Writes messages as the daemon does, and heartbeats that say nothing."""

    def __init__(self, clock: Clock) -> None:
        facts = TowerFacts("tower-7", "tower-7", {}, zone_of("UTC"))
        self._writer = Writer(
            facts,
            HEARTBEAT_S,
            "0",
            now=lambda: Now(clock.mono_ns(), clock.boot, clock.wall_ns(), None),
            vitals=_no_vitals,
            smoke=lambda _: {},
            fire_risk=lambda: None,
        )

    def message(self, message: Message) -> Parcel:
        """Return a message as it goes now."""
        return self._writer.message(message)

    def heartbeat(self, sequence: int, next_s: float) -> Parcel:  # noqa: ARG002 — the contract's
        """Return a heartbeat."""
        return Parcel(f"health.{sequence}", "health", b"{}", "application/json")

    def states(self, sink: str) -> Sequence[Parcel]:  # noqa: ARG002 — the contract's
        """There are none."""
        return ()


def nothing_to_say(_sink: str, _command: Command) -> tuple[Parcel, ...]:
    """Answer no command."""
    return ()


def _no_vitals(_sequence: int, _next_s: float) -> Vitals:
    raise AssertionError
