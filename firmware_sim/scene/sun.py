"""The sun of a rendered landscape: where it stands, by place and time. Another one can be handed in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun's centre stands.

    Attributes:
        elevation_deg: above the horizon, without refraction.
        azimuth_deg: from north over east, 0 to 360.
    """

    elevation_deg: float
    azimuth_deg: float


SunAt: TypeAlias = Callable[[float], Sun]  # of seconds since 1970 UTC


def sun_over(latitude_deg: float, longitude_deg: float) -> SunAt:
    """Return the sun over a place, within a tenth of a degree.

    Args:
        latitude_deg: north positive.
        longitude_deg: east positive.
    Source: the low-precision formulas of the Astronomical Almanac (Michalsky, Solar Energy 40, 1988).
    """
    latitude = math.radians(latitude_deg)

    def sun_at(epoch_s: float) -> Sun:
        declination, right_ascension = _ecliptic(epoch_s)
        hour = math.radians(sidereal_deg(epoch_s, longitude_deg)) - right_ascension
        east = -math.cos(declination) * math.sin(hour)
        north = math.cos(latitude) * math.sin(declination)
        north -= math.sin(latitude) * math.cos(declination) * math.cos(hour)
        up = math.sin(latitude) * math.sin(declination)
        up += math.cos(latitude) * math.cos(declination) * math.cos(hour)
        return Sun(
            math.degrees(math.asin(max(-1.0, min(1.0, up)))), math.degrees(math.atan2(east, north)) % 360
        )

    return sun_at


def sidereal_deg(epoch_s: float, longitude_deg: float) -> float:
    """Return the right ascension that is due south (or north) now, in degrees: the stars turn by it."""
    hours = 6.697375 + 0.0657098242 * _days(epoch_s) + epoch_s / 3600 % 24
    return (15 * hours + longitude_deg) % 360


def _ecliptic(epoch_s: float) -> tuple[float, float]:
    """Return the sun's declination and right ascension, both in radians."""
    days = _days(epoch_s)
    mean = math.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    longitude = mean + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    return declination, math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))


def _days(epoch_s: float) -> float:
    """Days since noon of 2000-01-01."""
    return epoch_s / 86400 + 2440587.5 - 2451545.0
