"""Durations as people write them in a scenario: "90s", "20m", "2h", "1d"."""

from __future__ import annotations

import re

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPELLING = re.compile(r"(-?)([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")
_MOST_S = 3660 * 86_400.0


class Duration(float):
    """Seconds, above 0 or 0."""


class Since(float):
    """Seconds from the scenario's begin; below 0 is before it."""


def seconds_of(text: object) -> float:
    """Read a duration; a minus before it is allowed.

    Raises:
        ValueError: it is none; says how one is written.
    """
    match = _SPELLING.fullmatch(text) if isinstance(text, str) else None
    seconds = _UNITS_S[match[3]] * float(match[1] + match[2]) if match else _MOST_S + 1
    if abs(seconds) > _MOST_S:
        raise ValueError(f'got {text!r}; expected a duration such as "90s", "20m", "2h" or "1d"')
    return seconds


def decode(kind: type, value: object) -> object:
    """Read a value of one of these types, for msgspec.

    Raises:
        ValueError: it is none, or below 0 where it may not be.
    """
    if kind not in {Duration, Since}:
        raise ValueError(f"got {value!r}; no value here is of that kind")
    seconds = seconds_of(value)
    if kind is Duration and seconds < 0:
        raise ValueError(f"got {value!r}; expected a duration from 0 on")
    return kind(seconds)


def written(seconds: float) -> str:
    """Return a duration in its largest whole unit, as it is read."""
    for unit, length_s in reversed(_UNITS_S.items()):
        if seconds and seconds % length_s == 0:
            return f"{seconds / length_s:.0f}{unit}"
    return f"{seconds:g}s"
