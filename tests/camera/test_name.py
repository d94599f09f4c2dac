"""Times in the names of images: which rule is met, and what each name says by it."""

import sys
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.name import RULES, times_in
from edge.zone import shift_of, zone_of

S = 1_000_000_000
UNIX, SHIFTED, DATES, OFFSETS = RULES
QUARTER = datetime(2026, 11, 29, 1, 15, tzinfo=UTC)
EPOCH_S = int(QUARTER.timestamp())


def read(*names, zone="UTC"):
    """The rule that is met, and the times in seconds."""
    found = times_in(names, zone_of(zone))
    assert found is not None
    assert found.met, found
    return found.rule, [None if time_ns is None else Fraction(time_ns, S) for time_ns in found.times_ns]


def unmet(*names):
    found = times_in(names, UTC)
    return found is None or not found.met


@pytest.mark.parametrize(
    ("name", "rule", "after_s"),
    [
        # Unix times, whatever stands around them
        (f"{EPOCH_S}", UNIX, 0),
        (f"{EPOCH_S}_+00060", UNIX, 0),
        (f"cam3-{EPOCH_S}123", UNIX, Fraction(123, 1000)),
        (f"{EPOCH_S}000007", UNIX, Fraction(7, 10**6)),
        (f"x{EPOCH_S}000000009y", UNIX, Fraction(9, 10**9)),
        (f"{EPOCH_S}.25", UNIX, Fraction(1, 4)),
        (f"20200101_000000_{EPOCH_S}", UNIX, 0),
        # dates that state their offset
        ("2026-11-29T01:15:00Z", SHIFTED, 0),
        ("2026-11-29T01-15-00Z", SHIFTED, 0),
        ("2026-11-29t01_15_00z", SHIFTED, 0),
        ("north_2026-11-29T01-15-00-123Z", SHIFTED, Fraction(123, 1000)),
        ("2026-11-29T01:15:00.000001+00:00", SHIFTED, Fraction(1, 10**6)),
        ("2026-11-29T03:15:00+02:00", SHIFTED, 0),
        ("20261128T171500-0800", SHIFTED, 0),
        ("2026-11-28T17-15-00-08-00", SHIFTED, 0),
        ("20261129_064500 +0530", SHIFTED, 0),
        ("20261129_031500GMT+0200", SHIFTED, 0),
        ("20261129_011500_UTC", SHIFTED, 0),
        ("2026-11-29T03:15:00+02", SHIFTED, 0),
        ("2026-11-28T17:15:00-08", SHIFTED, 0),
        ("2026-11-28T17:15:00.5-08", SHIFTED, Fraction(1, 2)),
        ("2026-11-29T03:15+02:00", SHIFTED, 0),
        ("2026-11-29T03:15+02", SHIFTED, 0),
        ("2026-11-29T01:15Z", SHIFTED, 0),
        ("20261129T031500+02", SHIFTED, 0),
        ("2026-11-29 06.45.00 +05:30", SHIFTED, 0),
        ("2026-11-29 03.15.00 UTC+2", SHIFTED, 0),
        ("20261128_171500_GMT-8", SHIFTED, 0),
        ("20261129_011500_UTC-0001", SHIFTED, 0),  # a frame's number
        ("20261129T011500Z+00060", SHIFTED, 0),
        ("2026-11-29T03:15:00 PM+14:00", SHIFTED, 0),
        # dates alone
        ("20261129_011500", DATES, 0),
        ("IMG_20261129_011501", DATES, 1),
        ("IMG_20261129_011500_001", DATES, Fraction(1, 1000)),
        ("PXL_20261129_011500123", DATES, Fraction(123, 1000)),
        ("20261129011500", DATES, 0),
        ("202611290115", DATES, 0),
        ("192.168.1.64_01_20261129011500123_MOTION", DATES, Fraction(123, 1000)),
        ("01-20261129011505-00", DATES, 5),
        ("cam2026_20261129-011500", DATES, 0),
        ("2026-11-29_01-15-00", DATES, 0),
        ("2026-11-29_01-15", DATES, 0),
        ("2026-11-29 01.15.00", DATES, 0),
        ("2026_11_29_01_15_00", DATES, 0),
        ("2026-11-29_20261129_011500", DATES, 0),
        ("2026-11-29-20261129011500", DATES, 0),
        ("2026-11-29T01:15:00,5", DATES, Fraction(1, 2)),
        ("20261129_011500_Zone1", DATES, 0),
        ("2026-11-29_01-15-05-00", DATES, 5),  # a frame's number, no offset
        ("2026-11-29 01.15.00-10", DATES, 0),
        ("2026-11-29T01-15-00-08", DATES, 0),
        ("20261129_011500_+05", DATES, 0),
        ("20261129_011500_+00060", DATES, 0),
        # clocks of 12 hours, screenshots and messengers
        ("2026-11-29 01.15.00 AM", DATES, 0),
        ("2026-11-28 01.15.00 PM", DATES, -12 * 3600),
        ("20261128_011500PM", DATES, -12 * 3600),
        ("2026-11-28_01-15-00-123-pm", DATES, Fraction(123, 1000) - 12 * 3600),
        ("2026-11-28 1.15 p. m.", DATES, -12 * 3600),
        ("2026-11-29 12.15.00 AM", DATES, -3600),
        ("2026-11-28 12.15.00 PM", DATES, -13 * 3600),
        ("2026-11-28 13.15.00 PM", DATES, -12 * 3600),
        ("20261129_011500_AM2315", DATES, 0),  # a sensor
        ("Screenshot 2026-11-29 at 01.15.00", DATES, 0),
        ("Screen Shot 2026-11-29 at 1.15.00 AM (2)", DATES, 0),
        ("Screenshot 2026-11-28 at 1.15.00\u202fPM", DATES, -12 * 3600),
        ("Bildschirmfoto 2026-11-29 um 01.15.00", DATES, 0),
        ("Captura de pantalla 2026-11-29 a las 01.15.00", DATES, 0),
        ("WhatsApp Image 2026-11-29 at 01.15.00", DATES, 0),
        ("WhatsApp Image 2026-11-28 at 1.15.07 PM (1)", DATES, 7 - 12 * 3600),
        # seconds from ignition
        ("000_-02400", OFFSETS, -2400 - EPOCH_S),
        ("040_+00060", OFFSETS, 60 - EPOCH_S),
    ],
)
def test_a_time_is_read(name, rule, after_s):
    assert read(name) == (rule, [EPOCH_S + after_s])


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0001", "frame-12", "00040_00000", "a123456789012345b",
        "0123456789", "5123456789", "12345678901", "1234567890123456789012",  # no such lengths or times
        "2026112901", "2026112901123", "2026112901990000",  # to the hour, or nothing
        "20261329_011500", "20260230_011500", "20261129_241500", "20261129_016000", "19891129_011500",
        "20261129", "2026-11-29", "IMG-20261129-WA0007", "120261129_0115000",
        "000-02400", "000_02400", "000_-2400x",
        "IMG-20261129-WA0001", "VID-20261129-WA0115", "2026-11-29 north 0115", "2026-11-29 1.15.00",
        # offsets and hours that there are not: no date without them
        "2026-11-29T01:15:00+02:20", "2026-11-29T01:15:00.5-15:00", "2026-11-29T01:15+9999",
        "2026-11-29T01:15:00UTC+15", "2026-11-29T01:15:00 PM+02:20", "20261129_011500+99",
        "2026-11-29 13.15.00 AM", "2026-11-29 00.15.00 PM",
    ],
)  # fmt: skip
def test_no_time_is_made_up(name):
    assert unmet(name)


