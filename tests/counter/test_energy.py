import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.counter.energy import Energy
from edge.device.power import Reading, Unavailable
from edge.errors import DeviceError

SECOND = 1_000_000_000


class FakeMeter:
    def __init__(self, readings, idle_w=None):
        self.source = "measured:fake"
        self.idle_w = idle_w
        self._readings = iter(readings)

    def read(self):
        reading = next(self._readings)
        if reading is None:
            raise DeviceError("fake: no answer")
        return reading


def run(readings, idle_w=None, meter_idle_w=None, frames_a_step=2):
    energy = Energy(FakeMeter(readings, meter_idle_w), idle_w)
    for step in range(len(readings)):
        energy.sample(step * SECOND, step * frames_a_step)
    return energy.report()


def test_power_is_integrated_by_trapezoids():
    report = run([Reading(watts=2.0), Reading(watts=4.0), Reading(watts=4.0)], idle_w=1.5)
    assert report.joules == pytest.approx(7.0)
    assert report.joules_above_idle == pytest.approx(4.0)
    assert report.frames == 4
    assert report.j_per_frame == pytest.approx(1.75)
    assert report.j_per_frame_above_idle == pytest.approx(1.0)
    assert report.watts == 4.0
    assert (report.measured_s, report.unmeasured_s, report.failed_readings) == (2.0, 0.0, 0)


def test_joules_without_frames_are_not_divided():
    report = run([Reading(watts=2.0), Reading(watts=2.0)], frames_a_step=0)
    assert report.joules == pytest.approx(2.0)
    assert report.j_per_frame is None


def test_the_first_sample_gives_no_energy():
    report = run([Reading(watts=2.0)])
    assert report.joules is None
    assert report.j_per_frame is None
    assert report.watts == 2.0


def test_without_a_known_idle_power_nothing_above_it_is_known():
    report = run([Reading(watts=2.0), Reading(watts=2.0)])
    assert report.joules == pytest.approx(2.0)
    assert report.joules_above_idle is None
    assert report.j_per_frame_above_idle is None


def test_a_failed_reading_leaves_a_gap_and_the_run_goes_on():
    power = Reading(watts=3.0)
    report = run([power, power, None, power, power])
    assert report.joules == pytest.approx(6.0)
    assert report.frames == 4
    assert (report.measured_s, report.unmeasured_s, report.failed_readings) == (2.0, 2.0, 1)


def test_the_power_is_unknown_after_a_failed_reading():
    assert run([Reading(watts=3.0), None]).watts is None


def test_counters_of_joules_are_subtracted():
    report = run([Reading(joules=100.0), Reading(joules=103.0), Reading(joules=105.0)], idle_w=0.5)
    assert report.joules == pytest.approx(5.0)
    assert report.joules_above_idle == pytest.approx(4.0)
    assert report.watts == pytest.approx(2.0)


def test_a_counter_that_goes_back_is_not_measured():
    report = run([Reading(joules=100.0), Reading(joules=3.0), Reading(joules=5.0)])
    assert report.joules == pytest.approx(2.0)
    assert report.unmeasured_s == 1.0


def test_a_model_above_idle_gets_the_boards_idle_power_on_top():
    readings = [Reading(joules_above_idle=joules) for joules in (1.0, 1.5, 2.0)]
    report = run(readings, meter_idle_w=2.7)
    assert report.joules_above_idle == pytest.approx(1.0)
    assert report.joules == pytest.approx(1.0 + 2 * 2.7)
    assert report.watts == pytest.approx(3.2)
    stated = run(readings, idle_w=1.0, meter_idle_w=2.7)
    assert stated.joules == pytest.approx(3.0)


def test_a_model_above_idle_without_idle_power_knows_no_gross():
    report = run([Reading(joules_above_idle=1.0), Reading(joules_above_idle=2.0)])
    assert report.joules is None
    assert report.watts is None
    assert report.j_per_frame is None
    assert report.j_per_frame_above_idle == pytest.approx(0.5)


def test_unavailable_is_never_zero():
    energy = Energy(Unavailable())
    energy.sample(0, 0)
    energy.sample(SECOND, 5)
    report = energy.report()
    assert report.source == "unavailable"
    assert (report.watts, report.joules, report.j_per_frame) == (None, None, None)
    assert (report.unmeasured_s, report.failed_readings) == (1.0, 0)


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=40))
def test_measured_and_unmeasured_time_add_up(powers):
    report = run([None if watts is None else Reading(watts=watts) for watts in powers])
    assert report.measured_s + report.unmeasured_s == len(powers) - 1
    assert report.failed_readings == powers.count(None)
    pairs = [(a, b) for a, b in itertools.pairwise(powers) if a is not None and b is not None]
    assert report.measured_s == len(pairs)
    if pairs:
        assert math.isclose(report.joules, sum((a + b) / 2 for a, b in pairs), rel_tol=1e-9, abs_tol=1e-9)
    else:
        assert report.joules is None
