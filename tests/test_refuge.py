"""A tower that starts with an empty battery."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.camera.scene import SceneOptions
from edge.counter.counters import Counters
from edge.device.linux import LinuxDevice
from edge.device.power import Unavailable
from edge.errors import CommandError
from edge.governor.table import RETURN_S
from edge.refuge import BEAT_S, Refuge
from edge.settings import Settings
from tests.alert.event import event
from tests.governor.test_governor import Said, governor


class Uplink:
    """One that has one heartbeat to send."""

    def __init__(self, settings: Settings, hears: bool) -> None:
        self.heartbeat_s = settings.uplink.heartbeat_s
        self.heard = False
        self.hears = hears
        self.stopped = 0

    def start(self, reports: Refuge, beat: Callable[[float], None]) -> None:
        assert reports.health().healthy
        beat(60.0)
        self.heard = self.hears

    def stop(self) -> None:
        self.stopped += 1


class Rig:
    """A refuge; after so many seconds the sensor says something else."""

    def __init__(self, tmp_path: Path, *, hears: bool = True, volts: float = 11.9) -> None:
        self.sensor = Said(voltage_v=volts)
        self.governor, self.clock = governor(self.sensor)
        self.stopping = threading.Event()
        assert self.governor.begin(self.stopping).cut_off
        self.clock.pace = 30.0
        self.uplinks: list[Uplink] = []
        self.notified: list[str] = []
        settings = Settings(cameras={"north": SceneOptions(uri="scene:")})
        self.refuge = Refuge(
            settings,
            self.governor,
            Counters(self.clock, Unavailable(), LinuxDevice(tmp_path), root=tmp_path),
            self.clock,
            notify=self._notify,
            watchdog_s=60.0,
            uplink=lambda told: self._made(Uplink(told, hears)),
        )
        self.at: dict[float, Callable[[], None]] = {}

    def _made(self, uplink: Any) -> Any:
        self.uplinks.append(uplink)
        return uplink

    def _notify(self, message: str) -> bool:
        self.notified.append(message)
        for after_s in [after_s for after_s in self.at if self.clock.now_s >= 1000 + after_s]:
            self.at.pop(after_s)()
        return True

    def charge(self) -> None:
        self.sensor.said = {"voltage_v": 12.6}


def test_it_is_ready_says_so_once_and_goes_on_half_an_hour_after_the_battery_recovered(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.at[3600.0] = rig.charge
    assert rig.refuge.run(rig.stopping)
    assert rig.notified[0] == "READY=1"
    assert "WATCHDOG=1" in rig.notified
    assert any(line.startswith("STATUS=governor: not watching from ") for line in rig.notified)
    assert [uplink.stopped for uplink in rig.uplinks] == [1]
    assert rig.uplinks[0].heartbeat_s == BEAT_S
    assert 3600 + RETURN_S <= rig.clock.now_s - 1000 <= 3600 + RETURN_S + 300
    assert rig.governor.report().unwatched_s.cut_off == pytest.approx(rig.clock.now_s - 1004, abs=60)


def test_the_next_heartbeat_comes_in_its_time_and_one_that_nobody_hears_is_gone_on_with(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.at[BEAT_S + 60] = rig.stopping.set
    assert not rig.refuge.run(rig.stopping)
    assert len(rig.uplinks) == 2
    deaf = Rig(tmp_path, hears=False)
    deaf.at[BEAT_S + 60] = deaf.stopping.set
    assert not deaf.refuge.run(deaf.stopping)
    assert [uplink.stopped for uplink in deaf.uplinks] == [1]


def test_its_health_is_good_with_the_reason(tmp_path: Path) -> None:
    refuge = Rig(tmp_path).refuge
    health = refuge.health()
    assert health.healthy
    assert health.cameras["north"].state == "governed"
    said = "governor: not watching from 12:00 to at least 12:30 UTC: last: battery at 11.9 V"
    assert health.reasons[0].startswith(said)
    assert refuge.due_s() == {"north": RETURN_S}
    assert refuge.live()
    assert refuge.page_off() == "the battery is nearly empty"
    assert refuge.status()["health"]["healthy"]
    assert b'firetower_governor_economy{economy="cut_off"} 1.0' in refuge.metrics()
    assert b'firetower_camera_state{camera="north",state="governed"} 1.0' in refuge.metrics()


def test_to_the_uplink_it_is_a_tower_without_eyes(tmp_path: Path) -> None:
    refuge = Rig(tmp_path).refuge
    assert refuge.picture("north") is None
    assert refuge.sight(event()) is None
    assert refuge.trouble() is None
    power = refuge.power()
    assert power is not None
    assert power.voltage_v == pytest.approx(11.9, abs=0.001)
    refuge.confirmed(event())
    refuge.end_drill(event(), event().opened)
    with pytest.raises(CommandError, match="no drill now"):
        refuge.begin_drill("drill.x", "north", event().opened)


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.stopping.set()
    assert not rig.refuge.run(rig.stopping)
    assert [uplink.stopped for uplink in rig.uplinks] == [1]
