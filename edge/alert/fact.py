"""A fact: what survives the process beside events and messages. One that cannot be read is as none."""

from __future__ import annotations

import logging
from typing import TypeVar

import msgspec

_log = logging.getLogger(__name__)

_Fact = TypeVar("_Fact")


def read(name: str, text: str, kind: type[_Fact]) -> _Fact | None:
    """Return a fact; None where none was kept, and where what was kept is damaged, which is logged.

    Args:
        name: of it.
        text: as it was kept, JSON; empty: none was.
        kind: its record.
    """
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        _log.error("what was kept as '%s' cannot be read, and is as if none had been: %s", name, error)
        return None
