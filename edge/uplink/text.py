"""The line for people: what is seen, from where, since when, and what has been said of it; in plain, short English.

It is made of a finished payload, so that text and fields cannot differ.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal, TypeAlias

from edge.text import plain
from edge.uplink.moment import date_of
from edge.uplink.payload import Direction, EventDocument, Moment
from edge.zone import Zone

LATE_S = 120.0  # what is sent later than this says so
_DAY_H = 48

State: TypeAlias = Literal["growing", "open", "closed", "left", "dark", "unknown"]
_ORIGINS = {"recording": "RECORDING. ", "simulated": "SIMULATED. "}
_RULES = {
    "score": "by its score",
    "growth": "by its growth",
    "persistence": "since it stayed in sight",
    "escalation": "since it stayed open",
    "merged": "since an alert flowed into it",
}


def text_of(document: EventDocument, state: State, age_s: float | None, zone: Zone) -> str:
    """Return the line of an event, such as "Smoke, not confirmed. tower-7 north, bearing 214° ± 3°, …".

    Args:
        document: all of it but the text.
        state: in which the event was when it was sent.
        age_s: since its opening; None where no clock says.
        zone: of its times.
    """
    sent = date_of(document.sent_at) if document.sent_trusted else None
    where = [f"{document.tower} {document.camera}"]
    if document.opening_direction is not None:
        where.append(bearing_text(document.opening_direction))
    if document.origin in _ORIGINS and not document.drill:
        age_s = None  # its time is the recording's
    where.append(f"first seen {seen(document.opened, age_s, sent, zone)}")
    where += _state(document, state, sent, zone)
    sentences = [f"{_what(document)}, {_said(document)}.", f"{', '.join(where)}.", *_more(document)]
    begin = ("DRILL. " if document.drill else "") + _ORIGINS.get(document.origin or "live", "")
    return plain(begin + " ".join(sentences))


def note_text(text: str, late_s: float | None, *, stored: bool) -> str:
    """Return the line of a note, with what else people should know.

    Args:
        text: what it says, without a full stop.
        late_s: since then; None where no clock says.
        stored: whether it is on disk.
    """
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    return plain(" ".join([text, *_delivery(late_s, stored=stored)]))


def bearing_text(direction: Direction) -> str:
    """Return a direction with its error, in whole degrees, the error never less than it is."""
    return f"bearing {round(direction.bearing_deg) % 360}° ± {max(1, math.ceil(direction.error_deg))}°"


def seen(moment: Moment, age_s: float | None, sent: datetime | None, zone: Zone) -> str:
    """Return when something was, such as "14:32 PDT (6 min ago)".

    Args:
        moment: of it.
        age_s: since then; None where no clock says, or nobody wants to know.
        sent: now, by a synchronised clock; None where there is none.
        zone: of the time.
    """
    ago = None if age_s is None else f"{long(age_s)} ago"
    date = date_of(moment.utc)
    if date is None:
        return ago or "at an unknown time"
    clock = clock_time(date, sent, zone)
    if moment.trusted is False:  # whoever reads it shall not trust it either
        return f"{ago} (the tower's clock is not set)" if ago else f"{clock} by a clock that was not set"
    return f"{clock} ({ago})" if ago else clock


def clock_time(date: datetime, sent: datetime | None, zone: Zone) -> str:
    """Return a time of day with its zone, and the date where it is not that of `sent`."""
    local = date.astimezone(zone)
    text = f"{local:%H:%M} {local.tzname()}"
    today = None if sent is None else sent.astimezone(zone).date()
    return text if today == local.date() else f"{local.day} {local:%b %Y}, {text}"


def long(seconds: float) -> str:
    """Return a time for people, in one unit."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < _DAY_H * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def _what(document: EventDocument) -> str:
    label = document.label
    if document.severity == "candidate":
        return f"Possible {label}"
    return label[:1].upper() + label[1:]


def _said(document: EventDocument) -> str:
    """Return what people said: by whom where this message tells that, else that it was said."""
    said, word = document.said, document.word
    by = "" if said is None else f" by {said.by}"
    reason = "" if said is None or not said.reason else f" ({said.reason})"
    if word == "acknowledged":
        return f"not confirmed, {'somebody' if said is None else said.by} looks{reason}"
    return "not confirmed" if word is None else f"{word}{by}{reason}"


def _state(document: EventDocument, state: State, sent: datetime | None, zone: Zone) -> list[str]:
    if state == "closed":
        return [f"no longer seen since {seen(document.last_seen, None, sent, zone)}"]
    if state == "left":  # closed at the last sight that is known: nobody looked on, or knows what was seen
        return [
            f"seen until {seen(document.last_seen, None, sent, zone)} at least, then the watch was interrupted"
        ]
    if state == "dark":
        return ["still open, too dark to see"]
    return {"growing": ["still growing"], "open": ["still open"], "unknown": []}[state]


def _more(document: EventDocument) -> list[str]:
    """Return what else people should know."""
    more = []
    if document.alarm is not None:
        risk = document.alarm.fire_risk
        named = "" if risk == "neutral" else f", fire risk {risk}"
        more.append(f"Alert {_RULES.get(document.alarm.by, f'by {document.alarm.by}')}{named}.")
    if document.held:
        until = "" if document.severity == "candidate" else " until then"
        more.append(f"Held back{until}: {', '.join(document.held).replace('_', ' ')}.")
    if document.escalation is not None:
        more.append("Nobody has acknowledged it.")
    return [*more, *_delivery(document.late_s, stored=document.stored)]


def _delivery(late_s: float | None, *, stored: bool) -> list[str]:
    late = [] if late_s is None or late_s <= LATE_S else [f"Sent {long(late_s)} late."]
    return late if stored else [*late, "Not on the tower's disk."]
