"""The weather of a landscape over days: clouds that come and go, mornings with fog in the valleys, clear air and haze.

Drawn for each hour from a seed, so that any moment can be asked for in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from firmware_sim.scene.sun import Sun, SunAt

_COVER_S, _HAZE_S = 3 * 3600, 9 * 3600
_FOGGY = 0.45  # of the mornings
_FOG_DEG, _FOG_WIDE_DEG = 4.0, 9.0  # height of the sun at which it is thickest, and how long it holds


@dataclass(frozen=True, slots=True)
class Air:
    """What hangs in the air.

    Attributes:
        cover: share of the sky with clouds, 0 to 1.
        fog: how high it stands in the valleys, 0 none, 1 up to the crests.
        visibility_km: at which contrast is down to 2%.
    """

    cover: float = 0.3
    fog: float = 0.0
    visibility_km: float = 45.0


AirAt: TypeAlias = Callable[[float], Air]  # of seconds since 1970 UTC


def drawn_air(seed: int, sun_at: SunAt) -> AirAt:
    """Return weather from a seed.

    Args:
        seed: chooses it.
        sun_at: fog stands in the morning.
    """

    def air_at(epoch_s: float) -> Air:
        cover = float(np.clip(1.5 * _smooth(seed, 1, epoch_s / _COVER_S) - 0.25, 0, 1))
        haze = _smooth(seed, 2, epoch_s / _HAZE_S)
        sun = sun_at(epoch_s)
        lot = (_lot(seed, 3, int(epoch_s // 86400)) - (1 - _FOGGY)) / _FOGGY
        return Air(cover, max(0.0, lot) * morning_fog(sun), 14.0 + 56.0 * haze)

    return air_at


def morning_fog(sun: Sun) -> float:
    """Return how high fog stands at this height of the morning's sun, 0 to 1; none in the afternoon."""
    if sun.azimuth_deg >= 180:
        return 0.0
    return float(np.exp(-(((sun.elevation_deg - _FOG_DEG) / _FOG_WIDE_DEG) ** 2)))


def _smooth(seed: int, what: int, at: float) -> float:
    """Return smooth noise around .5 over whole numbers."""
    index = int(np.floor(at))
    share = at - index
    share = share * share * (3 - 2 * share)
    return (1 - share) * _lot(seed, what, index) + share * _lot(seed, what, index + 1)


def _lot(seed: int, what: int, index: int) -> float:
    return float(np.random.default_rng((seed, what, index % (1 << 32))).random())
