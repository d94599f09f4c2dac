"""Commands to a tower: what there is, who may give it, how it is signed and how a signature is checked.

Both sides use this: `firetower command` signs, the daemon checks (`edge.uplink.gate`). What is signed is a JSON text as
it stands, so nobody has to agree on how JSON is written.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from edge.detect.severity import Risk
from edge.errors import CommandError, SettingsError
from edge.secret import read_secret

BODY_BYTES_MAX = 4096
SNOOZE_MAX_S = 4 * 3600.0
VALID_MAX_S = 86_400.0
_KEY_BYTES = 32
_DOMAIN = b"firetower.command/1\n"  # a key signs nothing else
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}\Z")
_NOBODY = b"\0" * _KEY_BYTES

Role: TypeAlias = Literal["observer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("observer", "operator", "admin")  # each may do what those before it may
_Event: TypeAlias = Annotated[str, Meta(pattern=r"^(drill\.)?[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
_Camera: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
_Words: TypeAlias = Annotated[str, Meta(max_length=200)]


class _Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a command is about."""


class OfEvent(_Arguments, frozen=True, kw_only=True):
    """Of `acknowledge`, `confirm`, `dismiss` and `frame`.

    Attributes:
        event: its id.
        note: for people.
    """

    event: _Event
    note: _Words = ""


class OfCamera(_Arguments, frozen=True, kw_only=True):
    """Of `picture`.

    Attributes:
        camera: its name.
    """

    camera: _Camera


class OfDrill(_Arguments, frozen=True, kw_only=True):
    """Of `drill`.

    Attributes:
        camera: its name; any of the tower where none is named.
    """

    camera: _Camera | None = None


class OfFireRisk(_Arguments, frozen=True, kw_only=True):
    """Of `fire_risk`.

    Attributes:
        level: how high it is.
    """

    level: Risk


