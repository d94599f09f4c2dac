"""The temperature of the air, by place, season, hour and cloud. All figures are assumed: round ones for land."""

from __future__ import annotations

import numpy as np

from firmware_sim.physics.place import Place
from firmware_sim.physics.quantity import DAY_S, Values

_YEAR_S = 365.25 * DAY_S
_COLDEST_DAY = 20  # of January, in the north
_WARMEST_HOUR = 15.0


def air_c(place: Place, times_s: Values, cover: Values, warmth_c: Values) -> Values:
    """Return the air's temperature, (N,).

    Args:
        place: the mean of its year is 30 °C at the equator and 0.4 K less for each degree of latitude, and 6.5 K less
            for each km of altitude.
        times_s: (N,) Unix times.
        cover: (N,) cloud, which halves the swing of a day and more.
        warmth_c: (N,) of the weather, added.
    """
    latitude = abs(place.latitude_deg)
    mean = 30.0 - 0.4 * latitude - 0.0065 * place.altitude_m
    season = np.cos(2 * np.pi * ((times_s % _YEAR_S) / _YEAR_S - _COLDEST_DAY / 365))
    north = 1.0 if place.latitude_deg >= 0 else -1.0
    hour = (times_s % DAY_S) / 3600 + place.longitude_deg / 15
    swing = 5.0 * (1 - 0.7 * cover) * np.cos(2 * np.pi * (hour - _WARMEST_HOUR) / 24)
    return np.asarray(mean - north * 0.2 * latitude * season + swing + warmth_c, dtype=np.float64)
