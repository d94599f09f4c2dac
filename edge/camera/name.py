"""Times in the names of images: the rules, and the one that the names of a folder meet.

A rule is met where at least nine in ten names hold such a time, and not all the same one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edge.zone import Zone, date_ns, shift_of, zone_of

_NS_PER_S = 1_000_000_000
_END_S = 4_102_444_800  # the year 2100
_MET_OF_TEN = 9
_NOON = 12

_Reader: TypeAlias = Callable[["re.Match[str]", Zone], int | None]

_DAY = r"(?:199\d|20\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # in 8 digits

# Digits that begin with a date and its hour are no Unix time, which would be of 2033 to 2036.
_EPOCH = re.compile(
    rf"(?<!\d)(?!{_DAY}(?:[01]\d|2[0-3]))([1-4]\d{{9}})(?:(\d{{3}}|\d{{6}}|\d{{9}})|\.(\d{{1,9}}))?(?!\d)",
    re.ASCII,
)

_BLANK = r"[\ \u00a0\u202f]"  # macOS writes a narrow one before AM and PM
_GAP = rf"(?:{_BLANK}|[_-])"
_MINUTE = rf"""
    (?<!\d) (?P<year>199\d|20\d\d) (?P<d>[-_.\ ]?) (?P<month>0[1-9]|1[0-2]) (?P=d) (?P<day>0[1-9]|[12]\d|3[01])
    (?: (?P<word>(?:{_BLANK}[^\d\s]{{1,8}}){{1,2}}{_BLANK}) | (?:T|{_BLANK}|[_.-]){{0,3}} )  # ' at ', ' um '
    (?! {_DAY} (?:\d{{6}})? (?!\d) )  # not the day again
    (?P<hour>[01]\d|2[0-3]|(?P<short>[1-9])) (?P<t>(?P<colon>:)|[-_.\ ]?) (?(word)(?<=[-_:.])) (?P<minute>[0-5]\d)
"""
_SECOND = r"(?P=t) (?P<second>[0-5]\d) (?: (?:[.,]|[-_](?=\d{3}(?!\d)))? (?P<fraction>\d{1,9}) )?"
_HALF = rf"{_GAP}? (?P<half>[AP]) \.? {_BLANK}? M (?![A-Z\d]) \.?"
# `?+`: what stands there is read or is no date, but is not left out
_TIME = rf"{_MINUTE} (?:{_SECOND})?+ (?:{_HALF})?+ (?(short)(?(half)|(?!)))"

_SHORT, _LONG = r"(?:0\d|1[0-4])", r"(?:00|15|30|45)"  # the hours and minutes of an offset
# Behind '-' may stand the number of a picture; so it begins an offset alone where colons say what is meant.
_SURE_SHIFT = rf"""
    (?: {_BLANK}? (?P<shift> [+-]{_SHORT}:{_LONG} | (?(colon)[+-]|\+){_SHORT}{_LONG}? )
      | {_GAP}? (?:UTC|GMT) (?P<named>[+-](?:\d\d?|{_SHORT}:?{_LONG}))
      | {_GAP}? (?P<utc>Z | (?:UTC|GMT)(?!\+\d))
    ) (?![A-Z\d:])
