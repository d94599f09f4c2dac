"""A TOML table as a record, strictly: what is wrong is told with the path of its key."""

from __future__ import annotations

import difflib
import math
import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from firmware_sim.tower.duration import Duration, decode
from firmware_sim.tower.errors import ScenarioError

_WHERE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_OWN = re.compile(r"(\w+): ")  # what a check of ours begins with
_MISSING = re.compile(r"Object missing required field `(.*)`")

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Degrees = Annotated[float, Meta(ge=0, lt=360)]

Record = TypeVar("Record", bound=msgspec.Struct)


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in which an unknown key is an error."""


class Span(Strict, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A time; without `to` it lasts to the scenario's end.

    Attributes:
        from_: its begin, `from` in the file.
        to: its end.
    """

    from_: Duration
    to: Duration | None = None

    def __post_init__(self) -> None:
        if self.to is not None and not self.from_ < self.to:
            raise ValueError(f"from: {self.from_:g} s to {self.to:g} s; expected a later end")


def convert(table: object, kind: type[Record], where: str = "") -> Record:
    """Make a record of a table.

    Args:
        table: as tomllib gives it.
        kind: of the record.
        where: path of the table, for messages; empty for the whole file.
    Raises:
        ScenarioError: starts with the path of the key.
    """
    check_numbers(table, where)
    try:
        return msgspec.convert(table, kind, dec_hook=decode)
    except msgspec.ValidationError as error:
        raise ScenarioError(_explained(str(error), where, kind)) from None


def check_numbers(value: object, where: str) -> None:
    """Refuse what TOML knows and no scenario means: nan, inf, and numbers without end.

    Raises:
        ScenarioError: starts with the path of the key.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError(f"{where}: expected a finite number, got {value}")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ScenarioError(f"{where}: expected a number of 64 bits")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_numbers(inner, f"{where}.{key}" if where else str(key))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            check_numbers(inner, f"{where}[{number}]")


def hint(key: str, known: list[str]) -> str:
    """Return which key was probably meant, for the end of a message."""
    meant = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{meant[0]}'?" if meant else f"expected {', '.join(known)}"


def _explained(message: str, where: str, kind: type[msgspec.Struct]) -> str:
    match = _WHERE.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    place = f"{where}{path}" if where else path.lstrip(".")
    unknown, missing = _UNKNOWN.match(what), _MISSING.match(what)
    if unknown:
        return f"{_joined(place, unknown[1])}: unknown key; {hint(unknown[1], _keys(kind, path))}"
    if missing:
        return f"{_joined(place, missing[1])}: missing"
    own = _OWN.match(what)
    if own and own[1] in _keys(kind, path):
        return _joined(place, what)
    return f"{place or 'the file'}: {what}"


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _keys(kind: type[msgspec.Struct], path: str) -> list[str]:
    """Return the keys that the table at a path of a record knows."""
    for name in re.findall(r"[A-Za-z_]+", path):
        found = next((field for field in msgspec.structs.fields(kind) if field.encode_name == name), None)
        inner = None if found is None else _record_in(found.type)
        if inner is None:
            break
        kind = inner
    return sorted(field.encode_name for field in msgspec.structs.fields(kind))


def _record_in(hinted: object) -> type[msgspec.Struct] | None:
    """Return the record that a type hint holds, as `tuple[Fire, ...]` or `Power | None`; None without one."""
    if isinstance(hinted, type) and issubclass(hinted, msgspec.Struct):
        return hinted
    for inner in getattr(hinted, "__args__", ()):
        found = _record_in(inner)
        if found is not None:
            return found
    return None
