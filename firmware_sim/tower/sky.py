"""One sun and one weather of a scenario, for the panel and for the rendered pictures alike."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edge.errors import MissingExtraError
from firmware_sim.physics.place import Place
from firmware_sim.physics.quantity import DAY_S
from firmware_sim.physics.sun import clear_sky
from firmware_sim.physics.weather import Weather, draw, of_days
from firmware_sim.scene.day import Air, AirAt, drawn_air, morning_fog
from firmware_sim.scene.sun import Sun, SunAt, sun_over
from firmware_sim.tower.need import Sky

_GRID_S = 120.0  # between two positions of the sun that are worked out


def weather_of(sky: Sky, seed: int, begin_s: float, lasts_s: float) -> Weather:
    """Return the weather of a scenario's days, which begin with it."""
    days = max(1, math.ceil(lasts_s / DAY_S))
    if sky.cover:
        stated = sky.cover[:days]
        weather = of_days((*stated, *(days - len(stated)) * stated[-1:]), begin_s)
    else:
        weather = draw(sky.climate, seed, begin_s, days)
    return replace(weather, warmth_c=weather.warmth_c + sky.warmer_c)


def sun_of(place: Place, begin_s: float, lasts_s: float) -> SunAt:
    """Return the panel's sun, from pvlib; by the almanac's short formulas where the extra `sim` is not installed."""
    try:
        count = math.ceil(lasts_s / _GRID_S) + 2
        sky = clear_sky(place, begin_s + _GRID_S * np.arange(count, dtype=np.float64))
    except MissingExtraError:
        return sun_over(place.latitude_deg, place.longitude_deg)
    azimuths_deg = np.degrees(np.unwrap(np.radians(sky.azimuth_deg)))

    def sun_at(epoch_s: float) -> Sun:
        zenith_deg, azimuth_deg = (
            float(np.interp(epoch_s, sky.times_s, series)) for series in (sky.zenith_deg, azimuths_deg)
        )
        return Sun(90 - zenith_deg, azimuth_deg % 360)

    return sun_at


def air_of(sky: Sky, weather: Weather, seed: int, sun_at: SunAt) -> AirAt:
    """Return the air of the pictures: clouds of the weather; fog and haze as stated, else drawn from the seed."""
    drawn = drawn_air(seed, sun_at)
    end_s = weather.start_s + DAY_S * len(weather.cover) / 24

    def air_at(epoch_s: float) -> Air:
        cover, *_ = weather.at(np.array((min(max(epoch_s, weather.start_s), end_s),)))
        air = drawn(epoch_s)
        fog = air.fog if sky.fog is None else sky.fog * morning_fog(sun_at(epoch_s))
        return Air(float(cover[0]), fog, sky.visibility_km or air.visibility_km)

    return air_at
