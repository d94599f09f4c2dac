import pytest
from boards import battery

from edge.device.battery import charge, find_battery
from edge.errors import DeviceError


@pytest.mark.parametrize("power", ["4200000", "-4200000"])
def test_a_discharge_is_power_whatever_its_sign(tmp_path, power):
    meter = find_battery(battery(tmp_path, power_now=power))
    assert meter.source == "measured:battery"
    assert meter.read().watts == pytest.approx(4.2)


def test_without_power_it_is_volts_times_amperes(tmp_path):
    meter = find_battery(battery(tmp_path, voltage_now="3700000", current_now="-1000000"))
    assert meter.read().watts == pytest.approx(3.7)


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown", ""])
def test_the_boards_power_is_unknown_unless_it_is_discharging(tmp_path, status):
    meter = find_battery(battery(tmp_path, power_now="4200000", status=status))
    with pytest.raises(DeviceError, match="Discharging"):
        meter.read()


def test_a_battery_that_tells_no_power_is_no_meter_but_has_a_charge(tmp_path):
    battery(tmp_path)
    assert find_battery(tmp_path) is None
    assert charge(tmp_path) == 0.87


def test_a_mains_adapter_is_no_battery(tmp_path):
    battery(tmp_path, type="Mains", power_now="1")
    assert find_battery(tmp_path) is None
    assert charge(tmp_path) is None


def test_a_file_that_goes_away_is_an_error(tmp_path):
    meter = find_battery(battery(tmp_path, power_now="1000000"))
    (tmp_path / "sys/class/power_supply/BAT0/power_now").unlink()
    with pytest.raises(DeviceError, match="no power_now"):
        meter.read()