"""
_LIKELY_SHIFT = rf"(?:{_BLANK}|_)? (?P<likely>[+-]{_SHORT}[:_-]?{_LONG}) (?![A-Z\d])"
_UNREAD_SHIFT = rf"(?: {_GAP}? (?:UTC|GMT)\+\d | {_BLANK}? (?: [+-]\d\d:\d\d | \+\d\d(?:\d\d)?(?!\d) ) )"
_FLAGS = re.VERBOSE | re.IGNORECASE | re.ASCII
_FIELDS = ("year", "month", "day", "minute", "second")
_DATE = re.compile(rf"{_TIME} (?:{_SURE_SHIFT})?+ (?!\d) (?!{_UNREAD_SHIFT})", _FLAGS)
_SHIFTED_DATE = re.compile(rf"{_TIME} (?: {_SURE_SHIFT} | (?(second){_LIKELY_SHIFT}|(?!)) )", _FLAGS)

_OFFSET = re.compile(r"_([+-]\d{1,9})$", re.ASCII)  # FIgLib: 000_-02400


def _read_epoch(match: re.Match[str], _zone: Zone) -> int | None:
    epoch_s = int(match[1])
    return epoch_s * _NS_PER_S + _fraction_ns(match[2] or match[3]) if epoch_s < _END_S else None


def _read_date(match: re.Match[str], zone: Zone) -> int | None:
    found = match.groupdict()
    shift = found["named"] or found["shift"] or found.get("likely")
    own = zone_of("UTC") if found["utc"] else zone if shift is None else shift_of(shift)
    year, month, day, minute, second = (int(found[field] or 0) for field in _FIELDS)
    hour = _of_day(int(found["hour"]), found["half"])
    if own is None or hour is None:
        return None
    second_ns = date_ns(own, year, month, day, hour, minute, second)
    return None if second_ns is None else second_ns + _fraction_ns(found["fraction"])


def _of_day(hour: int, half: str | None) -> int | None:
    """Return an hour of 24 for one before AM or PM; None where there is no such one."""
    if half is None:
        return hour
    afternoon = half in "Pp"
    if hour == 0 or hour > _NOON:  # of 24 hours already
        return hour if afternoon == (hour > _NOON) else None
    return hour % _NOON + _NOON * afternoon


def _read_offset(match: re.Match[str], _zone: Zone) -> int:
    return int(match[1]) * _NS_PER_S


def _fraction_ns(digits: str | None) -> int:
    return int((digits or "").ljust(9, "0"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to write a time into a name.

    Attributes:
        shown: what it finds, for people.
        pattern: of a time; a name may hold several.
        read: returns the time in ns, None where it is none.
        dated: whether that is since 1970 UTC; else since a moment that nobody knows.
        zoned: whether it depends on the zone that is set.
    """

    shown: str
    pattern: re.Pattern[str]
    read: _Reader
    dated: bool = True
    zoned: bool = False


# The first that is met counts.
RULES = (
    Rule("Unix times", _EPOCH, _read_epoch),
    Rule("dates with their offset from UTC", _SHIFTED_DATE, _read_date),
    Rule("dates", _DATE, _read_date, zoned=True),
    Rule("seconds from ignition", _OFFSET, _read_offset, dated=False),
)


@dataclass(frozen=True, slots=True)
class NameTimes:
    """What one rule finds in names.

    Attributes:
        rule: the rule.
        times_ns: of each name; None where it holds no such time.
    """

    rule: Rule
    times_ns: tuple[int | None, ...]

    @property
    def known(self) -> int:
        """How many names hold one."""
        return len(self.times_ns) - self.times_ns.count(None)

    @property
    def different(self) -> int:
        """How many times there are."""
        return len(set(self.times_ns) - {None})

    @property
    def met(self) -> bool:
        """Whether the names meet the rule."""
        names = len(self.times_ns)
        return self.known * 10 >= names * _MET_OF_TEN and self.different > (1 if names > 1 else 0)


def times_in(names: Sequence[str], zone: Zone) -> NameTimes | None:
    """Find the times in names.

    Args:
        names: of images, without suffixes.
        zone: of dates that do not state theirs.

    Returns:
        What the first rule that is met finds; where none is, the most that any finds, None where that is nothing.
        Of several numbers in a name those are taken that tell the most names apart.
    """
    best: NameTimes | None = None
    for rule in RULES:
        found = [_found(rule, name, zone) for name in names]
        for place in range(max(map(len, found), default=0)):
            column = NameTimes(rule, tuple(times[place] if place < len(times) else None for times in found))
            if best is None or _worth(column) > _worth(best):
                best = column
        if best is not None and best.met:
            return best
    return best


def _found(rule: Rule, name: str, zone: Zone) -> list[int]:
    times_ns = (rule.read(match, zone) for match in rule.pattern.finditer(name))
    return [time_ns for time_ns in times_ns if time_ns is not None]


def _worth(times: NameTimes) -> tuple[bool, int, int]:
    return times.met, times.different, times.known
