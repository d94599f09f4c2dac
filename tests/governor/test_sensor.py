"""Where readings come from."""

import sys
from pathlib import Path

import pytest

from edge.device.device import Condition
from edge.errors import DeviceError
from edge.governor.reading import Sample
from edge.governor.sensor import (
    BoardSensor,
    VeDirectSensor,
    command_sensor,
    file_sensor,
    read_all,
    sensors_of,
)
from tests.governor.test_governor import HandClock, Said


class Board:
    model, memory_total_bytes = None, None

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def read(self) -> Condition:
        return self._condition


class Block:
    def __init__(self, **block: str) -> None:
        self._block = block

    def read(self) -> dict[str, str]:
        return self._block


def power_supply(root: Path, **files: str) -> Path:
    folder = root / "sys/class/power_supply/BAT0"
    folder.mkdir(parents=True)
    for name, text in {"type": "Battery", **files}.items():
        (folder / name).write_text(f"{text}\n")
    return root


def test_the_boards_battery_tells_its_voltage_where_it_tells_no_charge(tmp_path: Path) -> None:
    root = power_supply(tmp_path, voltage_now="12340000")
    board = Board(Condition(temperature_c=51.0, throttling=("throttled",)))
    assert BoardSensor(board, root).read() == Sample(None, 12.34, 51.0, ("throttled",))
    assert BoardSensor(Board(Condition(charge=0.5)), root).read() == Sample(0.5)
    assert BoardSensor(Board(Condition()), tmp_path / "no").read() == Sample()


def test_a_charge_controller_tells_volts_watts_and_what_it_knows_of_charge() -> None:
    said = VeDirectSensor(Block(V="12840", IL="400", PPV="31", SOC="876")).read()
    assert said == Sample(charge=0.876, voltage_v=12.84, load_w=pytest.approx(5.136), panel_w=31.0)
    assert VeDirectSensor(Block(V="12840", SOC="---", PID="0xA053")).read() == Sample(voltage_v=12.84)


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "charge.toml"
    sensor = file_sensor(path)
    with pytest.raises(DeviceError, match=r"charge\.toml: No such file"):
        sensor.read()
    path.write_text("charge = 0.5\n")
    assert sensor.read() == Sample(charge=0.5)
    path.write_text("voltage_v = 12.4\nload_w = 3\n")
    assert sensor.read() == Sample(voltage_v=12.4, load_w=3.0)


@pytest.mark.parametrize(
    "text", ["volts = 12", "charge = '50%'", "charge = nan", "charge = [", "x" * 5000, "charge = 1e999"]
)
def test_what_a_file_should_not_say_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "charge.toml").write_text(text)
    with pytest.raises(DeviceError):
        file_sensor(tmp_path / "charge.toml").read()


def test_a_command_says_the_same_lines() -> None:
    assert command_sensor([sys.executable, "-c", "print('voltage_v = 12.5')"]).read() == Sample(
        voltage_v=12.5
    )
    with pytest.raises(DeviceError, match="exit status 3"):
        command_sensor([sys.executable, "-c", "raise SystemExit(3)"]).read()


def test_who_comes_first_is_believed_and_who_fails_is_named() -> None:
    first, second, broken = Said(voltage_v=12.5), Said(voltage_v=12.1, charge=0.5), Said()
    broken.said, broken.name = None, "broken"
    said, faults = read_all([broken, first, second])
    assert said.voltage_v == pytest.approx(12.5, abs=0.001)
    assert said.charge == pytest.approx(0.5, abs=0.001)
    assert faults == {"broken": "unplugged"}


def test_the_board_is_asked_last() -> None:
    made = sensors_of(
        ve_direct="/dev/ttyUSB0", file="/run/c", command=["c"], device=Board(Condition()), clock=HandClock()
    )
    assert [sensor.name for sensor in made] == ["ve_direct", "file", "command", "board"]
    alone = sensors_of(ve_direct=None, file=None, command=(), device=Board(Condition()), clock=HandClock())
    assert [sensor.name for sensor in alone] == ["board"]
