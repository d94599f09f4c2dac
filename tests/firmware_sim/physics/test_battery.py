import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.governor.band import built_in
from firmware_sim.physics.battery import CHEMISTRIES, Battery, Cell, rest_v, settle, usable
from firmware_sim.physics.controller import Controller
from firmware_sim.physics.errors import PhysicsError

MPPT = Controller()
BATTERY = Battery(capacity_wh=1000.0)
WARM_C = 25.0


def hours(battery, cell, offered_w, load_w, temperature_c, count):
    flow = None
    for _ in range(count * 6):
        cell, flow = settle(battery, cell, MPPT, offered_w, load_w, temperature_c, 600.0)
    return cell, flow


@pytest.mark.parametrize("name", CHEMISTRIES)
def test_what_goes_in_comes_out_less_the_loss(name):
    battery = Battery(capacity_wh=1000.0, chemistry=name)
    fuller, _ = hours(battery, Cell(0.5), 20.0, 0.0, WARM_C, 5)
    assert fuller.charge == pytest.approx(0.5 + 0.1 * CHEMISTRIES[name].efficiency, abs=0.001)
    emptier, flow = hours(battery, fuller, 0.0, 20.0, WARM_C, 5)
    assert emptier.charge == pytest.approx(fuller.charge - 0.1, abs=0.001)
    assert flow.served_w == 20


@pytest.mark.parametrize("name", CHEMISTRIES)
def test_voltage_rises_with_charge_and_current_and_falls_with_cold(name):
    battery = Battery(capacity_wh=1000.0, chemistry=name)
    at = [float(rest_v(battery, charge, WARM_C)) for charge in np.linspace(0, 1, 11)]
    assert at == sorted(at)
    assert rest_v(battery, 0.35, -20.0) < rest_v(battery, 0.35, 25.0)
    volts = [
        float(settle(battery, Cell(0.5), MPPT, offered_w, load_w, WARM_C, 60.0)[1].voltage_v)
        for offered_w, load_w in ((0.0, 100.0), (0.0, 0.0), (100.0, 0.0))
    ]
    assert volts[0] < volts[1] < volts[2]


def test_cut_off_and_restart_have_their_own_voltages():
    kind = CHEMISTRIES["lifepo4"]
    cell, before, steps = Cell(0.2), None, 0
    while bool(cell.on):
        before = cell
        cell, flow = settle(BATTERY, cell, MPPT, 0.0, 20.0, WARM_C, 600.0)
        steps += 1
        assert steps < 100
    assert float(flow.voltage_v) <= kind.cut_off_v
    assert rest_v(BATTERY, before.charge, WARM_C) == pytest.approx(kind.cut_off_v, abs=0.05)
    cell, flow = settle(BATTERY, cell, MPPT, 0.0, 20.0, WARM_C, 600.0)
    assert flow.served_w == 0
    assert not cell.on  # its voltage has recovered above the cut-off's, and it stays off
    while not bool(cell.on):
        cell, flow = settle(BATTERY, cell, MPPT, 60.0, 20.0, WARM_C, 600.0)
    assert float(flow.voltage_v) >= kind.restart_v
    assert cell.charge > 0.3


def test_lithium_takes_no_charge_below_freezing_and_still_gives():
    cold, flow = settle(BATTERY, Cell(0.5), MPPT, 50.0, 10.0, -1.0, 600.0)
    assert cold.charge <= 0.5
    assert flow.unused_w == pytest.approx(40)
    assert flow.served_w == 10  # straight from the panel
    lead, _ = settle(
        Battery(capacity_wh=1000.0, chemistry="lead-acid"), Cell(0.5), MPPT, 50.0, 10.0, -1.0, 600.0
    )
    assert lead.charge > 0.5


def test_cold_leaves_less_to_draw():
    for name in CHEMISTRIES:
        assert usable(name, 25.0) == 1
        assert usable(name, -20.0) < usable(name, 0.0) < 1


