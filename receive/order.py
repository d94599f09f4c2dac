"""`firetower command`: signs a command to a tower, sends it, and waits for the answer."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.clock import Clock, SystemClock, wall_synchronised
from edge.errors import CommandError, SettingsError
from edge.text import plain
from edge.uplink import topic
from edge.uplink.command import (
    KINDS,
    SNOOZE_MAX_S,
    VALID_MAX_S,
    Operator,
    Order,
    arguments_of,
    new_operator,
    read_operator,
    sign,
)
from edge.uplink.gate import HEARTBEATS, Answer
from receive.broker import Broker, add_arguments, broker_of
from receive.errors import BrokerError, MessageError
from receive.inbox import TOWER
from receive.message import answer_of, beat_of
from receive.session import Delivered, Session
from receive.silence import Beat

_HEALTH_S = 10.0  # for the heartbeat that the broker keeps
_HELP = """\
Sign a command to a tower, send it, and print the tower's answer; the last line of stdout is the answer as JSON.

  firetower command --make-key anna.key anna operator      once; then as [operators] anna = "anna.key" on the tower
  firetower command tower-7 acknowledge 9f2c41d07be2 --as anna.key --broker mqtts://broker.example
  firetower command tower-7 snooze north 90 "burning by permit" --as anna.key --broker mqtts://broker.example

`firetower drill` gives the command of that name and shows what comes of it.

A command answers the tower's newest heartbeat. It is valid for three more, or for --valid-s where the clocks of both
sides are synchronised, and it is done once. Exit 0 when it is done, 1 when it is refused, failed or not answered.

roles: an observer asks for pictures; an operator also acknowledges, confirms, dismisses and drills; an admin also
sets the fire risk and lets cameras be silent.
"""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent.

    Attributes:
        tower: to which.
        command: one of `KINDS`.
        arguments: of it.
        operator: who signs.
        valid_s: after now, where both clocks are trusted; None: three heartbeats.
        wait_s: for the answer, of a drill for all of it.
    """

    tower: str
    command: str
    arguments: Mapping[str, Any]
    operator: Operator
    valid_s: float | None
    wait_s: float


def command(argv: list[str]) -> int:
    """Run `firetower command`; return 0 when the command is done, 1 when it is not, 2 for wrong usage.

    Raises:
        SettingsError: an option is wrong.
        BrokerError: the broker cannot be reached.
    """
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said what was wrong
        return int(end.code or 0)
    if options.make_key is not None:
        return _make_key(*options.make_key)
    sending = _sending(options)
    answer = send(broker_of(options), sending, SystemClock())
    print(msgspec.json.encode(answer).decode())
    return 0 if answer.word == "done" else 1


def send(broker: Broker, sending: Sending, clock: Clock) -> Answer:
    """Send a command and return the tower's answer.

    Raises:
        BrokerError: no link, the tower is not heard, we may not command it, or it does not answer in time.
    """
    run = secrets.token_hex(8)
    session = Session(broker, f"command.{run}", clock)
    try:
        answers = topic.answer(sending.tower, run)
        session.subscribe([answers, f"{topic.ROOT}/{sending.tower}/health"])
        beat = heartbeat(session, sending.tower, clock)
        order = order_of(sending, beat)
        session.hand_over(
            topic.command(sending.tower),
            sign(order, sending.operator),
            expires_s=max(1.0, sending.valid_s or HEARTBEATS * beat.due_s),
            answer=(answers, order.id.encode()),
        )
        _say(f"{sending.tower}: {sending.command} sent; waiting for the answer")
        return _answer(session, order, answers, sending.wait_s, clock)
    finally:
        session.close()


def heartbeat(session: Session, tower: str, clock: Clock) -> Beat:
    """Return the newest heartbeat of a tower, which the broker keeps.

    Raises:
        BrokerError: there is none.
    """

    def read(delivered: Delivered) -> Beat | None:
        if not delivered.topic.endswith("/health") or not delivered.body:
            return None
        return beat_of(tower, delivered)[0]

    beat = _first(session, read, _HEALTH_S, clock)
    if beat is None:
        raise BrokerError(
            f"{tower} has not been heard for three heartbeats, or we may not hear it; nothing was sent"
        )
    return beat


def _answer(session: Session, order: Order, where: str, wait_s: float, clock: Clock) -> Answer:
    def read(delivered: Delivered) -> Answer | None:
        if delivered.topic != where or delivered.correlation != order.id.encode():
            return None
        answer = answer_of(order.tower, delivered)
        return answer if answer.id in {order.id, None} else None

    answer = _first(session, read, wait_s, clock)
    if answer is None:
        raise BrokerError(
            f"{order.tower} has not answered within {wait_s:.0f} s; the command may still be done while it is valid"
        )
    return answer


_Found = TypeVar("_Found")


def _first(
    session: Session, read: Callable[[Delivered], _Found | None], wait_s: float, clock: Clock
) -> _Found | None:
    """Return the first of what comes that `read` makes something of; None where nothing did within the time."""
    end_ns = clock.mono_ns() + round(wait_s * 1e9)
    while clock.mono_ns() < end_ns:
        for delivered in session.turn(0.2):
            session.acknowledge(delivered)
            try:
                found = read(delivered)
            except MessageError as error:
                _say(f"{delivered.topic}: {error}")
                continue
            if found is not None:
                return found
    return None


