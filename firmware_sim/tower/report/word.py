"""How figures are written for people; unknown is a dash."""

from __future__ import annotations

from datetime import UTC, datetime

from scoring.statistic import Share

NONE = "–"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: float | None, unit: str = "", digits: int = 1) -> str:
    """Write a figure with its unit; no zeros behind the last digit."""
    if value is None:
        return NONE
    text = f"{value:,.{digits}f}".replace(",", " ")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{'0' if text == '-0' else text} {unit}".rstrip()


def percent(share: float | None) -> str:
    """Write a share; 100% and 0% only where it is that."""
    if share is None:
        return NONE
    text = f"{share:.1%}"
    if text == "100.0%":
        return "100%" if share >= 1 else "over 99.9%"
    if text == "0.0%":
        return "0%" if share == 0 else "under 0.1%"
    return text


def lasting(seconds: float | None) -> str:
    """Write a length of time."""
    if seconds is None:
        return NONE
    if abs(seconds) < 90:
        return f"{seconds:.0f} s"
    if abs(seconds) < 5400:
        return f"{seconds / 60:.0f} min"
    if abs(seconds) < 172_800:
        return f"{number(seconds / 3600)} h"
    return f"{number(seconds / 86_400)} days"


def moment(at_s: float | None) -> str:
    """Write a moment of UTC."""
    if at_s is None:
        return NONE
    return f"{day(at_s)} {clock(at_s)}"


def day(at_s: float) -> str:
    """Write a day of UTC."""
    at = _utc(at_s)
    return NONE if at is None else f"{at.day} {_MONTHS[at.month - 1]}"


def date(at_s: float) -> str:
    """Write a day of UTC with its year."""
    at = _utc(at_s)
    return NONE if at is None else f"{day(at_s)} {at.year}"


def clock(at_s: float) -> str:
    """Write an hour of UTC."""
    at = _utc(at_s)
    return NONE if at is None else f"{at:%H:%M}"


def size(count: float | None) -> str:
    """Write bytes."""
    if count is None:
        return NONE
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return number(count / least, unit)
    return number(count, "bytes", 0)


def counted(some: dict[str, int]) -> str:
    """Write counts by cause."""
    return ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in some.items()) or NONE


def of(found: Share, *, interval: bool) -> str:
    """Write how many of how many, and the exact interval of the share where that is asked."""
    if not found.total:
        return NONE
    text = f"{found.count} of {found.total}"
    if not interval or found.low is None or found.high is None:
        return text
    return f"{text} ({found.low:.2f} to {found.high:.2f})"


def _utc(at_s: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(at_s, UTC)
    except (ValueError, OverflowError, OSError):
        return None
