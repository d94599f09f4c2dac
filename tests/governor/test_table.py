"""Which bands are in force."""

import pytest

from edge.governor.band import Band, built_in
from edge.governor.table import RETURN_S
from tests.governor.situation import Day


def test_without_sensors_nothing_is_in_force() -> None:
    day = Day()
    for risk in ("low", "neutral", "high"):
        ruling = day.step(risk=risk, minute=23 * 60)
        assert ruling.bands == ()
        assert ruling.economies == ()
        assert not ruling.asleep


def test_limits_overlap_so_that_nothing_flaps() -> None:
    day = Day(voltage_v=12.05)
    assert "slow" in day.step().bands
    for volts in (12.15, 12.2, 12.45, 12.2):
        assert "slow" in day.step(voltage_v=volts).bands
    assert "slow" not in day.step(voltage_v=12.5).bands
    for volts in (12.3, 12.15):
        assert "slow" not in day.step(voltage_v=volts).bands
    assert "slow" in day.step(voltage_v=12.05).bands


def test_charge_and_voltage_each_put_a_band_in_force_and_both_must_leave_it() -> None:
    day = Day(charge=0.3, voltage_v=12.9)
    assert "slow" in day.step().bands
    assert "slow" in day.step(voltage_v=12.0).bands
    assert "slow" in day.step(charge=0.9).bands
    assert "slow" not in day.step(voltage_v=12.9).bands


def test_what_becomes_unknown_lowers_nothing() -> None:
    day = Day(voltage_v=11.9)
    assert day.step().bands == ("save", "slow")
    assert day.step(voltage_v=None).bands == ()
    assert day.step(voltage_v=12.2).bands == ("save",), "between the limits it is not passed any more"


def test_heat_and_flags_put_bands_in_force() -> None:
    day = Day(temperature_c=81)
    assert day.step().bands == ("save", "hot")
    assert day.step(temperature_c=73).bands == ("save", "hot")
    assert day.step(temperature_c=71).bands == ("save",)
    assert day.step(temperature_c=60).bands == ()
    assert day.step(throttling=("soft-temperature-limit",)).bands == ("hot",)
    assert day.step(throttling=("under-voltage",)).bands == ("slow",)


@pytest.mark.parametrize(
    ("minute", "night"),
    [(20 * 60 + 59, False), (21 * 60, True), (4 * 60 + 59, True), (300, False), (None, False)],
)
def test_hours_go_over_midnight_and_need_a_clock(minute: int | None, night: bool) -> None:
    assert ("night" in Day(charge=0.29).step(minute=minute).bands) is night


def test_hours_and_risk_alone_make_a_band() -> None:
    band = Band(name="lunch", economy="cadence", hours=("12:00", "13:00"), risk=("low",))
    day = Day([band])
    assert day.step().bands == ()
    assert day.step(risk="low").bands == ("lunch",)
    assert day.step(minute=780).bands == ()


def test_a_band_of_low_risk_is_for_that_alone() -> None:
    day = Day(charge=0.55)
    assert day.step().bands == ()
    ruling = day.step(risk="low")
    assert ruling.bands == ("low-risk",)
    assert ruling.why == ("low-risk: charge at 55%, until above 70%, fire risk low",)
    assert day.step(risk="high").bands == ()


@pytest.mark.parametrize(("volts", "cut"), [(11.3, True), (11.9, True), (12.19, True), (12.2, False)])
def test_who_begins_below_the_limit_of_return_begins_in_the_lowest_band(volts: float, cut: bool) -> None:
    assert Day().step(voltage_v=volts, begun=False).cut_off is cut


def test_who_runs_is_cut_off_below_the_lower_limit_only() -> None:
    day = Day(voltage_v=12.4)
    assert not day.step(voltage_v=11.65).cut_off
    assert day.step(voltage_v=11.59).cut_off
    assert day.step(voltage_v=12.1).cut_off


def test_the_lowest_band_is_left_after_half_an_hour_above() -> None:
    day = Day(voltage_v=11.3)
    assert day.step(600, voltage_v=12.3).cut_off
    assert day.step(RETURN_S - 900, voltage_v=12.1).cut_off  # not above: counts anew
    assert day.step(10, voltage_v=12.3).cut_off
    ruling = day.step(RETURN_S - 11)
    assert ruling.cut_off
    assert ruling.why[-1] == "last: the battery recovers, 1 min more"
    assert not day.step(1).cut_off


def test_each_band_says_why() -> None:
    why = Day(voltage_v=11.7, charge=0.4).step().why
    assert why[0] == "save: charge at 40%, until above 60%, battery at 11.7 V, until above 12.6 V"
    assert [line.partition(":")[0] for line in why] == ["save", "slow", "sleep"]
    assert {band.name for band in built_in()} >= {"save", "slow", "sleep"}
