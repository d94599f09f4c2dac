"""A solar panel: what falls on it, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.quantity import Real, Switch, Values
from firmware_sim.physics.sun import Sky
from firmware_sim.physics.weather import Light

TEST_W_M2 = 1000.0  # standard test conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel in a fixed position.

    Attributes:
        peak_w: under 1000 W/m² at 25 °C; one panel's, or an array of panels' to compare.
        tilt_deg: from level.
        azimuth_deg: where it faces, from north over east.
        dirt: share of the light that dirt takes. Assumed.
        noct_c: temperature of its cells under 800 W/m² in air of 20 °C. Source: data sheets say 43 to 47.
        coefficient_k: change of its power for each K above 25 °C. Source: data sheets say −0.003 to −0.004.
        peak_v: its voltage at its best power. Source: data sheets of panels for 12 V say 17 to 19.
        albedo: of the ground. Source: pvlib's default.
    """

    peak_w: Real
    tilt_deg: float
    azimuth_deg: float = 180.0
    dirt: float = 0.03
    noct_c: float = 45.0
    coefficient_k: float = -0.0035
    peak_v: float = 18.0
    albedo: float = 0.25

    def __post_init__(self) -> None:
        if not (np.all(np.asarray(self.peak_w) >= 0) and 0 <= self.tilt_deg <= 90 and 0 <= self.dirt <= 1):
            raise PhysicsError(
                f"panel: got {self}; expected W peak, a tilt from 0 to 90° and dirt from 0 to 1"
            )


def of_area(area_m2: float, *, tilt_deg: float, azimuth_deg: float = 180.0, efficiency: float = 0.2) -> Panel:
    """Return a panel by its size. Source: data sheets of silicon panels say efficiencies from 0.18 to 0.22."""
    return Panel(peak_w=area_m2 * efficiency * TEST_W_M2, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg)


def plane_w_m2(panel: Panel, sky: Sky, light: Light) -> Values:
    """Return what falls on the panel's plane, (N,).

    Source: Liu and Jordan 1963, the sky equally bright everywhere.
    """
    zenith, tilt = np.radians(sky.zenith_deg), np.radians(panel.tilt_deg)
    turn = np.radians(sky.azimuth_deg - panel.azimuth_deg)
    facing = np.cos(zenith) * np.cos(tilt) + np.sin(zenith) * np.sin(tilt) * np.cos(turn)
    beam = light.beam_w_m2 * np.clip(facing, 0.0, None)
    from_sky = light.diffuse_w_m2 * (1 + np.cos(tilt)) / 2
    from_ground = light.global_w_m2 * panel.albedo * (1 - np.cos(tilt)) / 2
    return np.asarray(beam + from_sky + from_ground, dtype=np.float64)


def cell_c(panel: Panel, plane: Real, air_c: Real) -> Real:
    """Return the temperature of its cells under so many W/m². Source: the definition of NOCT."""
    return air_c + plane * (panel.noct_c - 20) / 800


def panel_w(panel: Panel, plane: Real, air_c: Real, snow: Real) -> Real:
    """Return its power at its best point.

    Args:
        panel: which.
        plane: what falls on it, W/m².
        air_c: the air's temperature.
        snow: share of it under snow.
    """
    warm = 1 + panel.coefficient_k * (cell_c(panel, plane, air_c) - 25)
    return panel.peak_w * plane / TEST_W_M2 * warm * (1 - panel.dirt) * (1 - snow)


def snow_after(panel: Panel, snow: Real, falling: Switch, plane: Real, air_c: Real, seconds: float) -> Real:
    """Return the share of the panel under snow after a step. All figures are assumed.

    Falling snow covers it within two hours. Above 0 °C, of the air or by the sun through thin snow, it slides: off a
    steep panel within an hour or two, off a level one within a day.
    """
    hours = seconds / 3600
    snowing = np.asarray(falling) & (np.asarray(air_c) < 0)
    thaws = (np.asarray(air_c) > 0) | (np.asarray(plane) > 400)
    slide = hours * (0.04 + 0.8 * np.sin(np.radians(panel.tilt_deg)) ** 2)
    change = np.where(snowing, 0.5 * hours, np.where(thaws, -slide, 0.0))
    return np.clip(snow + change, 0.0, 1.0)
