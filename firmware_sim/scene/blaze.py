"""Fires in a rendered landscape, as data, and their smoke on its slopes."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np

from firmware_sim.scene.compose import Place, behind, lay_smoke
from firmware_sim.scene.dark import add_flames
from firmware_sim.scene.daylight import Daylight
from firmware_sim.scene.layer import Floats
from firmware_sim.scene.light import Light
from firmware_sim.scene.outlook import Outlook
from firmware_sim.scene.plume import Colour, DrawnPlume, Shape
from firmware_sim.scene.terrain import Terrain

_FADE_S = 900.0  # over which smoke thins out at its end
_WIDTH_PX = 640  # `full_px` is meant of pictures so wide
_INNER = 0.4  # of the picture's width from its middle, where a fire without a bearing burns


class Blaze(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fire.

    Attributes:
        fire: its name.
        at_s: seconds from the begin of the scenario to ignition; negative: it burns already.
        lasts_s: how long it smokes.
        bearing_deg: to the right of the camera's heading; by its name if absent.
        distance_km: it burns on the ridge that is nearest to it; by its name if absent.
        colour: of its smoke.
        full_px: height to which it grows, in pixels of a picture 640 px wide.
        first_px: of its larger side a minute after ignition.
        density: 1 is thick.
    """

    fire: str
    at_s: float
    lasts_s: float = 7200.0
    bearing_deg: float | None = None
    distance_km: float | None = None
    colour: Colour = "grey"
    full_px: float = 90.0
    first_px: float = 16.0
    density: float = 1.0

    def __post_init__(self) -> None:
        if not self.fire:
            raise ValueError("fire: expected a name")
        if not (0 < self.first_px <= self.full_px <= 400 and 0 < self.density <= 3 and self.lasts_s > 0):
            raise ValueError(
                f"fire '{self.fire}': expected 0 < first_px <= full_px <= 400, 0 < density <= 3 and lasts_s > 0"
            )


class Burn:
    """The smoke of one fire in one landscape.

    Args:
        blaze: which fire.
        outlook: of the camera.
        terrain: before it.
        seed: of the landscape; with the fire's name it chooses what is left open.

    Attributes:
        blaze: which fire.
        where: its place.
    """

    def __init__(self, blaze: Blaze, outlook: Outlook, terrain: Terrain, seed: int) -> None:
        self.blaze = blaze
        rng = np.random.default_rng((seed, zlib.crc32(blaze.fire.encode()), 5))
        height, width = outlook.size_px
        self._scale = width / _WIDTH_PX
        column, number = rng.uniform(0.5 - _INNER, 0.5 + _INNER) * width, int(rng.integers(1, 4))
        if blaze.bearing_deg is not None:
            column = outlook.column(blaze.bearing_deg)
        if blaze.distance_km is not None:
            ratios = [abs(np.log(ridge.distance_km / blaze.distance_km)) for ridge in terrain.ridges]
            number = int(np.argmin(ratios))
        ridge, foot = terrain.ridges[number], terrain.nearer(number, height)
        at = int(np.clip(column, 0, width - 1))
        line = float(ridge.line[at])
        base = line + float(rng.uniform(0.15, 0.5)) * max(0.0, float(foot[at]) - line)
        self.where = Place((base, float(column)), ridge.distance_km, behind(foot, height))
        lean = float(rng.choice((-1, 1)) * rng.gamma(2.0, 0.4))
        shape = Shape(
            blaze.first_px * self._scale,
            60.0,
            blaze.full_px * self._scale,
            lean,
            grow_s=float(rng.uniform(420, 1200)),
            travel_s=float(rng.uniform(90, 240)),
            spread=float(rng.uniform(0.13, 0.25)),
        )
        self._plume = DrawnPlume(rng, shape, blaze.colour, (float(rng.uniform(-1, 1)), -0.7))

    def lay(self, pixels: Floats, age_s: float, daylight: Daylight, visibility_km: float) -> Floats | None:
        """Lay its smoke over a picture, in place.

        Args:
            pixels: (H, W, 3) float32 RGB, without the sensor's noise.
            age_s: seconds after ignition.
            daylight: of the moment.
            visibility_km: of the air.

        Returns:
            (H, W) float32 coverage; None where there is no smoke.
        """
        fade = min(1.0, (self.blaze.lasts_s + _FADE_S - age_s) / _FADE_S)
        if age_s <= 0 or fade <= 0:
            return None
        smoke = self._plume.smoke(age_s, self.blaze.density * fade)
        if smoke is None:
            return None
        light = Light((), (), daylight.airlight, daylight.white, 0.0, visibility_km)
        coverage = lay_smoke(pixels, smoke, self.where, light, np.random.default_rng(0))
        if daylight.night > 0.05:
            row, column = (round(value) for value in self.where.base_px)
            inside = 0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]
            flicker = 0.8 + 0.2 * np.sin(age_s * 1.7)
            if inside and self.where.hidden[row, column] < 0.5:
                radius = self._scale * (1.2 + 2.5 * (1 - float(np.exp(-age_s / 900))))
                add_flames(
                    pixels, coverage, self.where.base_px, radius, daylight.night * fade * float(flicker)
                )
        return coverage
