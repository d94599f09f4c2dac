"""What shines in a dark landscape: stars that turn, lamps of farms, the glow of a fire."""

from __future__ import annotations

import numpy as np

from firmware_sim.scene.layer import Floats
from firmware_sim.scene.outlook import Outlook
from firmware_sim.scene.sun import sidereal_deg
from firmware_sim.scene.terrain import Terrain

_STARS = 2500  # over the whole sphere
_LAMPS = (3, 9)
_WARM = np.array((1.0, 0.8, 0.5), np.float32)
_FLAME = np.array((1.0, 0.55, 0.18), np.float32)


class Stars:
    """The stars over one camera.

    Args:
        outlook: of the camera.
        latitude_deg: north positive.
        longitude_deg: east positive.
        rng: chooses them.
    """

    def __init__(
        self, outlook: Outlook, latitude_deg: float, longitude_deg: float, rng: np.random.Generator
    ) -> None:
        self._outlook, self._longitude_deg = outlook, longitude_deg
        self._latitude = np.radians(latitude_deg)
        self._ascension = rng.uniform(0, 2 * np.pi, _STARS)
        self._declination = np.arcsin(rng.uniform(-1, 1, _STARS))
        self._level = np.minimum(12 * (1 - rng.random(_STARS)) ** -0.8, 200)

    def add(self, pixels: Floats, epoch_s: float, terrain: Terrain, clear: Floats, night: float) -> None:
        """Add the stars of a moment to (H, W, 3) float32 RGB, in place.

        Args:
            pixels: the picture.
            epoch_s: seconds since 1970 UTC.
            terrain: hides them.
            clear: share of their light that clouds let through, a quarter of the picture's size.
            night: how dark it is, 0 to 1.
        """
        hour = np.radians(sidereal_deg(epoch_s, self._longitude_deg)) - self._ascension
        sin, cos = np.sin(self._declination), np.cos(self._declination)
        up = np.sin(self._latitude) * sin + np.cos(self._latitude) * cos * np.cos(hour)
        east = -cos * np.sin(hour)
        north = np.cos(self._latitude) * sin - np.sin(self._latitude) * cos * np.cos(hour)
        heading = np.radians(self._outlook.heading_deg)
        ahead = north * np.cos(heading) + east * np.sin(heading)
        right = east * np.cos(heading) - north * np.sin(heading)
        seen = (up > 0) & (ahead > 0.05)
        focal, (height, width) = self._outlook.focal_px, self._outlook.size_px
        cols = np.floor(width / 2 + focal * right[seen] / ahead[seen]).astype(int)
        rows = np.floor(self._outlook.horizon_row - focal * up[seen] / np.hypot(ahead, right)[seen]).astype(
            int
        )
        inside = (rows >= 0) & (cols >= 0) & (cols < width) & (rows < min(terrain.bottom, height))
        rows, cols, level = rows[inside], cols[inside], self._level[seen][inside]
        over = rows < terrain.ridges[0].line[cols] - 1
        over &= rows < np.min([ridge.line[cols] for ridge in terrain.ridges], axis=0) - 1
        rows, cols, level = rows[over], cols[over], level[over]
        coarse = clear[np.minimum(rows // 4, clear.shape[0] - 1), np.minimum(cols // 4, clear.shape[1] - 1)]
        light = (level * night * coarse**2).astype(np.float32)[:, None]
        np.add.at(pixels, (rows, cols), light)


def lamps(outlook: Outlook, terrain: Terrain, rng: np.random.Generator) -> Floats:
    """Return the light of a few farms and roads, (H, W, 3) float32 grey levels in a dark night."""
    height, width = outlook.size_px
    scale = height / 480
    light: Floats = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(*_LAMPS))):
        column, share = int(rng.integers(0, width)), float(rng.uniform(0.2, 0.9))
        low = float(terrain.ridges[1].line[column])
        row = low + share * (float(terrain.ridges[-1].line[column]) - low)
        add_bell(light, (row, column), 0.8 * scale, float(rng.uniform(60, 200)))
        add_bell(light, (row, column), 4.0 * scale, float(rng.uniform(6, 16)))
    return np.asarray(light[..., None] * _WARM, np.float32)


def add_flames(
    pixels: Floats, smoke: Floats, base_px: tuple[float, float], radius_px: float, light: float
) -> None:
    """Add the glow of flames at night, and of the smoke that they light from below, in place.

    Args:
        pixels: (H, W, 3) float32 RGB.
        smoke: (H, W) float32 coverage.
        base_px: (row, column) of the fire.
        radius_px: of the flames.
        light: 0 to 1.
    """
    reach = int(25 * radius_px) + 1
    top, left = (max(0, int(at) - reach) for at in base_px)
    near = np.s_[top : int(base_px[0]) + reach, left : int(base_px[1]) + reach]
    at = (base_px[0] - top, base_px[1] - left)
    glow: Floats = np.zeros(smoke[near].shape, np.float32)
    add_bell(glow, at, 7 * radius_px, 80 * light)
    glow *= 0.1 + smoke[near]
    add_bell(glow, at, radius_px, 230 * light)
    pixels[near] += glow[..., None] * _FLAME


def add_bell(light: Floats, at: tuple[float, float], radius: float, peak: float) -> None:
    """Add a bell of light around (row, column) to (H, W) float32, in place."""
    reach = int(3.5 * radius) + 1
    rows = slice(max(0, int(at[0]) - reach), max(0, int(at[0]) + reach + 1))
    cols = slice(max(0, int(at[1]) - reach), max(0, int(at[1]) + reach + 1))
    part = light[rows, cols]
    down = np.exp(-0.5 * ((np.arange(part.shape[0]) + rows.start - at[0]) / radius) ** 2)
    over = np.exp(-0.5 * ((np.arange(part.shape[1]) + cols.start - at[1]) / radius) ** 2)
    part += (peak * np.outer(down, over)).astype(np.float32)