@given(
    st.datetimes(
        QUARTER.replace(1990, tzinfo=None), QUARTER.replace(2099, tzinfo=None), timezones=st.just(UTC)
    ),
    st.sampled_from(["%Y%m%d_%H%M%S%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y%m%dT%H%M%S.%f", "%Y-%m-%d_%H-%M-%S,%f"]),
    st.sampled_from(["", "IMG_", "cam-7 "]),
    st.sampled_from(["", "_7", "~2", "-x"]),
)
def test_what_was_written_is_read(moment, form, before, behind):
    rule, (time_s,) = read(f"{before}{moment.strftime(form)}{behind}")
    assert rule is DATES
    assert time_s == Fraction((moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1), 10**6)


@given(st.integers(1_000_000_000, 1_989_999_999), st.sampled_from([0, 3, 6, 9]), st.data())
def test_a_unix_time_of_each_unit_is_read(epoch_s, digits, data):
    fraction = data.draw(st.integers(0, 10**digits - 1))
    name = f"a_{epoch_s * 10**digits + fraction}_b"
    assert read(name) == (UNIX, [epoch_s + Fraction(fraction, 10**digits)])


def test_nine_in_ten_names_meet_a_rule():
    names = [f"20261129_01{minute:02}00" for minute in range(18)]
    rule, times = read(*names, "notes", "map")
    assert (rule, times[-3:]) == (DATES, [EPOCH_S + 120, None, None])
    assert unmet(*names, "notes", "map", "third")
    assert times_in([*names, "notes", "map", "third"], UTC).known == 18
    assert times_in(["notes", "map"], UTC) is None


