import os

import pytest
from boards import PI4, PI5, PMIC, PMIC_WATTS, answers, battery, ina226, rapl, raspberry_pi, write

from edge.device.meter import choose_meter
from edge.errors import DeviceError


def stat(root, ticks):
    fields = ["S", *("0",) * 10, str(ticks), "0", *("0",) * 30]
    write(root, {"proc/self/stat": "1 (python) " + " ".join(fields)})


def test_auto_prefers_what_sees_the_whole_board(tmp_path):
    run = answers(pmic_read_adc=PMIC)
    raspberry_pi(tmp_path, PI5)
    assert choose_meter(tmp_path, run=answers()).source == "modelled:pi5-cpu-time"
    rapl(tmp_path)
    assert choose_meter(tmp_path, run=answers()).source == "measured:rapl"
    battery(tmp_path, power_now="1")
    assert choose_meter(tmp_path, run=answers()).source == "measured:battery"
    assert choose_meter(tmp_path, run=run).source == "measured:pi5-pmic"
    ina226(tmp_path)
    assert choose_meter(tmp_path, run=run).source == "measured:ina226"


def test_a_named_source_is_taken_and_no_other(tmp_path):
    run = answers(pmic_read_adc=PMIC)
    ina226(raspberry_pi(tmp_path, PI5))
    assert choose_meter(tmp_path, "pi5-pmic", run=run).read().watts == pytest.approx(PMIC_WATTS)
    assert choose_meter(tmp_path, "cpu-time", run=run).source == "modelled:pi5-cpu-time"
    assert choose_meter(tmp_path, "off", run=run).source == "unavailable"


@pytest.mark.parametrize("source", ["pi5-pmic", "ina2xx", "battery", "rapl", "cpu-time"])
def test_a_named_source_that_is_not_there_is_an_error(tmp_path, source):
    with pytest.raises(DeviceError, match=f"energy.source: '{source}' is not to be had on this machine; "):
        choose_meter(tmp_path, source, run=answers())


def test_nothing_known_is_unavailable(tmp_path):
    assert choose_meter(tmp_path, run=answers()).source == "unavailable"


def test_the_boards_figures_model_the_energy(tmp_path):
    meter = choose_meter(raspberry_pi(tmp_path, PI4), run=answers())
    assert meter.source == "modelled:pi4-cpu-time"
    assert meter.idle_w == 2.7
    stat(tmp_path, 10 * os.sysconf("SC_CLK_TCK"))
    assert meter.read().joules_above_idle == pytest.approx(10 * (6.4 - 2.7) / 4)


def test_without_a_published_power_nothing_is_modelled_but_what_the_user_states(tmp_path):
    raspberry_pi(tmp_path, "Raspberry Pi Zero 2 W Rev 1.0")
    assert choose_meter(tmp_path, run=answers()).source == "unavailable"
    assert choose_meter(tmp_path, watts_per_busy_core=0.5, run=answers()).source == "modelled:stated-watts"


def test_stated_watts_come_before_the_boards(tmp_path):
    meter = choose_meter(raspberry_pi(tmp_path, PI4), watts_per_busy_core=2.0, run=answers())
    assert meter.source == "modelled:stated-watts"
    assert meter.idle_w is None
    with pytest.raises(DeviceError, match="cannot read the CPU time"):
        meter.read()
    stat(tmp_path, os.sysconf("SC_CLK_TCK"))
    assert meter.read().joules_above_idle == pytest.approx(2.0)
