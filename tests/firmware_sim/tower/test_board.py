"""The simulated board: its work is its power, and the daemon sees the result."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.device.linux import LinuxDevice
from edge.errors import DeviceError
from edge.governor.configured import governor_of
from edge.governor.governor import Governor
from edge.governor.option import Governor as Options
from firmware_sim.tower.board import Board
from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.plan import SensorFault, Snow, Span
from tests.firmware_sim.tower.conftest import BEGIN_S, plan, power, settings

HOUR_S = 3600.0


class Rig:
    """A board without a daemon, and a governor that reads it."""

    def __init__(self, root: Path, **keys: Any) -> None:
        made = plan(power=power(**keys), settings=settings(governor=Options(ve_direct="/dev/ttyUSB0")))
        self.clock = SimClock(BEGIN_S)
        self.board = Board(made, self.clock, root)
        self.board.doing.on = True
        self.board.boot("00000001-0000")
        device = LinuxDevice(root, self.board.vcgencmd)
        found = governor_of(
            made.settings, self.clock, root, device=device, trusted=lambda: True, open_port=self.board.cable
        )
        assert found is not None
        self.governor: Governor = found

    def until(self, at_s: float) -> None:
        while self.clock.now_s() < BEGIN_S + at_s:
            self.clock.move_to(self.clock.now_ns + 10 * NS)
            if self.clock.now_ns // NS % 60 == 0:
                self.board.advance()
            self.governor.step("neutral", open_event=False)

    def doubts(self) -> dict[str, str]:
        return self.governor.report().doubts


def test_sensors_of_a_tower_at_rest_are_believed_for_hours(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.until(4 * HOUR_S)
    report = rig.governor.report()
    assert report.doubts == {}
    moment = rig.board.moment
    assert moment is not None
    assert report.voltage_v == pytest.approx(moment.battery_v, abs=0.02)
    assert report.temperature_c == pytest.approx(moment.soc_c, abs=1.0)


@pytest.mark.parametrize(
    ("sensor", "kind", "name"),
    [
        ("charger", "zero", "voltage_v"),
        ("charger", "stuck", "voltage_v"),
        ("charger", "silent", "ve_direct"),
        ("soc", "stuck", "temperature_c"),
        ("soc", "silent", "temperature_c"),
        ("gauge", "zero", "charge"),
        ("gauge", "silent", "charge"),
    ],
)
def test_a_broken_sensor_is_not_believed(tmp_path: Path, sensor: Any, kind: Any, name: str) -> None:
    fault = SensorFault(sensor=sensor, kind=kind, span=Span(from_s=600.0, to_s=4 * HOUR_S))
    rig = Rig(tmp_path, broken=(fault,), gauge=True)
    rig.until(500.0)
    assert rig.doubts() == {}
    rig.until(600.0 + (3.2 * HOUR_S if kind == "stuck" else 300.0))
    assert name in rig.doubts()
    rig.until(4.2 * HOUR_S)
    assert rig.doubts() == {}


def test_work_becomes_power_and_days_add_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    profile = power().profile
    rig.board.doing.cameras = 1
    rig.board.count(decoded_mp=2.0, converted_mp=1.0, scored=3, sent=1000)
    rig.clock.move_to(rig.clock.now_ns + 60 * NS)
    rig.board.advance()
    (day,) = rig.board.days
    assert day.joules["awake"] == pytest.approx(60 * profile.awake_w.value)
    assert day.joules["cameras"] == pytest.approx(60 * profile.camera_w.value)
    assert day.joules["score"] == pytest.approx(3 * profile.score_j.value)
    assert day.joules["send"] == pytest.approx(1000 * profile.send_j_byte.value)
    assert day.load_wh == pytest.approx(sum(day.joules.values()) / profile.supply.value / 3600)
    rig.board.pass_time()
    rig.board.doing.asleep = True
    rig.clock.move_to(round((BEGIN_S + 86_400 + 60) * NS))
    with pytest.raises(ValueError, match="weather"):
        rig.board.advance()


def test_a_board_without_power_counts_nothing_and_shows_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.board.doing.on = False
    before = (tmp_path / "sys/class/thermal/thermal_zone0/temp").read_text()
    rig.clock.move_to(rig.clock.now_ns + 600 * NS)
    rig.board.advance()
    assert sum(rig.board.days[0].joules.values()) == 0
    assert (tmp_path / "sys/class/thermal/thermal_zone0/temp").read_text() == before


def test_snow_lies_on_the_panel_from_its_time_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, snow=(Snow(at_s=300.0, share=0.9),))
    rig.until(240.0)
    assert rig.board.moment is not None
    assert rig.board.moment.snow == 0
    rig.until(360.0)
    assert rig.board.moment.snow > 0.5


def test_without_power_it_is_fed_for_ever_but_where_somebody_pulls_the_plug(tmp_path: Path) -> None:
    made = replace(plan(), unplugged=(Span(from_s=60.0, to_s=120.0),))
    clock = SimClock(BEGIN_S)
    board = Board(made, clock, tmp_path)
    board.boot("00000001-0000")
    assert (tmp_path / "proc/sys/kernel/random/boot_id").read_text() == "00000001-0000\n"
    fed = []
    for at_s in (0, 59, 60, 119, 120):
        clock.move_to(round((BEGIN_S + at_s) * NS))
        board.advance()
        fed.append(board.fed)
    assert fed == [True, True, False, False, True]
    assert board.moment is None
    with pytest.raises(OSError, match="No such file"):
        board.cable(Path("/dev/ttyUSB0"))
    with pytest.raises(DeviceError, match="no such program"):
        board.vcgencmd(["vcgencmd", "get_throttled"])
