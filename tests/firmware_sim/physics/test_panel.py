import numpy as np
import pytest

from firmware_sim.physics.controller import Controller, harvest_w
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.panel import Panel, cell_c, of_area, panel_w, snow_after

PANEL = Panel(peak_w=100.0, tilt_deg=65.0, dirt=0.0)


def test_the_peak_is_that_of_the_test_conditions():
    air_c = 25 - 1000 * 25 / 800  # so that the cells have 25 °C
    assert cell_c(PANEL, 1000.0, air_c) == pytest.approx(25)
    assert panel_w(PANEL, 1000.0, air_c, 0.0) == pytest.approx(100)


def test_heat_dirt_and_snow_take_their_share():
    cool = panel_w(PANEL, 500.0, 10.0, 0.0)
    assert panel_w(PANEL, 500.0, 40.0, 0.0) == pytest.approx(cool - 50 * 30 * 0.0035)
    assert panel_w(Panel(peak_w=100.0, tilt_deg=65.0, dirt=0.1), 500.0, 10.0, 0.0) == pytest.approx(
        0.9 * cool
    )
    assert panel_w(PANEL, 500.0, 10.0, 0.75) == pytest.approx(0.25 * cool)


def test_a_panel_by_its_size():
    assert of_area(0.5, tilt_deg=30).peak_w == pytest.approx(100)


@pytest.mark.parametrize("wrong", [{"peak_w": -1.0}, {"tilt_deg": 91.0}, {"dirt": 1.5}])
def test_what_is_no_panel_is_refused(wrong):
    with pytest.raises(PhysicsError, match="panel"):
        Panel(**{"peak_w": 1.0, "tilt_deg": 30.0} | wrong)


def test_snow_falls_in_the_cold_alone_and_slides_off_a_steep_panel_first():
    assert snow_after(PANEL, 0.0, True, 0.0, -2.0, 7200) == 1
    assert snow_after(PANEL, 0.0, True, 0.0, 2.0, 7200) == 0
    assert snow_after(PANEL, 1.0, False, 0.0, -2.0, 7200) == 1
    flat = Panel(peak_w=100.0, tilt_deg=10.0)
    assert snow_after(PANEL, 1.0, False, 0.0, 2.0, 7200) == 0
    assert snow_after(flat, 1.0, False, 0.0, 2.0, 7200) > 0.8
    assert snow_after(PANEL, 1.0, False, 600.0, -2.0, 3600) < 0.5


def test_pwm_loses_what_lies_between_the_voltages():
    mppt, pwm = Controller(), Controller(kind="pwm")
    assert harvest_w(mppt, PANEL, 50.0, 12.6) == pytest.approx(50 * 0.95)
    assert harvest_w(pwm, PANEL, 50.0, 12.6) == pytest.approx(50 * 0.95 * 0.7)
    both = harvest_w(pwm, PANEL, np.array([50.0, 50.0]), np.array([9.0, 18.0]))
    assert both == pytest.approx([50 * 0.95 * 0.5, 50 * 0.95])
