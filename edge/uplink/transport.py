"""The contract of a transport: the way to one receiver, over a link that comes and goes.

A transport keeps nothing that must not be lost: the outbox does. It carries one parcel at a time, and says what became
of it. It is driven by `step`, in one thread, by a clock that may be simulated; nothing in it blocks for longer than
STEP_S, and nothing is sent again that was not handed over again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

STEP_S = 0.2  # no call of a transport takes longer

Channel: TypeAlias = Literal["event", "image", "smoke", "health", "answer", "discovery"]
Word: TypeAlias = Literal["delivered", "unheard", "refused", "shed", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be carried, whole.

    Attributes:
        key: the same whenever it is sent again; receivers know it by that.
        channel: what it is; each transport has its own place for it.
        body: bytes, as they go out.
        content_type: of the body.
        attributes: small texts beside the body, by name (CloudEvents' own without their prefix, `sha256`, `role`).
        camera: whose it is; None of the tower's own.
        expires_s: after which nobody needs it any more; None: never.
        answers: where an answer goes: what the command said; None of everything else.
    """

    key: str
    channel: Channel
    body: bytes
    content_type: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    camera: str | None = None
    expires_s: float | None = None
    answers: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a parcel.

    Attributes:
        key: the parcel's.
        word: `delivered`: the receiver's machine took it. `unheard`: it took it, and nobody listens. `refused`: it will
            not take this one, whoever sends it again (too large, of a wrong form). `shed`: so is a picture whose size
            ended the connection, or could have. `failed`: it may be tried again.
            `gone`: the receiver wants nothing any more.
        why: for people, without secrets; empty where it was delivered.
        retry_s: before which it makes no sense to try again; None: the courier's own rule.
        bytes: that went over the link for it, as far as the transport knows.
        alone: of a `failed` one: whether the receiver said no to this one; the link is good, and others may go.
    """

    key: str
    word: Word
    why: str = ""
    retry_s: float | None = None
    bytes: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What came from a receiver: unchecked bytes.

    Attributes:
        body: as they came.
        answer_to: address of the answer, and what goes along with it.
    """

    body: bytes
    answer_to: tuple[str, bytes] | None


@dataclass(frozen=True, slots=True)
class Link:
    """How the way is just now.

    Attributes:
        up: whether a parcel could go.
        why: why not, for people, without secrets.
        largest_bytes: of one parcel's body, as the receiver said; None where it did not.
        sent_bytes, received_bytes: over the link so far, as far as the transport knows.
        notice: what somebody should see to though it may be up, for people, without secrets: another tower that uses
            the same id, commands that the receiver keeps back; empty where there is nothing.
    """

    up: bool
    why: str
    largest_bytes: int | None
    sent_bytes: int
    received_bytes: int
    notice: str = ""


class Transport(Protocol):
    """The way to one receiver."""

    def step(self, now_ns: int) -> tuple[Outcome | Command, ...]:
        """Do what can be done now: connect, read, write; return what came of it.

        Args:
            now_ns: monotonic time, real or simulated.
        """
        ...

    def wake_ns(self, now_ns: int) -> int:
        """Return when `step` wants to be called next, if nothing is handed over before; it is not called earlier."""
        ...

    def fileno(self) -> int | None:
        """Return what to wait on until then; None where there is nothing."""
        ...

    def send(self, parcel: Parcel, now_ns: int) -> bool:
        """Take a parcel to be carried; return False where it cannot be taken now (no link, or one is in hand)."""
        ...

    def link(self) -> Link:
        """Say how the way is."""
        ...

    def close(self, farewell: Parcel | None = None) -> None:
        """Let go of the link, with a last word if it goes at once; what was in hand is not delivered."""
        ...
