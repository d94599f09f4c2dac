"""The daemon's own readers find what a simulated board shows."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.device import battery
from edge.device.linux import LinuxDevice
from edge.device.meter import choose_meter
from edge.errors import DeviceError
from firmware_sim.body import PROGRAM, Body
from firmware_sim.physics.plant import Moment
from firmware_sim.physics.profile import PROFILES

MOMENT = Moment(
    time_s=datetime(2026, 11, 10, 12, tzinfo=UTC).timestamp(),
    cover=0.5, plane_w_m2=300.0, snow=0.0, air_c=4.0, panel_w=20.4, charge=0.732, battery_v=13.21, battery_a=-0.25,
    stage="bulk", on=True, load_w=3.8, load_a=0.29, board_w=3.42, supply_v=5.0, box_c=9.0, soc_c=46.7125,
    throttled=0x50005, clock_share=1.0,
)  # fmt: skip


@pytest.fixture
def body(tmp_path):
    return Body(tmp_path, PROFILES["pi4"])


def test_where_nobody_else_reads_files_change_in_place(tmp_path):
    body = Body(tmp_path, PROFILES["pi4"], shared=False)
    body.show(MOMENT)
    file = tmp_path / "sys/class/thermal/thermal_zone0/temp"
    before = file.stat().st_ino
    body.show(replace(MOMENT, soc_c=9.5))
    assert file.read_text() == "9500\n"  # shorter than before
    assert file.stat().st_ino == before


def test_a_silent_sensor_has_no_file(body):
    body.show(MOMENT)
    body.show(MOMENT, ("soc", "gauge"))
    condition = LinuxDevice(body.root, body.run).read()
    assert (condition.temperature_c, condition.charge) == (None, None)
    body.show(MOMENT)
    assert LinuxDevice(body.root, body.run).read().charge == 0.73


def test_a_board_is_there_with_heat_flags_and_charge(body):
    body.show(MOMENT)
    device = LinuxDevice(body.root, body.run)
    assert device.model.startswith("Raspberry Pi 4 Model B")
    assert "simulated" in device.model
    assert device.memory_total_bytes == 1 << 30
    condition = device.read()
    assert condition.temperature_c == pytest.approx(46.712, abs=0.001)
    assert condition.throttling == condition.throttled_since_boot == ("under-voltage", "throttled")
    assert condition.charge == 0.73


def test_it_follows_the_next_moment(body):
    body.show(MOMENT)
    body.show(replace(MOMENT, soc_c=81.0, throttled=0x50002, charge=0.1))
    condition = LinuxDevice(body.root, body.run).read()
    assert condition.temperature_c == 81
    assert condition.throttling == ("frequency-capped",)
    assert condition.charge == 0.1


@pytest.mark.parametrize("source", ["ina2xx", "auto", "battery", "pi5-pmic"])
def test_every_meter_reads_the_power(tmp_path, source):
    body = Body(tmp_path, PROFILES["pi5"], monitor=source != "pi5-pmic")
    body.show(MOMENT)
    meter = choose_meter(body.root, source, run=body.run)
    expected = 13.21 * 0.25 if source == "battery" else 3.42
    assert meter.read().watts == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"battery_a": -0.2}, "Discharging"), ({"battery_a": 0.2}, "Charging"), ({"stage": "float"}, "Full")],
)
def test_the_battery_says_what_it_does(body, change, status):
    body.show(replace(MOMENT, **change))
    assert (body.root / "sys/class/power_supply/BAT0/status").read_text() == f"{status}\n"


def test_a_charge_controller_alone_leaves_the_charge_unknown(tmp_path):
    body = Body(tmp_path, PROFILES["pi4"], gauge=False, monitor=False)
    body.show(MOMENT)
    assert battery.charge(body.root) is None
    assert not (body.root / "sys/class/power_supply").exists()
    assert not (body.root / "sys/class/hwmon").exists()


def test_the_program_answers_as_the_method_does(body):
    body.show(MOMENT)
    path = f"{body.root / 'bin'}:{os.environ['PATH']}"
    for verb in ("get_throttled", "measure_temp"):
        done = subprocess.run(
            ["sh", "-c", f"vcgencmd {verb}"], env={"PATH": path}, capture_output=True, text=True, check=True
        )
        assert done.stdout == body.run(["vcgencmd", verb])
    assert body.run(["vcgencmd", "get_throttled"]) == "throttled=0x50005\n"
    assert (
        subprocess.run([body.root / PROGRAM, "pmic_read_adc"], capture_output=True, check=False).returncode
        != 0
    )


@pytest.mark.parametrize(
    "words", [["vcgencmd", "pmic_read_adc"], ["vcgencmd"], ["rm", "x"], ["vcgencmd", "../x"]]
)
def test_it_answers_nothing_else(body, words):
    body.show(MOMENT)
    with pytest.raises(DeviceError, match="no answer"):
        body.run(words)


def test_no_half_written_file_is_left_where_a_reader_looks(body):
    body.show(MOMENT)
    held = (body.root / "sys/class/thermal/thermal_zone0/temp").open()
    body.show(replace(MOMENT, soc_c=9.0))
    with held:
        assert held.read() == "46712\n"  # whole, as it was: the new one took its place
    assert not list(body.root.rglob("*.new"))