def test_the_first_rule_that_is_met_counts():
    both = [f"{EPOCH_S + minute * 60}_{minute:+06}" for minute in range(10)]
    assert read(*both)[0] is UNIX
    dated = [f"20261129_01{minute:02}00_{minute:+06}" for minute in range(10)]
    assert read(*dated)[0] is DATES
    assert read(*dated[:8], "000_+00001", "000_+00002")[0] is OFFSETS


def test_units_may_be_mixed():
    assert read(f"{EPOCH_S}", f"{EPOCH_S + 60}500") == (UNIX, [EPOCH_S, EPOCH_S + Fraction(121, 2)])


def test_a_number_that_all_names_share_is_no_time():
    serials = ["1234567890", "1234567891"]
    names = [f"{serials[number % 2]}_{EPOCH_S + number * 60}" for number in range(10)]
    assert read(*names) == (UNIX, [EPOCH_S + number * 60 for number in range(10)])
    assert read(*(f"1234567890_20261129_01{minute:02}00" for minute in range(3)))[0] is DATES
    assert unmet("1234567890_1", "1234567890_2")


def test_the_zone_is_that_of_dates_which_state_none():
    summer, winter = "20260701_120000", "20261201_120000"
    hours = {"UTC": (12, 12), "Europe/Athens": (9, 10), "America/Los_Angeles": (19, 20), "-08:00": (20, 20)}
    for zone, expected in hours.items():
        rule, times = read(summer, winter, zone=zone)
        assert rule is DATES
        assert tuple(datetime.fromtimestamp(float(time), UTC).hour for time in times) == expected
    stated = f"{EPOCH_S}", f"{EPOCH_S + 1}"
    assert read(*stated, zone="Europe/Athens")[1] == [EPOCH_S, EPOCH_S + 1]
    shifted = "2026-11-29T01:15:00Z", "2026-11-29T01:15:01Z"
    assert read(*shifted, zone="Europe/Athens")[1] == [EPOCH_S, EPOCH_S + 1]


def test_dates_of_which_some_state_their_offset():
    names = [f"2026-11-29T03:15:{second:02}" for second in range(10)]
    names = [name + ("+02:00", "")[number % 2] for number, name in enumerate(names)]
    assert read(*names, zone="+02:00") == (DATES, [EPOCH_S + second for second in range(10)])
    counted = [f"20261129_0115{second:02}-{100 + second:04}" for second in range(10)]
    assert read(*counted) == (DATES, [EPOCH_S + second for second in range(10)])


def test_the_hour_that_comes_twice_and_the_one_that_is_left_out():
    def hours(*names):
        return [datetime.fromtimestamp(float(time), UTC) for time in read(*names, zone="Europe/Berlin")[1]]

    before, twice, behind = hours("20261025_015900", "20261025_023000", "20261025_030000")
    assert (twice - before, behind - twice) == (timedelta(minutes=31), timedelta(minutes=90))
    before, out, behind = hours("20260329_015900", "20260329_023000", "20260329_030000")
    assert (out - before, behind - before) == (timedelta(minutes=31), timedelta(minutes=1))


def test_zones():
    assert shift_of("+05:30") == timezone(timedelta(hours=5, minutes=30))
    assert zone_of("-0330") == timezone(-timedelta(hours=3, minutes=30))
    assert shift_of("+2") == shift_of("+02") == zone_of("+0200") == timezone(timedelta(hours=2))
    assert shift_of("-930") == timezone(-timedelta(hours=9, minutes=30))
    assert shift_of("+15:00") is shift_of("5") is shift_of("") is None
    for name in (
        "Europe/Berln",
        "Europe",
        "../etc/passwd",
        "/etc/passwd",
        "",
        "a\0b",
        "x" * 5000,
        "\udcff",
        "+15:00",
    ):
        with pytest.raises(ValueError, match="is no time zone that this machine knows; expected one such as"):
            zone_of(name)


def test_a_machine_without_a_database_of_zones_says_so(monkeypatch, tmp_path):
    for name in ("tzdata", *(name for name in sys.modules if name.startswith("tzdata."))):
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        zoneinfo.ZoneInfo.clear_cache()
        with pytest.raises(
            ValueError, match=r"database of time zones is missing \(sudo apt install tzdata\)"
        ):
            zone_of("Europe/Lisbon")
        assert zone_of("UTC") is UTC
        assert zone_of("+01:00") == timezone(timedelta(hours=1))
    finally:
        zoneinfo.reset_tzpath()
