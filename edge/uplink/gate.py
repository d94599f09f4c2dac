"""The gate for commands, on the tower: what is unsigned, unauthorised, late or repeated goes no further.

The daemon registers what does the commands. Everything is answered with why, except that strangers' commands are
answered a few times a minute only: they shall not fill the link.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from edge.clock import utc_text
from edge.errors import CommandError, EdgeError
from edge.text import plain
from edge.uplink.command import KINDS, Arguments, Operator, Order, arguments_of, opened
from edge.uplink.transport import Command, Parcel

logger = logging.getLogger(__name__)

Reason: TypeAlias = Literal[
    "malformed", "unsigned", "elsewhere", "unauthorised", "expired", "repeated", "unknown", "unfit", "failed"
]
HEARTBEATS = 3  # a command is valid until as many came after the one that it answers
AHEAD_S = 60.0  # two trusted clocks differ by less
TAKEN_MAX = 256  # ids that are remembered
STRANGERS_PER_MINUTE = 6
WHY_MAX = 400
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, as a command is judged.

    Attributes:
        mono_ns: monotonic time.
        wall_ns: since 1970-01-01 UTC, as far as this machine knows.
        wall_trusted: whether that clock is synchronised; None when unknown.
        sequence: of the newest heartbeat, sent or not.
    """

    mono_ns: int
    wall_ns: int
    wall_trusted: bool | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Given:
    """A command that is to be done.

    Attributes:
        order: as it was signed.
        arguments: of the kind's own class.
        by: whose signature it bears.
        mono_ns: when it was taken.
        sink: that it came from.
    """

    order: Order
    arguments: Arguments
    by: Operator
    mono_ns: int
    sink: str = ""