def test_a_full_battery_floats_and_leaves_the_sun_unused():
    full, flow = hours(BATTERY, Cell(0.9), 100.0, 5.0, WARM_C, 6)
    assert full.floating
    assert 0.99 < full.charge <= 1
    assert flow.unused_w == pytest.approx(95, abs=2)
    assert not hours(BATTERY, full, 0.0, 20.0, WARM_C, 4)[0].floating


def test_charging_slows_down_at_the_absorption_voltage():
    lead = Battery(capacity_wh=1000.0, chemistry="lead-acid")
    _, flow = settle(lead, Cell(0.9), MPPT, 2000.0, 0.0, WARM_C, 60.0)
    assert flow.voltage_v <= MPPT.absorption_v + 0.5
    assert flow.unused_w > 500


def test_it_loses_charge_in_the_shelf_faster_when_warm():
    left = [float(hours(BATTERY, Cell(0.8), 0.0, 0.0, celsius, 240)[0].charge) for celsius in (10.0, 40.0)]
    assert left[0] == pytest.approx(0.8 * (1 - 0.001 * 10 / 2), abs=0.0005)
    assert 0.8 - left[1] == pytest.approx(8 * (0.8 - left[0]), rel=0.05)


@given(
    charge=st.floats(0, 1),
    offered_w=st.floats(-1, 5000),
    load_w=st.floats(0, 5000),
    celsius=st.floats(-40, 60),
    seconds=st.floats(1, 3600),
    on=st.booleans(),
    name=st.sampled_from(list(CHEMISTRIES)),
)
def test_charge_stays_a_share_and_nothing_comes_from_nowhere(
    charge, offered_w, load_w, celsius, seconds, on, name
):
    battery = Battery(capacity_wh=100.0, chemistry=name)
    cell, flow = settle(battery, Cell(charge, on), MPPT, offered_w, load_w, celsius, seconds)
    assert 0 <= cell.charge <= 1
    assert 0 <= flow.served_w <= load_w + 1e-9
    assert flow.unused_w >= 0
    drawn_wh = (charge - float(cell.charge)) * 100
    assert float(flow.served_w) * seconds / 3600 <= drawn_wh + max(0.0, offered_w) * seconds / 3600 + 1e-6


def test_an_array_of_batteries_does_what_each_does_alone():
    sizes = np.array([[50.0], [500.0]])
    together, flow = settle(
        Battery(capacity_wh=sizes),
        Cell(np.array([[0.2, 0.9], [0.2, 0.9]])),
        MPPT,
        np.array([0.0, 30.0]),
        10.0,
        5.0,
        900.0,
    )
    for row, size in enumerate((50.0, 500.0)):
        for column, (charge, offered_w) in enumerate(((0.2, 0.0), (0.9, 30.0))):
            alone, single = settle(Battery(capacity_wh=size), Cell(charge), MPPT, offered_w, 10.0, 5.0, 900.0)
            assert np.asarray(together.charge)[row, column] == pytest.approx(float(alone.charge))
            assert np.asarray(flow.voltage_v)[row, column] == pytest.approx(float(single.voltage_v))


@pytest.mark.parametrize("wrong", [{"capacity_wh": 0.0}, {"chemistry": "nuclear"}])
def test_what_is_no_battery_is_refused(wrong):
    with pytest.raises(PhysicsError, match="lifepo4, lead-acid"):
        Battery(**{"capacity_wh": 1.0} | wrong)


@pytest.mark.parametrize("name", CHEMISTRIES)
def test_the_built_in_bands_act_before_the_load_is_cut_off(name):
    ordered = [
        next(band.voltage_v for band in built_in(chemistry=name) if band.name == which)
        for which in ("save", "slow", "night", "sleep", "last")
    ]
    entered = [limits[0] for limits in ordered]
    assert all(milder > harsher for milder, harsher in itertools.pairwise(entered))
    assert entered[-1] > CHEMISTRIES[name].cut_off_v
    assert (
        ordered[-1][1] < CHEMISTRIES[name].restart_v
    )  # what starts again there is not caught in it for ever
