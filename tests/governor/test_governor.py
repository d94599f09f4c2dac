"""A governor with its sensors, on a clock that is set by hand."""

import logging
import threading
from datetime import UTC, datetime

import pytest

from edge.errors import DeviceError
from edge.governor.band import Band, built_in
from edge.governor.governor import STEP_S, Governor
from edge.governor.reading import SAMPLES, Sample
from edge.governor.spell import NOTICE_S
from edge.governor.table import RETURN_S

NOON_NS = round(datetime(2026, 11, 30, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000


class HandClock:
    """Goes on by what is waited, times its pace, and by hand."""

    pace = 1.0

    def __init__(self) -> None:
        self.now_s = 1000.0

    def mono_ns(self) -> int:
        return round(self.now_s * 1e9)

    def wall_ns(self) -> int:
        return NOON_NS + round((self.now_s - 1000) * 1e9)

    def wait(self, signal: threading.Event, timeout_s: float) -> bool:
        self.now_s += timeout_s * self.pace
        return signal.is_set()


class Said:
    """A sensor that says what it is told, a little otherwise each time, as sensors do."""

    name = "said"

    def __init__(self, **said: float) -> None:
        self.said: dict[str, float] | None = dict(said)
        self.reads = 0

    def read(self) -> Sample:
        if self.said is None:
            raise DeviceError("unplugged")
        self.reads += 1
        return Sample(**{name: value + value * 1e-6 * (self.reads % 7) for name, value in self.said.items()})


def governor(
    sensor: Said, *, trusted: bool = True, bands: tuple[Band, ...] | None = None
) -> tuple[Governor, HandClock]:
    clock = HandClock()
    table = built_in() if bands is None else bands
    return Governor(table, [sensor], clock, battery_v=12.0, trusted=lambda: trusted), clock


def run(made: Governor, clock: HandClock, seconds: float, *, open_event: bool = False) -> None:
    for _ in range(round(seconds)):
        clock.now_s += 1
        made.step("neutral", open_event=open_event)


def test_it_believes_its_sensors_before_anything_begins() -> None:
    sensor = Said(voltage_v=11.9)
    made, clock = governor(sensor)
    assert made.begin(threading.Event()).cut_off
    assert sensor.reads == SAMPLES
    assert clock.now_s == 1000 + SAMPLES - 1
    assert made.ruling.asleep
    assert made.due_s() == pytest.approx(RETURN_S)


def test_a_sensor_that_says_0_v_holds_nobody_back_and_is_told() -> None:
    made, _ = governor(Said(voltage_v=0.0))
    assert made.begin(threading.Event()).bands == ()
    assert made.notices() == ["governor: voltage_v is unknown: 0 V is implausible"]


def test_sensors_are_asked_now_and_then() -> None:
    sensor = Said(voltage_v=13.0)
    made, clock = governor(sensor)
    made.begin(threading.Event())
    run(made, clock, 100)
    assert sensor.reads == SAMPLES + 100 / STEP_S


def test_a_loss_is_announced_then_counted_then_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sensor = Said(voltage_v=13.0)
    made, clock = governor(sensor)
    made.begin(threading.Event())
    sensor.said = {"voltage_v": 11.7}
    run(made, clock, 60)
    assert made.ruling.spell is not None
    assert not made.ruling.asleep
    word = made.word(clock.mono_ns())
    assert word is not None
    assert word.startswith(
        "not watching from 12:01 to 12:31 UTC: sleep: battery at 11.7 V, until above 12.3 V"
    )
    assert word in caplog.text
    assert made.notices()[0] == f"governor: {word}"
    run(made, clock, NOTICE_S)
    assert made.ruling.asleep
    begun = made.report().unwatched_s.sleep
    run(made, clock, 100)
    report = made.report()
    assert report.unwatched_s.sleep - begun == pytest.approx(100)
    assert report.unwatched_s.cut_off == 0
    assert report.unwatching is not None
    assert report.unwatching.to_s == made.due_s()
    sensor.said = {"voltage_v": 13.0}
    run(made, clock, 60)
    assert not made.ruling.asleep
    counted = made.report().unwatched_s.sleep
    run(made, clock, 60)
    assert made.report().unwatched_s.sleep == counted
    assert "governor: watching" in caplog.text


def test_without_a_trusted_clock_times_count_from_now_and_no_hours_hold() -> None:
    lunch = Band(name="lunch", economy="sleep", hours=("11:00", "14:00"))
    made, clock = governor(Said(voltage_v=12.0), trusted=False, bands=(lunch,))
    assert made.begin(threading.Event()).bands == ()
    trusted, clock = governor(Said(voltage_v=12.0), bands=(lunch,))
    assert trusted.begin(threading.Event()).bands == ("lunch",)
    untold, clock = governor(Said(voltage_v=11.0), trusted=False)
    untold.begin(threading.Event())
    assert untold.word(clock.mono_ns()) == (
        "not watching for at least 30 min more: last: battery at 11 V, until above 12.2 V"
    )


def test_a_sensor_that_is_unplugged_lowers_nothing_and_is_told() -> None:
    sensor = Said(voltage_v=13.0)
    made, clock = governor(sensor)
    made.begin(threading.Event())
    sensor.said = {"voltage_v": 12.0}
    run(made, clock, 60)
    assert made.ruling.bands == ("save", "slow")
    sensor.said = None
    run(made, clock, 60)
    assert made.ruling.bands == ()
    assert made.report().doubts == {"voltage_v": "it says nothing any more", "said": "unplugged"}


def test_what_rows_ask_for_in_vain_is_missing() -> None:
    made, _ = governor(Said(voltage_v=13.0))
    made.begin(threading.Event())
    assert made.missing() == ["charge", "temperature_c", "throttling"]
