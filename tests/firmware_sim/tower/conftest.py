"""Small scenarios: pictures of 160 × 120 px, minutes, a tower with one sink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.camera.network import RtspOptions
from edge.governor.option import Governor
from edge.settings import Settings, Tower, Uplink
from edge.uplink.mqtt import MqttOptions
from firmware_sim.footage.shot import Ignition, Shot, Truth
from firmware_sim.physics.battery import Battery
from firmware_sim.physics.panel import Panel
from firmware_sim.physics.place import Place
from firmware_sim.physics.plant import Site
from firmware_sim.physics.profile import find_profile
from firmware_sim.physics.weather import of_days
from firmware_sim.tower.fast import run
from firmware_sim.tower.plan import Plan, Power, View
from firmware_sim.tower.run import Run

BEGIN_S = 1_794_268_800.0  # a midnight in November 2026
SIZE_PX = (120, 160)


class Hills:
    """A quiet landscape of noise, which changes a little with each picture."""

    size_px = SIZE_PX
    rendered = True
    ignitions: tuple[Ignition, ...] = ()

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self._ground = np.clip(rng.normal(120, 30, (*SIZE_PX, 3)), 0, 255)
        self.asked = 0

    def at(self, epoch_s: float) -> Shot:
        self.asked += 1
        rng = np.random.default_rng(round(epoch_s))
        pixels = np.clip(self._ground + rng.normal(0, 3, self._ground.shape), 0, 255).astype(np.uint8)
        return Shot(pixels, epoch_s, Truth("no_smoke"))

    def close(self) -> None:
        pass


def settings(
    *cameras: str, governor: Governor | None = None, heartbeat_s: float = 60.0, **sinks: Any
) -> Settings:
    return Settings(
        cameras={name: RtspOptions(uri=f"rtsp://simulated.invalid/{name}") for name in cameras or ("north",)},
        sinks=sinks or {"broker": MqttOptions(url="mqtts://broker.invalid")},
        tower=Tower(id="tower-7"),
        governor=governor,
        uplink=Uplink(heartbeat_s=heartbeat_s),
    )


def power(*, peak_w: float = 0.0, capacity_wh: float = 600.0, charge: float = 1.0, **more: Any) -> Power:
    site = Site(
        place=Place(46.5, 8),
        panel=Panel(peak_w=peak_w, tilt_deg=60),
        battery=Battery(capacity_wh=capacity_wh, chemistry="lead-acid"),
    )
    return Power(
        site=site, profile=find_profile("pi4"), weather=of_days((0.0,), BEGIN_S), charge=charge, **more
    )


def plan(*, minutes: float = 10.0, **more: Any) -> Plan:
    made = Plan(
        name="small",
        purpose="a test",
        settings=settings(),
        cameras={"north": View(footage=Hills(), kind="rendered")},
        begin_s=BEGIN_S,
        lasts_s=minutes * 60,
    )
    return replace(made, **more)


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., Run]:
    def go(**keys: Any) -> Run:
        return run(plan(**keys), tmp_path)

    return go
