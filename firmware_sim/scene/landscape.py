"""A landscape from nothing: land, sky and sun of any moment, in any order, with fires whose truth is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

from firmware_sim.scene.blaze import Blaze, Burn
from firmware_sim.scene.cloud import COARSE, Deck
from firmware_sim.scene.dark import Stars, add_bell, lamps
from firmware_sim.scene.day import Air, AirAt, drawn_air
from firmware_sim.scene.daylight import Daylight, daylight
from firmware_sim.scene.layer import Floats, Picture
from firmware_sim.scene.outlook import Outlook
from firmware_sim.scene.side import seed_of
from firmware_sim.scene.sun import Sun, SunAt, sun_over
from firmware_sim.scene.terrain import FARTHEST_KM, NEAREST_KM, Terrain, through

_SLACK_PX = 64  # the noise's tile is so much larger than the picture
_FLICKER = 0.004  # of the camera's exposure, from one picture to the next
_SPOT_DEG = 0.6  # radius of the sun's disc with its bloom
_GLOW = np.array((64.0, 32.0, 2.0), np.float32)
_GLOW_DEG = (38.0, 15.0)  # how far it reaches, along the horizon and up
_FOG_SOFT, _FOG_THICK = 0.28, 0.94


class Scenery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rendered view, as data.

    Attributes:
        seed: of land, clouds, weather and fires; the `judge` side's, so that nothing of it ever trains.
        width, height: of the picture in px.
        heading_deg: of the camera, from north over east.
        field_deg: of the lens, from left to right.
        latitude_deg, longitude_deg: north and east positive.
    """

    seed: int = 1
    width: int = 640
    height: int = 480
    heading_deg: float = 0.0
    field_deg: float = 60.0
    latitude_deg: float = 46.5
    longitude_deg: float = 8.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One rendered picture.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        smoke: of each fire that smokes, by name, (H, W) float32 coverage after all that stands before it.
    """

    picture: Picture
    smoke: dict[str, Floats]


class Landscape:
    """Renders one view; the same time gives the same picture, whatever was asked before.

    Args:
        scenery: which view.
        blazes: fires in it.
        start_s: seconds since 1970 UTC that the fires' times count from.
        sun_at: where the sun stands; by the almanac's short formulas if absent.
        air_at: the weather; drawn from the seed if absent.

    Raises:
        SceneError: the seed or the view is out of range.
    """

    def __init__(
        self,
        scenery: Scenery,
        blazes: Sequence[Blaze] = (),
        start_s: float = 0.0,
        *,
        sun_at: SunAt | None = None,
        air_at: AirAt | None = None,
    ) -> None:
        self.outlook = Outlook((scenery.height, scenery.width), scenery.heading_deg, scenery.field_deg)
        self._seed = seed_of("judge", scenery.seed)
        place = (scenery.latitude_deg, scenery.longitude_deg)
        self._sun_at = sun_at or sun_over(*place)
        self._air_at = air_at or drawn_air(self._seed, self._sun_at)
        land, deck, stars, light, noise = np.random.default_rng((self._seed, 4)).spawn(5)
        self.terrain = Terrain(self.outlook, land)
        steps = self.terrain.depth[::COARSE, ::COARSE].astype(np.float32) / 255
        distance_km = np.asarray(NEAREST_KM * (FARTHEST_KM / NEAREST_KM) ** steps, np.float32)
        self._deck = Deck(self.outlook, distance_km, self.terrain.top, deck)
        self._stars = Stars(self.outlook, *place, stars)
        self._lamps = lamps(self.outlook, self.terrain, light)
        height, width = self.outlook.size_px
        grain = noise.standard_normal((height + _SLACK_PX, width + _SLACK_PX, 1), np.float32)
        tint = noise.standard_normal((height + _SLACK_PX, width + _SLACK_PX, 3), np.float32)
        self._noise = grain * np.float32(0.9) + tint * np.float32(0.45)
        self._burns = [Burn(blaze, self.outlook, self.terrain, self._seed) for blaze in blazes]
        self._start_s = start_s

    def at(self, epoch_s: float) -> Moment:
        """Render the picture of a moment, in seconds since 1970 UTC."""
        sun, air = self._sun_at(epoch_s), self._air_at(epoch_s)
        light = daylight(sun, air.cover)
        height, width = self.outlook.size_px
        terrain = self.terrain
        pixels: Floats = np.empty((height, width, 3), np.float32)
        clouds = self._deck.sky(epoch_s, air.cover)
        self._paint_sky(pixels[: terrain.bottom], sun, light, clouds)
        if light.night > 0:
            self._stars.add(pixels, epoch_s, terrain, 1 - clouds, light.night)
        shadow = self._deck.shadow(epoch_s, air.cover) if light.sun.any() else None
        land = self._land(sun, light, shadow, air, epoch_s)
        band = slice(terrain.top, terrain.bottom)
        reach = terrain.bottom - terrain.top
        cover = terrain.cover[:reach, :, None]
        pixels[band] += cover * (land[:reach] - pixels[band])
        pixels[terrain.bottom :] = land[reach:]
        if light.night > 0:
            cv2.scaleAdd(self._lamps, light.night, pixels, dst=pixels)
        smoke: dict[str, Floats] = {}
        for burn in self._burns:
            laid = burn.lay(pixels, epoch_s - self._start_s - burn.blaze.at_s, light, air.visibility_km)
            if laid is not None:
                smoke[burn.blaze.fire] = laid
        return Moment(self._exposed(pixels, epoch_s, light.noise), smoke)

    def _paint_sky(self, rows: Floats, sun: Sun, light: Daylight, clouds: Floats) -> None:
        """Paint gradient, glow, clouds and the sun's disc into the upper (rows, W, 3)."""
        elevations = self.outlook.elevations_deg(COARSE)[: clouds.shape[0], None]
        bearings = self.outlook.bearings_deg(COARSE)[None]
        share = np.clip(elevations / 35, 0, 1) ** 0.6
        sky = light.low + share[..., None].astype(np.float32) * (light.zenith - light.low)
        aside = (bearings + self.outlook.heading_deg - sun.azimuth_deg + 180) % 360 - 180
        above = elevations - max(0.0, sun.elevation_deg)
        near = np.exp(-((aside / _GLOW_DEG[0]) ** 2) - (above / _GLOW_DEG[1]) ** 2)
        sky = sky + np.float32(light.glow) * near[..., None].astype(np.float32) * _GLOW
        body = (0.45 * light.white + 0.62 * light.low) * (1 - np.float32(0.3) * clouds[..., None])
        body += np.float32(0.6 * light.glow) * near[..., None].astype(np.float32) * _GLOW
        sky += np.float32(0.94) * np.minimum(1.6 * clouds, 1)[..., None] * (np.minimum(body, 250) - sky)
        width = self.outlook.size_px[1]
        grown = cv2.resize(np.asarray(sky, np.float32), (-(-width // COARSE) * COARSE, sky.shape[0] * COARSE))
        rows[:] = grown[: rows.shape[0], :width]
        if -1 < sun.elevation_deg < 60 and abs(float(aside[0, aside.shape[1] // 2])) < 70:
            self._paint_disc(rows, sun, light, clouds)

    def _paint_disc(self, rows: Floats, sun: Sun, light: Daylight, clouds: Floats) -> None:
        """Add the sun's disc where the camera sees it."""
        bearing = (sun.azimuth_deg - self.outlook.heading_deg + 180) % 360 - 180
        focal = self.outlook.focal_px
        column = self.outlook.column(bearing)
        row = self.outlook.horizon_row - focal * float(np.tan(np.radians(sun.elevation_deg)))
        spot = (int(row) // COARSE, int(column) // COARSE)
        inside = 0 <= spot[0] < clouds.shape[0] and 0 <= spot[1] < clouds.shape[1]
        if not inside:
            return
        radius = focal * float(np.radians(_SPOT_DEG))
        bell: Floats = np.zeros(rows.shape[:2], np.float32)

        add_bell(bell, (row, column), radius, 260.0)
        add_bell(bell, (row, column), 6 * radius, 70.0)
        clear = float(1 - min(1.0, 1.3 * float(clouds[spot])))
        tint = np.minimum(light.sun / max(float(light.sun.max()), 1e-3) + np.float32(0.25), 1)
        rows += bell[..., None] * (clear * tint).astype(np.float32)

    def _land(self, sun: Sun, light: Daylight, shadow: Floats | None, air: Air, epoch_s: float) -> Floats:
        """Return the land from `terrain.top` on, (rows, W, 3) float32."""
        terrain = self.terrain
        up, around = np.radians(sun.elevation_deg), np.radians(sun.azimuth_deg - self.outlook.heading_deg)
        lit: Floats | None = None
        if light.sun.any():
            towards = (np.cos(up) * np.sin(around), np.cos(up) * np.cos(around), max(0.02, float(np.sin(up))))
            level = cv2.addWeighted(terrain.right, float(towards[0]), terrain.away, float(towards[1]), 0.0)
            lit = np.asarray(np.maximum(cv2.scaleAdd(terrain.up, towards[2], level), 0), np.float32)
            if shadow is not None:
                lit *= _grown(1 - shadow, lit.shape)
        clear = np.asarray(cv2.LUT(terrain.depth, through(air.visibility_km)), np.float32)
        if air.fog > 0.01:
            clear *= self._fog(air.fog, epoch_s)
        planes = []
        for channel in range(3):
            own, haze = terrain.colours[channel], float(light.airlight[channel])
            if lit is None:
                plane = own * light.sky[channel]
            else:
                plane = lit * light.sun[channel]
                plane += light.sky[channel]
                plane *= own
            plane -= haze
            plane *= clear
            plane += haze
            planes.append(plane)
        return np.asarray(cv2.merge(planes), np.float32)

    def _fog(self, fog: float, epoch_s: float) -> Floats:
        """Return the share of the land's light that the fog in the valleys lets through; its banks drift."""
        bearings = np.radians(self.outlook.bearings_deg())
        slow, fast = epoch_s % 86400 / 900, epoch_s % 86400 / 400
        waves = (
            np.sin(5 * bearings + slow)
            + 0.6 * np.sin(13 * bearings - fast)
            + 0.3 * np.sin(31 * bearings + slow)
        )
        level = 1.2 - fog - 0.15 * waves
        clear = self.terrain.hollow - np.asarray(level, np.float32)
        clear *= np.float32(-_FOG_THICK / _FOG_SOFT)
        np.clip(clear, -_FOG_THICK, 0, out=clear)
        clear += 1
        return clear

    def _exposed(self, pixels: Floats, epoch_s: float, noise: float) -> Picture:
        """Add what the camera adds, and round."""
        rng = np.random.default_rng((self._seed, 6, round(epoch_s * 1000) % (1 << 62)))
        top, left = (int(at) for at in rng.integers(0, _SLACK_PX, 2))
        height, width = self.outlook.size_px
        gain = 1 + _FLICKER * float(rng.standard_normal())
        tile = self._noise[top : top + height, left : left + width]
        pixels = np.asarray(cv2.addWeighted(tile, noise, pixels, gain, 0.0), np.float32)
        return np.asarray(cv2.convertScaleAbs(np.maximum(pixels, 0, out=pixels)), np.uint8)


def _grown(coarse: Floats, size: tuple[int, ...]) -> Floats:
    whole = cv2.resize(np.asarray(coarse, np.float32), (coarse.shape[1] * COARSE, coarse.shape[0] * COARSE))
    return np.asarray(whole[: size[0], : size[1]], np.float32)