def order_of(sending: Sending, beat: Beat) -> Order:
    """Return the order that answers a heartbeat, to be signed."""
    return Order(
        tower=sending.tower,
        id=secrets.token_hex(12),
        command=sending.command,
        arguments=dict(sending.arguments),
        boot_id=beat.boot_id,
        sequence=beat.sequence,
        sent_at=datetime.now(UTC),
        clock_trusted=wall_synchronised(),
        valid_s=sending.valid_s,
    )


def _sending(options: argparse.Namespace) -> Sending:
    if options.tower is None or options.command is None:
        raise SettingsError("which tower, and what is it to do? `firetower command --help` shows it")
    if not TOWER.match(options.tower):
        raise SettingsError(f"no tower has the id {options.tower!r}")
    if options.operator is None:
        raise SettingsError("--as: who are you? `firetower command --make-key` makes a key")
    operator = read_operator(options.operator, "--as")
    name, arguments = options.command.replace("-", "_"), _arguments(options.command, options.words)
    sending = Sending(options.tower, name, arguments, operator, options.valid_s, options.wait_s)
    if options.valid_s is not None and not 0 < options.valid_s <= VALID_MAX_S:
        raise SettingsError(f"--valid-s: expected more than 0 and at most {VALID_MAX_S:.0f}")
    check(sending)
    return sending


def check(sending: Sending) -> None:
    """See that a command is fit, and its operator may give it.

    Raises:
        SettingsError: says why not.
    """
    kind, operator = KINDS[sending.command], sending.operator
    try:
        arguments_of(order_of(sending, Beat("", 0, 1.0)), kind)
    except CommandError as error:
        raise SettingsError(str(error)) from None
    if not operator.may(kind):
        name = sending.command.replace("_", "-")
        raise SettingsError(f"{name} is for the role {kind.role}; the key is of an {operator.role}")


_WORDS = {
    "acknowledge": ("EVENT", "[NOTE]"),
    "confirm": ("EVENT", "[NOTE]"),
    "dismiss": ("EVENT", "[NOTE]"),
    "picture": ("CAMERA",),
    "frame": ("EVENT",),
    "drill": ("[CAMERA]",),
    "fire-risk": ("low|neutral|high",),
    "snooze": ("CAMERA", "MINUTES", "REASON"),
}
_FIELDS = {
    "EVENT": "event",
    "CAMERA": "camera",
    "NOTE": "note",
    "REASON": "reason",
    "low|neutral|high": "level",
}


def _arguments(name: str, words: list[str]) -> dict[str, Any]:
    """Turn the words of a command line into arguments.

    Raises:
        SettingsError: there are too few or too many, or minutes are no number.
    """
    expected = _WORDS[name]
    least = sum(not word.startswith("[") for word in expected)
    if not least <= len(words) <= len(expected):
        raise SettingsError(f"expected: firetower command TOWER {name} {' '.join(expected)}")
    arguments: dict[str, Any] = {}
    for meaning, word in zip(expected, words, strict=False):
        if meaning == "MINUTES":
            arguments["duration_s"] = _seconds(word)
        else:
            arguments[_FIELDS[meaning.strip("[]")]] = word
    return arguments


def _seconds(word: str) -> float:
    try:
        seconds = float(word) * 60
    except ValueError:
        raise SettingsError(f"snooze: expected minutes, got {word!r}") from None
    if not 0 <= seconds <= SNOOZE_MAX_S:
        raise SettingsError(f"snooze: expected 0 to {SNOOZE_MAX_S / 60:.0f} minutes, got {word}")
    return seconds


def _make_key(file: str, name: str, role: str) -> int:
    """Write a new key file, which none but its owner may read."""
    operator = new_operator(name, role)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"--make-key: cannot write {file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(operator.line() + "\n")
    _say(
        f"{file}: key of {name}, {role}. Copy it to the tower's configuration: [operators] {name} = {json.dumps(file)}"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(
        f"  {' '.join((name, *words)):<34} {KINDS[name.replace('-', '_')].does} ({KINDS[name.replace('-', '_')].role})"
        for name, words in _WORDS.items()
    )
    parser = argparse.ArgumentParser(
        prog="firetower command",
        description=_HELP,
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tower", nargs="?", metavar="TOWER", help="id of the tower")
    parser.add_argument("command", nargs="?", metavar="COMMAND", choices=list(_WORDS), help="see below")
    parser.add_argument("words", nargs="*", metavar="ARGUMENT", help="see below")
    parser.add_argument(
        "--as", dest="operator", type=Path, metavar="FILE", help="your key file, which says who you are"
    )
    parser.add_argument(
        "--valid-s", type=float, metavar="S", help="where both clocks are trusted (default: three heartbeats)"
    )
    parser.add_argument(
        "--wait-s", type=float, default=60.0, metavar="S", help="for the answer (default: 60)"
    )
    parser.add_argument(
        "--make-key",
        nargs=3,
        metavar=("FILE", "NAME", "ROLE"),
        help="write a new key and do nothing else; roles: observer, operator, admin",
    )
    add_arguments(parser)
    return parser


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)