class OfSnooze(_Arguments, frozen=True, kw_only=True):
    """Of `snooze`.

    Attributes:
        camera: that is to be silent.
        duration_s: from now on; 0 ends it.
        reason: for people.
    """

    camera: _Camera
    duration_s: Annotated[float, Meta(ge=0, le=SNOOZE_MAX_S)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


Arguments: TypeAlias = OfEvent | OfCamera | OfDrill | OfFireRisk | OfSnooze


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of command.

    Attributes:
        role: the least that may give it.
        arguments: what it is about.
        does: what it does, for people.
    """

    role: Role
    arguments: type[Arguments]
    does: str


# Who only looks may ask for pictures; who judges may say what an event is; who answers for the tower may quieten it.
KINDS: Mapping[str, Kind] = {
    "acknowledge": Kind("operator", OfEvent, "say that a person looks at an event: it escalates no further"),
    "confirm": Kind("operator", OfEvent, "say that an event is smoke"),
    "dismiss": Kind("operator", OfEvent, "say that an event is no smoke"),
    "picture": Kind("observer", OfCamera, "ask for a picture of a camera, as it is now"),
    "frame": Kind("observer", OfEvent, "ask for the whole frame of an event"),
    "drill": Kind("operator", OfDrill, "send a marked test event through the whole chain"),
    "fire_risk": Kind("admin", OfFireRisk, "say how high the risk is; neutral again after 24 h"),
    "snooze": Kind("admin", OfSnooze, "hold back a camera's messages for at most 4 h; 0 ends it"),
}


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command, as it is signed.

    Attributes:
        schema: of this record.
        tower: whom it is for.
        id: of its own; a tower does nothing twice.
        command: one of `KINDS`.
        arguments: as the kind says.
        boot_id, sequence: of the heartbeat that it answers.
        sent_at: by the sender's clock.
        clock_trusted: whether that was synchronised; None when unknown.
        valid_s: after `sent_at`, where the clocks of both sides are trusted; else it is valid for three heartbeats.
    """

    schema: Literal["firetower.command/1"] = "firetower.command/1"
    tower: Annotated[str, Meta(max_length=32)]
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{8,64}\Z")]
    command: Annotated[str, Meta(max_length=32)]
    arguments: dict[str, Any]
    boot_id: Annotated[str, Meta(max_length=64)]
    sequence: Annotated[int, Meta(ge=0, lt=1 << 53)]
    sent_at: Annotated[datetime, Meta(tz=True)]
    clock_trusted: bool | None = None
    valid_s: Annotated[float, Meta(gt=0, le=VALID_MAX_S)] | None = None


class SignedCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What travels.

    Attributes:
        by: name of the operator whose key signed it.
        order: an `Order` as JSON text.
        signature: hex of HMAC-SHA256 over `firetower.command/1`, the name and the order, each but the last with a
            line feed behind it.
    """

    by: Annotated[str, Meta(max_length=32)]
    order: Annotated[str, Meta(max_length=BODY_BYTES_MAX)]
    signature: Annotated[str, Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who may give commands.

    Attributes:
        name: of the person.
        role: what they may do.
        key: secret.
    """

    name: str
    role: Role
    key: bytes

    def __repr__(self) -> str:
        """Show it without the key."""
        return f"Operator(name={self.name!r}, role={self.role!r})"

    def may(self, kind: Kind) -> bool:
        """Say whether the role allows a command."""
        return ROLES.index(self.role) >= ROLES.index(kind.role)

    def line(self) -> str:
        """Return what its key file holds."""
        return f"{self.name} {self.role} {base64.b64encode(self.key).decode()}"


def new_operator(name: str, role: str) -> Operator:
    """Make an operator with a new key.

    Raises:
        SettingsError: unfit name or role.
    """
    return _operator(name, role, secrets.token_bytes(_KEY_BYTES), "the new key")


def read_operator(path: Path, key: str) -> Operator:
    """Read a key file: one line of name, role and key (base64, 32 bytes), which none but its owner may read.

    Args:
        path: of the file.
        key: of the configuration or the command line, for messages.

    Raises:
        SettingsError: unreadable, open to others, or of another form; never holds the key.
    """
    words = read_secret(path, key).split()
    try:
        name, role, text = words
        secret = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise SettingsError(
            f"{key}: {path} must hold one line of name, role and key; `firetower command --make-key` writes it"
        ) from None
    return _operator(name, role, secret, f"{key}: {path}")


def read_operators(files: Mapping[str, Path]) -> dict[str, Operator]:
    """Read the key files of a tower.

    Args:
        files: by the names of the operators, as the configuration has them.

    Raises:
        SettingsError: as `read_operator`, or a file is of somebody else; starts with the path of the key.
    """
    found = {name: read_operator(path, f"operators.{name}") for name, path in files.items()}
    for name, operator in found.items():
        if operator.name != name:
            raise SettingsError(f"operators.{name}: {files[name]} is the key of {operator.name}")
    return found


def _operator(name: str, role: str, secret: bytes, where: str) -> Operator:
    if not _NAME.match(name):
        raise SettingsError(f"{where}: a name has at most 32 of a-z, 0-9, '.', '_' and '-', got {name!r}")
    known = next((one for one in ROLES if one == role), None)
    if known is None:
        raise SettingsError(f"{where}: the role is {role!r}; expected {', '.join(ROLES)}")
    if len(secret) != _KEY_BYTES:
        raise SettingsError(f"{where}: the key has {len(secret)} bytes, expected {_KEY_BYTES}")
    return Operator(name, known, secret)


def sign(order: Order, operator: Operator) -> bytes:
    """Return the bytes that go to the tower."""
    text = msgspec.json.encode(order).decode()
    return msgspec.json.encode(
        SignedCommand(by=operator.name, order=text, signature=_digest(operator.key, operator.name, text))
    )


def opened(body: bytes, operators: Mapping[str, Operator]) -> tuple[Operator, Order]:
    """Check the signature of a command, and nothing else of it.

    Args:
        body: as it came.
        operators: by their names.

    Returns:
        Who signed it, and what.

    Raises:
        CommandError: `malformed`, or `unsigned`, which is also what is said of an unknown name.
    """
    if len(body) > BODY_BYTES_MAX:
        raise CommandError("malformed", f"it has {len(body)} bytes, {BODY_BYTES_MAX} at most are read")
    signed = _decoded(body, SignedCommand)
    known = operators.get(signed.by)
    digest = _digest(_NOBODY if known is None else known.key, signed.by, signed.order)
    same = hmac.compare_digest(digest.encode(), signed.signature.encode())
    if known is None or not same:
        raise CommandError("unsigned", "the signature is of no operator that this tower knows")
    return known, _decoded(signed.order.encode(), Order)


def arguments_of(order: Order, kind: Kind) -> Arguments:
    """Return what a command is about.

    Raises:
        CommandError: `unfit`: missing, of the wrong type or out of range; says which.
    """
    try:
        return msgspec.convert(order.arguments, kind.arguments)
    except msgspec.ValidationError as error:
        raise CommandError("unfit", f"arguments of {order.command}: {error}") from None


def first_sequence(now_ns: int) -> int:
    """Return the number of the first heartbeat of a daemon, to which each further one adds 1.

    A command names the heartbeat that it answers by boot and number. So that none of an earlier run in the same boot
    fits a later run, numbers begin at the seconds since the boot: heartbeats are a second apart at least.

    Args:
        now_ns: monotonic time.
    """
    return now_ns // 1_000_000_000 + 1


_Record = TypeVar("_Record", SignedCommand, Order)


def _decoded(data: bytes, record: type[_Record]) -> _Record:
    try:
        return msgspec.json.decode(data, type=record)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CommandError("malformed", f"it is no command: {error}") from None


def _digest(key: bytes, name: str, order: str) -> str:
    return hmac.new(key, _DOMAIN + name.encode() + b"\n" + order.encode(), "sha256").hexdigest()
