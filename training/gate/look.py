"""Which counted false alarms somebody has looked at: one that nobody has seen may be a fire that nobody boxed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from scoring.day import Day
from scoring.gate import openings_of


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A frame with which something began that counts as a false alarm.

    Attributes:
        quiet: whether it is of a sequence without any fire.
        alert: whether an alert counts there, not only a candidate.
    """

    stream: str
    sequence: str
    frame: str
    quiet: bool
    alert: bool


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many such frames there are, and how many of them somebody looked at."""

    alarms: int
    looked: int


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of quiet sequences, where each alarm is looked at before it counts, and of those with a fire."""

    quiet: Count
    others: Count


def alarms(days: Sequence[Day]) -> list[Alarm]:
    """List the frames with which counted false alarms began: each is one picture to look at."""
    found: dict[tuple[str, str], Alarm] = {}
    for alert in (False, True):
        for day in days:
            for opening in openings_of(day, alerts=alert):
                if opening.counts:
                    found[day.result.id, opening.frame] = Alarm(
                        stream=day.stream,
                        sequence=day.result.id,
                        frame=opening.frame,
                        quiet=day.quiet,
                        alert=alert,
                    )
    return sorted(found.values(), key=lambda one: (one.stream, one.sequence, one.frame))


def looked_of(days: Sequence[Day], looked: frozenset[tuple[str, str]]) -> Looked:
    """Count how many false alarms of days were looked at.

    Args:
        days: judged.
        looked: (sequence, frame) of each look (`Dataset.looked`).
    """
    every = alarms(days)
    return Looked(
        quiet=_count((one for one in every if one.quiet), looked),
        others=_count((one for one in every if not one.quiet), looked),
    )


def not_looked(days: Sequence[Day], looked: frozenset[tuple[str, str]]) -> list[Alarm]:
    """List the false alarms that nobody looked at."""
    return [one for one in alarms(days) if (one.sequence, one.frame) not in looked]


def _count(some: Iterable[Alarm], looked: frozenset[tuple[str, str]]) -> Count:
    places = [(one.sequence, one.frame) for one in some]
    return Count(alarms=len(places), looked=sum(place in looked for place in places))