Handler: TypeAlias = Callable[[Given], str]
"""Does a command at once, or sees that it is done; returns what to tell people.

Raises EdgeError: it cannot be done; CommandError with `unfit`: there is no such event or camera, or no room.
"""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a tower says to a command.

    Attributes:
        schema: of this record.
        tower: that answers.
        id: of the command; None where it bears no known signature.
        command: which; None as above.
        word: `done`; `refused`: it was not tried; `failed`: it was.
        reason: why not, in one word; None where it is done.
        why: for people; with `done`, what was done.
        boot_id, sequence: of the tower's newest heartbeat, sent or not.
        answered_at: by the tower's clock; None where no calendar has it.
        clock_trusted: whether that is synchronised; None when unknown.
    """

    schema: Literal["firetower.answer/1"] = "firetower.answer/1"
    tower: str
    id: str | None
    command: str | None
    word: Literal["done", "refused", "failed"]
    reason: str | None
    why: str
    boot_id: str
    sequence: int
    answered_at: str | None
    clock_trusted: bool | None


class Gate:
    """Takes commands for one run of the daemon.

    Args:
        tower: its id.
        boot_id: as its heartbeats tell it.
        first_sequence: of the first heartbeat of this run (`edge.uplink.command.first_sequence`).
        operators: who may give commands, by their names.
        handlers: what does the commands, by their names; a command without one is `unknown`.
    """

    def __init__(
        self,
        tower: str,
        boot_id: str,
        first_sequence: int,
        operators: Mapping[str, Operator],
        handlers: Mapping[str, Handler],
    ) -> None:
        self._tower = tower
        self._boot_id = boot_id
        self._floor = first_sequence - 1  # what answers this heartbeat or an earlier one is too late
        self._operators = operators
        self._handlers = handlers
        self._taken: dict[str, tuple[int, str]] = {}
        self._counts: Counter[str] = Counter()
        self._strangers_ns: list[int] = []

    @property
    def counts(self) -> dict[str, int]:
        """How many were `done`, how many were refused or failed by their reasons, and `unanswered` strangers'."""
        return dict(self._counts)

    def take(self, command: Command, moment: Moment, sink: str = "") -> Parcel | None:
        """Judge a command and have it done.

        Args:
            command: as it came.
            moment: now.
            sink: that it came from.
        Returns:
            The answer, to be sent where the command said; None where it said nothing, and for too many strangers.
        """
        order: Order | None = None
        try:
            by, order = opened(command.body, self._operators)
            why = self._have_done(order, by, moment, sink)
        except CommandError as error:
            answer = self._answer(order, moment, error.reason, str(error))
        except EdgeError as error:
            answer = self._answer(order, moment, "failed", str(error))
        except Exception as error:  # whoever gave it shall know
            logger.exception("a command cannot be done, for an error that nobody foresaw")
            answer = self._answer(order, moment, "failed", f"an error of the tower's own: {error!r}")
        else:
            answer = self._answer(order, moment, None, why)
        self._count(answer, order)
        if order is None and not self._may_answer_stranger(moment.mono_ns):
            self._counts["unanswered"] += 1
            return None
        if command.answer_to is None:
            return None
        return Parcel(
            key=f"answer.{moment.mono_ns}.{self._counts.total()}",
            channel="answer",
            body=msgspec.json.encode(answer),
            content_type="application/json",
            answers=command.answer_to,
        )

    def _have_done(self, order: Order, by: Operator, moment: Moment, sink: str) -> str:
        """Check what is left to check, in this order, and do it.

        Raises:
            CommandError: it is refused.
            EdgeError: it cannot be done.
        """
        if order.tower != self._tower:
            raise CommandError("elsewhere", f"it is for the tower {order.tower!r}")
        self._check_new(order)
        self._check_fresh(order, moment)
        kind, handler = KINDS.get(order.command), self._handlers.get(order.command)
        if kind is None or handler is None:
            raise CommandError("unknown", f"this tower knows no command {order.command!r}")
        if not by.may(kind):
            raise CommandError(
                "unauthorised", f"{order.command} is for the role {kind.role}, {by.name} has {by.role}"
            )
        arguments = arguments_of(order, kind)
        self._remember(order, "not done")  # also where it fails: the next try is signed anew
        why = handler(Given(order, arguments, by, moment.mono_ns, sink))
        self._taken[order.id] = (order.sequence, f"done: {why}")
        return why

    def _check_new(self, order: Order) -> None:
        known = self._taken.get(order.id)
        if known is not None:
            raise CommandError("repeated", f"it was taken before; {known[1]}")

    def _check_fresh(self, order: Order, moment: Moment) -> None:
        """Refuse what answers no heartbeat of this run, or came too late.

        Where both clocks are trusted and the sender said how long it is valid, time decides; the link may have been
        away for longer than three heartbeats.
        """
        if order.boot_id != self._boot_id or order.sequence <= self._floor:
            raise CommandError("expired", "it answers a heartbeat from before the tower was started anew")
        if order.sequence > moment.sequence:
            raise CommandError("expired", f"it answers heartbeat {order.sequence}, which never was")
        if order.valid_s is not None and order.clock_trusted and moment.wall_trusted:
            age_s = moment.wall_ns / 1e9 - order.sent_at.timestamp()
            if not -AHEAD_S <= age_s <= order.valid_s:
                raise CommandError(
                    "expired", f"it was sent {age_s:.0f} s ago and valid for {order.valid_s:.0f} s"
                )
        elif moment.sequence - order.sequence >= HEARTBEATS:
            late = moment.sequence - order.sequence
            raise CommandError(
                "expired", f"{late} heartbeats came after the one that it answers; look again, then give it"
            )

    def _remember(self, order: Order, why: str) -> None:
        """Keep the id; where there are too many, no more is taken of the heartbeat that the oldest answers."""
        self._taken[order.id] = (order.sequence, why)
        if len(self._taken) > TAKEN_MAX:
            self._floor = max(self._floor, min(sequence for sequence, _ in self._taken.values()))
            self._taken = {
                id_: (sequence, why) for id_, (sequence, why) in self._taken.items() if sequence > self._floor
            }

    def _answer(self, order: Order | None, moment: Moment, reason: str | None, why: str) -> Answer:
        return Answer(
            tower=self._tower,
            id=None if order is None else order.id,
            command=None if order is None else order.command,
            word="done" if reason is None else "failed" if reason == "failed" else "refused",
            reason=reason,
            why=plain(why)[:WHY_MAX],
            boot_id=self._boot_id,
            sequence=moment.sequence,
            answered_at=utc_text(moment.wall_ns),
            clock_trusted=moment.wall_trusted,
        )

    def _count(self, answer: Answer, order: Order | None) -> None:
        self._counts[answer.reason or "done"] += 1
        if order is None:
            logger.warning("a command is refused: %s", answer.reason)
        else:
            logger.info("command %s %s: %s: %s", order.command, order.id, answer.word, answer.why)

    def _may_answer_stranger(self, now_ns: int) -> bool:
        self._strangers_ns = [ns for ns in self._strangers_ns if now_ns - ns < _MINUTE_NS]
        if len(self._strangers_ns) >= STRANGERS_PER_MINUTE:
            return False
        self._strangers_ns.append(now_ns)
        return True
