import pytest
from boards import ina226, write

from edge.device.ina2xx import find_ina2xx
from edge.errors import DeviceError


def test_the_chips_own_power_is_in_microwatts(tmp_path):
    meter = find_ina2xx(ina226(tmp_path))
    assert meter.source == "measured:ina226"
    assert meter.read().watts == pytest.approx(3.5)


def test_without_power_it_is_volts_times_amperes(tmp_path):
    meter = find_ina2xx(ina226(tmp_path, name="ina3221", in1_input="5080", curr1_input="612"))
    assert meter.source == "measured:ina3221"
    assert meter.read().watts == pytest.approx(5.08 * 0.612)


def test_the_first_chip_that_can_be_read_is_taken(tmp_path):
    write(tmp_path, {"sys/class/hwmon/hwmon0/name": "cpu_thermal", "sys/class/hwmon/hwmon1/name": "ina219"})
    ina226(tmp_path, number=10, power1_input="1000000")
    ina226(tmp_path, number=3, power1_input="2000000")
    assert find_ina2xx(tmp_path).read().watts == 2.0


def test_no_chip_is_none(tmp_path):
    assert find_ina2xx(tmp_path) is None


def test_a_chip_that_falls_silent_or_is_turned_around_is_an_error(tmp_path):
    meter = find_ina2xx(ina226(tmp_path))
    file = tmp_path / "sys/class/hwmon/hwmon2/power1_input"
    file.write_text("-3500000")
    with pytest.raises(DeviceError, match="turn the shunt's ends around"):
        meter.read()
    file.unlink()
    with pytest.raises(DeviceError, match="neither power1_input nor in1_input and curr1_input"):
        meter.read()
