"""Time zones, and dates of the calendar in them as ns since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TypeAlias

Zone: TypeAlias = tzinfo

_SHIFT = re.compile(r"([+-])(\d{1,2})(?:\D?([0-5]\d))?")
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_SHIFT_MAX = timedelta(hours=14)


def zone_of(name: str) -> Zone:
    """Return a time zone.

    Args:
        name: `UTC`, an offset such as `-08:00`, or a place of the IANA database such as `Europe/Athens`.

    Raises:
        ValueError: this machine knows no such zone; says what to do.
    """
    if name == "UTC":
        return UTC
    shift = shift_of(name)
    if shift is not None:
        return shift
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 — few need it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder of the database, or a name that is too long
        advice = (
            "expected one such as 'Europe/Athens', an offset such as '-08:00', or 'UTC'"
            if available_timezones()
            else "the database of time zones is missing (sudo apt install tzdata); 'UTC' and offsets such as"
            " '-08:00' need none"
        )
        raise ValueError(f"{name!r} is no time zone that this machine knows; {advice}") from None


def shift_of(text: str) -> Zone | None:
    """Return the zone of an offset from UTC such as `+0530`, `-08:00` or `+2`; None where it is none."""
    match = _SHIFT.fullmatch(text)
    if match is None:
        return None
    shift = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-shift if match[1] == "-" else shift) if shift <= _SHIFT_MAX else None


def date_ns(zone: Zone, year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Return a date of a zone in ns since 1970 UTC; None where the calendar lacks it.

    Where clocks are put back, an hour comes twice: the first is meant. The hour that they leave out counts as if
    they had not been put forward.
    """
    try:
        since = datetime(year, month, day, hour, minute, second, tzinfo=zone) - _BEGIN
    except ValueError:
        return None
    return since // timedelta(seconds=1) * 1_000_000_000
