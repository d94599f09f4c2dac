"""Where a tower stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_sim.physics.errors import PhysicsError

_SPELLING = "expected LATITUDE,LONGITUDE or LATITUDE,LONGITUDE,ALTITUDE in degrees and m, as 46.5,8.0,1200"
_ALTITUDE_M = (-430.0, 8850.0)


@dataclass(frozen=True, slots=True)
class Place:
    """A place on Earth.

    Attributes:
        latitude_deg: north is positive, −90 to 90.
        longitude_deg: east is positive, −180 to 180.
        altitude_m: above the sea.

    Raises:
        PhysicsError: it is not on Earth.
    """

    latitude_deg: float
    longitude_deg: float
    altitude_m: float = 0.0

    def __post_init__(self) -> None:
        least, most = _ALTITUDE_M
        good = abs(self.latitude_deg) <= 90 and abs(self.longitude_deg) <= 180
        if not (good and least <= self.altitude_m <= most):
            raise PhysicsError(f"place: got {self}; {_SPELLING}")

    def __str__(self) -> str:
        """Return it as `parse_place` reads it."""
        return f"{self.latitude_deg:g},{self.longitude_deg:g},{self.altitude_m:g}"

    @property
    def winter_month(self) -> int:
        """The month with the shortest days: December, or June south of the equator."""
        return 12 if self.latitude_deg >= 0 else 6


def parse_place(text: str) -> Place:
    """Read "46.5,8.0" or "46.5,8.0,1200".

    Raises:
        PhysicsError: it is neither, or not on Earth.
    """
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in {2, 3} or not all(map(math.isfinite, numbers)):
        raise PhysicsError(f"place: got '{text}'; {_SPELLING}")
    return Place(*numbers)
