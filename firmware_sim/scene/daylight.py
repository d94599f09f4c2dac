"""The light of a landscape by the height of the sun: colours of sky, haze and land as a camera shows them.

Automatic exposure is in the numbers: noon is not as much brighter than dusk as it is in lux.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.layer import Floats
from firmware_sim.scene.sun import Sun

_Colour = tuple[float, float, float]
# Chosen by eye. Height of the sun in degrees: zenith, low sky (grey levels); light of the sky and of the sun on land
_BY_HEIGHT: tuple[tuple[float, _Colour, _Colour, _Colour, _Colour], ...] = (
    (-18, (3, 4, 7), (5, 6, 9), (0.010, 0.012, 0.018), (0, 0, 0)),
    (-12, (4, 6, 12), (9, 11, 18), (0.020, 0.024, 0.036), (0, 0, 0)),
    (-6, (20, 30, 62), (72, 68, 84), (0.13, 0.14, 0.19), (0, 0, 0)),
    (-3, (48, 66, 112), (150, 124, 116), (0.28, 0.28, 0.33), (0, 0, 0)),
    (0, (74, 100, 152), (200, 166, 138), (0.36, 0.37, 0.42), (0.10, 0.05, 0.02)),
    (4, (88, 122, 178), (210, 190, 166), (0.40, 0.43, 0.48), (0.55, 0.36, 0.20)),
    (10, (86, 126, 186), (204, 206, 206), (0.42, 0.46, 0.52), (0.85, 0.68, 0.48)),
    (25, (78, 122, 190), (198, 211, 223), (0.44, 0.48, 0.54), (1.05, 0.95, 0.82)),
    (60, (70, 114, 188), (194, 209, 225), (0.45, 0.49, 0.55), (1.10, 1.03, 0.95)),
)
_GLOW = ((-12, 0.0), (-6, 0.5), (0, 1.0), (6, 0.7), (25, 0.25), (60, 0.15))
_GREY = 0.85  # how far an overcast sky loses its colour
_NIGHT_DEG, _DAY_DEG = -10.0, -2.0


@dataclass(frozen=True, slots=True)
class Daylight:
    """The light of one moment, all colours (3,) float32 RGB.

    Attributes:
        zenith, low: colours of the clear sky, above and at the horizon.
        airlight: what haze and fog add.
        sky: light of the sky on land, 1 is full.
        sun: light of the sun on land that faces it.
        glow: how much the sky glows around the sun, 0 to 1.
        night: 0 by day, 1 when it is dark.
        noise: standard deviation of the sensor's, in grey levels.
    """

    zenith: Floats
    low: Floats
    airlight: Floats
    sky: Floats
    sun: Floats
    glow: float
    night: float
    noise: float

    @property
    def white(self) -> Floats:
        """Colour of a white thing out there."""
        return np.asarray(np.minimum(252, 255 * (1.05 * self.sky + 0.5 * self.sun)), np.float32)


def daylight(sun: Sun, cover: float) -> Daylight:
    """Return the light under a sun.

    Args:
        sun: where it stands.
        cover: share of the sky with clouds, 0 to 1; many take the sun's light and all colour.
    """
    heights = [row[0] for row in _BY_HEIGHT]
    zenith, low, sky, direct = (
        np.array(
            [
                np.interp(sun.elevation_deg, heights, [_of(row, which)[channel] for row in _BY_HEIGHT])
                for channel in range(3)
            ],
            np.float32,
        )
        for which in range(4)
    )
    dull = np.float32(_GREY * cover * cover)
    zenith, low = (_greyed(colour, dull) for colour in (zenith, low))
    low *= np.float32(1 - 0.22 * cover * cover)
    zenith += dull * np.float32(0.7) * (low - zenith)
    glow = float(np.interp(sun.elevation_deg, [at for at, _ in _GLOW], [level for _, level in _GLOW])) * (
        1 - 0.9 * cover
    )
    night = float(np.interp(sun.elevation_deg, (_NIGHT_DEG, _DAY_DEG), (1, 0)))
    return Daylight(
        zenith,
        low,
        np.asarray(0.96 * low, np.float32),
        sky,
        np.asarray(direct * (1 - 0.85 * cover**3), np.float32),
        glow,
        night,
        2.0 + 2.0 * night,
    )


def _of(row: tuple[float, _Colour, _Colour, _Colour, _Colour], which: int) -> _Colour:
    return (row[1], row[2], row[3], row[4])[which]


def _greyed(colour: Floats, share: np.float32) -> Floats:
    grey: NDArray[np.float32] = np.full(3, 0.92 * float(colour.mean()), np.float32)
    return np.asarray(colour + share * (grey - colour), np.float32)
