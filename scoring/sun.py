"""Where the sun stands, to say what is night.

Source: the low-precision formulas of the Astronomical Almanac (Michalsky, Solar Energy 40, 1988).
"""

from __future__ import annotations

import math

NIGHT_DEG = -6.0  # end of civil twilight


def elevation_deg(epoch_s: float, latitude_deg: float, longitude_deg: float) -> float:
    """Return the height of the sun's centre above the horizon, without refraction.

    Args:
        epoch_s: seconds since 1970 UTC.
        latitude_deg: north positive.
        longitude_deg: east positive.
    """
    days = epoch_s / 86400 + 2440587.5 - 2451545.0
    mean = math.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = mean + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    right_ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal_h = (6.697375 + 0.0657098242 * days + epoch_s / 3600 % 24) % 24
    hour_angle = math.radians(15 * sidereal_h + longitude_deg) - right_ascension
    latitude = math.radians(latitude_deg)
    return math.degrees(
        math.asin(
            math.sin(latitude) * math.sin(declination)
            + math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
        )
    )
