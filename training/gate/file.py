"""Reading back what `evaluate` and `cross-validate` wrote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.document import read_text

_BYTES_MAX = 1 << 28
_Result = TypeVar("_Result", bound=msgspec.Struct)


class _Header(msgspec.Struct):
    schema: str


def read(path: Path, kind: type[_Result], schema: str, command: str) -> _Result:
    """Read and check one result.

    Args:
        path: of the file.
        kind: of its record.
        schema: that this program writes, `NAME/MAJOR.MINOR`; any minor version is read.
        command: that writes such files, for messages.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none, of an unknown version, or malformed.
    """
    major, _, _ = schema.rpartition(".")
    try:
        text = read_text(path, _BYTES_MAX)
        found = msgspec.json.decode(text, type=_Header).schema
        if re.fullmatch(rf"{re.escape(major)}\.\d{{1,6}}", found, re.ASCII) is None:
            raise ValueError(f"{path}: schema {found[:80]!r}; expected {schema}; update firetower")
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{path}: no whole result of `python -m training {command}`: {error}") from error
