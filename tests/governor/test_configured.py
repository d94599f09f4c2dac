"""A governor of a configuration, over the files of a board."""

import threading
from pathlib import Path

from edge.device.device import Condition
from edge.governor.configured import governor_of
from edge.settings import parse
from tests.governor.test_governor import HandClock
from tests.governor.test_sensor import Board

CAMERA = {"cameras": {"a": {"uri": "scene:"}}}


def test_without_the_section_there_is_none() -> None:
    assert governor_of(parse(CAMERA, Path("/")), HandClock()) is None


def test_it_reads_what_is_configured_in_the_zone_of_the_tower(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("voltage_v = 23.9\n")
    document = {
        **CAMERA,
        "tower": {"timezone": "+10:00"},
        "governor": {"file": str(tmp_path / "c.toml"), "battery_v": 24},
    }
    made = governor_of(
        parse(document, tmp_path),
        HandClock(),
        tmp_path,
        device=Board(Condition(temperature_c=40.0)),
        trusted=lambda: True,
    )
    assert made is not None
    ruling = made.begin(threading.Event())
    assert ruling.readings.voltage_v == 23.9
    assert ruling.readings.temperature_c == 40.0
    assert "night" in ruling.bands  # 12:00 UTC
    assert ruling.cut_off
