"""Where a plume is, seen from the tower: a bearing with its error, and the wedge on the map that it leaves.

The camera is taken for level, its lens for unknown: real ones lie between a rectilinear picture (x = tan θ) and an
equidistant one (x = θ), so a column of the picture is somewhere between what these two say. Distance is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

WEDGE_M = 30_000.0  # how long a wedge is drawn; it says nothing about the distance
_EARTH_M = 6_371_008.8
_ARC_DEG = 5.0  # between two points of a wedge's outer edge
_WHOLE_DEG = 360.0

Ring: TypeAlias = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class View:
    """Where a camera looks.

    Attributes:
        heading_deg: of the middle of its picture, clockwise from true north.
        fov_deg: from its left edge to its right one, below 180.
        error_deg: how far off the heading may be, to either side.
    """

    heading_deg: float
    fov_deg: float
    error_deg: float = 2.0


@dataclass(frozen=True, slots=True)
class Bearing:
    """A direction from a camera.

    Attributes:
        degrees: clockwise from true north, 0 up to 360.
        error_deg: what is looked for is within so much to either side.
    """

    degrees: float
    error_deg: float


def bearing(view: View, left: float, right: float) -> Bearing:
    """Return where what stands between two columns of a picture is.

    Args:
        view: where the camera looks.
        left: column, in fractions of the picture's width from its left edge.
        right: the other one.
    Returns:
        The middle of all directions that it may have; the error reaches to their ends, with that of the heading.
    Source: ours; decision 27.
    """
    low, high = min(_offsets_deg(view, left)), max(_offsets_deg(view, right))
    return Bearing(_turn(view.heading_deg + (low + high) / 2), (high - low) / 2 + view.error_deg)


def wedge(bearing_: Bearing, latitude: float, longitude: float, length_m: float = WEDGE_M) -> Ring:
    """Return the area in which what was seen is, as the ring of a GeoJSON polygon.

    Args:
        bearing_: from there.
        latitude: of the camera, in degrees north (WGS 84).
        longitude: of the camera, in degrees east.
        length_m: how far it is drawn.
    Returns:
        (longitude, latitude) of its corners, counter-clockwise, the first once more at the end. Longitudes go on beyond
        180 and -180, so that the ring is whole.
    Source: RFC 7946, 3.1.6; great circles on a sphere.
    """
    error_deg = min(bearing_.error_deg, _WHOLE_DEG / 2)
    steps = max(2, math.ceil(2 * error_deg / _ARC_DEG))
    right = bearing_.degrees + error_deg
    arc = [right - 2 * error_deg * step / steps for step in range(steps + 1)]
    camera = (round(longitude, 5), round(latitude, 5))
    return [camera, *(_away(latitude, longitude, one, length_m) for one in arc), camera]


def _offsets_deg(view: View, x: float) -> tuple[float, float]:
    """Return how far a column is from the middle by both kinds of lens, to the right of it above 0."""
    half = math.radians(view.fov_deg / 2)
    across = 2 * x - 1
    return math.degrees(math.atan(across * math.tan(half))), math.degrees(across * half)


def _turn(degrees: float) -> float:
    return degrees % _WHOLE_DEG


def _away(latitude: float, longitude: float, degrees: float, length_m: float) -> tuple[float, float]:
    """Return (longitude, latitude) of the place that lies so far in a direction."""
    north, course, angle = math.radians(latitude), math.radians(degrees), length_m / _EARTH_M
    there = math.asin(
        math.sin(north) * math.cos(angle) + math.cos(north) * math.sin(angle) * math.cos(course)
    )
    east = math.atan2(
        math.sin(course) * math.sin(angle) * math.cos(north),
        math.cos(angle) - math.sin(north) * math.sin(there),
    )
    return round(longitude + math.degrees(east), 5), round(math.degrees(there), 5)
