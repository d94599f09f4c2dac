"""What is told of a spell."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec

from edge.governor.report import Unwatched, report_of, told
from edge.governor.ruling import Ruling
from edge.governor.spell import Spell

NS = 1_000_000_000
SPELL = Spell(60 * NS, 1860 * NS, "sleep: low")
NOON_NS = round(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()) * NS


def test_times_are_the_zones() -> None:
    assert told(SPELL, 0, NOON_NS) == "not watching from 12:01 to 12:31 UTC: sleep: low"
    zone = timezone(timedelta(hours=-8))
    assert told(SPELL, 0, NOON_NS, zone) == "not watching from 04:01 to 04:31 UTC-08:00: sleep: low"


def test_without_a_clock_they_count_from_now() -> None:
    assert told(SPELL, 0, None) == "not watching from 1.0 min to 31.0 min from now: sleep: low"
    assert told(SPELL, 660 * NS, None) == "not watching for 20 min more: sleep: low"
    assert told(SPELL, 0, 1 << 62).startswith("not watching from ")


def test_a_report_is_plain_and_unknown_is_null() -> None:
    report = msgspec.to_builtins(report_of(Ruling(spell=SPELL), Unwatched(), 10 * NS, 3, "not watching"))
    spell = {"number": 3, "told": "not watching", "from_s": 50.0, "to_s": 1850.0, "at_least": False}
    assert report["unwatching"] == {**spell, "why": "sleep: low"}
    assert report["charge"] is None
    assert report["unwatched_s"] == {"sleep": 0.0, "cut_off": 0.0}
    assert msgspec.to_builtins(report_of(Ruling(), Unwatched(), 0))["unwatching"] is None
