"""Simulated winters of one place: what falls on a panel and how cold it is, for many seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from firmware_sim.physics.air import air_c
from firmware_sim.physics.panel import Panel, plane_w_m2
from firmware_sim.physics.place import Place
from firmware_sim.physics.quantity import DAY_S, Values
from firmware_sim.physics.sun import clear_sky
from firmware_sim.physics.weather import Weather, dim, draw

_YEAR = 2025  # whose sun it is; years differ in their weather alone
_LEAD_DAYS = 30  # before the month with the shortest days, and as many after it
DAYS = 92


@dataclass(frozen=True, slots=True)
class Winter:
    """Y winters of N steps; each has the month with the shortest days in its middle.

    Attributes:
        start: its first day.
        step_s: length of a step.
        plane_w_m2: (N, Y) on the panel's plane.
        global_w_m2: (N, Y) on level ground.
        air_c: (N, Y) of the air.
        falling: (N, Y) whether something falls.
    """

    start: str
    step_s: float
    plane_w_m2: Values
    global_w_m2: Values
    air_c: Values
    falling: NDArray[np.bool_]


def winters(place: Place, panel: Panel, climate: str, seed: int, years: int, step_s: float) -> Winter:
    """Draw the weather of some winters; year k has the seed `seed` + k.

    Raises:
        MissingExtraError: pvlib is not installed.
        PhysicsError: there is no such climate.
    """
    first = datetime(_YEAR, place.winter_month, 1, tzinfo=UTC).timestamp() - _LEAD_DAYS * DAY_S
    return under(place, panel, [draw(climate, seed + year, first, DAYS) for year in range(years)], step_s)


def under(place: Place, panel: Panel, weathers: Sequence[Weather], step_s: float) -> Winter:
    """Return Y weathers of the same days over one panel.

    Raises:
        MissingExtraError: pvlib is not installed.
    """
    first, days = weathers[0].start_s, len(weathers[0].cover) / 24
    times_s = first + step_s * (np.arange(int(days * DAY_S / step_s), dtype=np.float64) + 0.5)
    sky = clear_sky(place, times_s)
    planes, wholes, airs, fallings = [], [], [], []
    for weather in weathers:
        cover, thickness, warmth_c, falling = weather.at(times_s)
        light = dim(sky, cover, thickness)
        planes.append(plane_w_m2(panel, sky, light))
        wholes.append(light.global_w_m2)
        airs.append(air_c(place, times_s, cover, warmth_c))
        fallings.append(falling)
    return Winter(
        datetime.fromtimestamp(first, UTC).date().isoformat(),
        step_s,
        plane_w_m2=np.stack(planes, axis=1),
        global_w_m2=np.stack(wholes, axis=1),
        air_c=np.stack(airs, axis=1),
        falling=np.stack(fallings, axis=1),
    )
