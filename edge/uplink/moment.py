"""Times of a message, as well as they are known when it is sent: a clock that was set meanwhile puts them right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from edge.alert.event import Event, Stamp
from edge.clock import utc_text
from edge.uplink.payload import Moment


@dataclass(frozen=True, slots=True)
class Now:
    """When a message is sent.

    Attributes:
        mono_ns: monotonic time.
        boot_id: of the boot that it belongs to; None when unknown.
        wall_ns: since 1970 UTC, as far as this machine knows.
        wall_trusted: whether that clock is synchronised; None when unknown.
    """

    mono_ns: int
    boot_id: str | None
    wall_ns: int
    wall_trusted: bool | None

    @property
    def utc(self) -> str | None:
        """ISO 8601 UTC; None where no calendar has it."""
        return utc_text(self.wall_ns)


def moment(stamp: Stamp, now: Now, *, live: bool) -> Moment:
    """Return a stamp as it is told.

    Args:
        stamp: as it was taken.
        now: when it is told.
        live: whether its date is of this machine's clock; that of a recording is its own, and stays.
    """
    utc, trusted, corrected = stamp.utc, stamp.utc_trusted, False
    since_s = _mono_s(stamp, now)
    if live and not trusted and now.wall_trusted and since_s is not None:
        utc, trusted, corrected = utc_text(now.wall_ns - round(since_s * 1e9)), True, True
    return Moment(
        utc=utc,
        trusted=trusted,
        corrected=corrected,
        boot_id=stamp.boot_id,
        mono_ns=stamp.mono_ns,
        model_s=round(stamp.model_s, 3),
    )


def age_s(stamp: Stamp, now: Now, *, live: bool) -> float | None:
    """Return the seconds since a stamp: monotonic, or of another boot by two trusted clocks; else None."""
    since_s = _mono_s(stamp, now)
    if since_s is not None:
        return max(0.0, since_s)
    utc = date_of(stamp.utc)
    if not (live and stamp.utc_trusted and now.wall_trusted) or utc is None:
        return None
    return max(0.0, now.wall_ns / 1e9 - utc.timestamp())


def latest(event: Event) -> Stamp:
    """Return the stamp of what a revision says: the newest that it holds."""
    stamps = [event.opened, event.updated, event.closed, event.alerted and event.alerted.at]
    if event.darkness is not None:
        stamps += [event.darkness.since, event.darkness.until]
    if event.closed is not None:
        return event.closed
    return max((one for one in stamps if one is not None), key=lambda one: one.model_s)


def date_of(utc: str | None) -> datetime | None:
    """Return a date; None where there is none, or none that can be read."""
    try:
        return None if utc is None else datetime.fromisoformat(utc)
    except ValueError:
        return None


def _mono_s(stamp: Stamp, now: Now) -> float | None:
    if stamp.mono_ns is None or stamp.boot_id is None or stamp.boot_id != now.boot_id:
        return None
    return (now.mono_ns - stamp.mono_ns) / 1e9
