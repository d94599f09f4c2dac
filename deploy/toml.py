"""Writing TOML, which the standard library only reads; what `tomllib` gives comes back the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def dump(document: Mapping[str, object]) -> str:
    """Return a document of strings, numbers, booleans, lists and tables as TOML; comments are not kept.

    Raises:
        TypeError: a value of another type, such as a date.
    """
    return "\n".join(_table(document, ())).strip("\n") + "\n"


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: its own values, then the tables in it."""
    if path and not (table and all(isinstance(value, Mapping) for value in table.values())):
        yield f"\n[{'.'.join(_key(part) for part in path)}]"
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*path, key))


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    if isinstance(value, Mapping):  # only within a list
        return "{" + ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items()) + "}"
    raise TypeError(f"a {type(value).__name__} is no value of a configuration")


def _text(text: str) -> str:
    """Quote as JSON does, which TOML reads alike but for the one control character that JSON leaves alone."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
