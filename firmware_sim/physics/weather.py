"""Cloudiness, hour by hour, from a seed; and what it leaves of the sun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.quantity import Values
from firmware_sim.physics.sun import Sky

_HOURS = 24


@dataclass(frozen=True, slots=True)
class Climate:
    """How days follow one another; all figures are assumed.

    Attributes:
        shares: of clear, broken and overcast days.
        persistence: how likely a day is of yesterday's kind without a new draw.
    """

    shares: tuple[float, float, float]
    persistence: float = 0.0


CLIMATES = {
    "clear": Climate((1.0, 0.0, 0.0)),
    "broken": Climate((0.0, 1.0, 0.0)),
    "overcast": Climate((0.0, 0.0, 1.0)),
    # Late autumn and winter under low cloud: spells of grey days, as north of the Alps.
    "november": Climate((0.10, 0.22, 0.68), 0.5),
}
# A week in the middle of November: grey days, then light. Cover by day, for `of_days`.
NOVEMBER_WEEK = (1.0, 0.95, 1.0, 1.0, 0.6, 0.95, 0.2)
# By kind of day: the least and the most cover of an hour, and of the share that the thickest cloud lets through.
_COVER = np.array([(0.0, 0.15), (0.3, 0.9), (0.93, 1.0)])
_THICKNESS = np.array([(1.0, 1.0), (0.9, 1.0), (0.5, 1.0)])


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of D whole days.

    Attributes:
        start_s: Unix time of its first hour.
        cover: (24 D,) share of the sky under cloud at each hour, 0 to 1.
        thickness: (24 D,) how much of what such cloud usually lets through gets through, 0 to 1.
        warmth_c: (24 D,) by how much the air is warmer than the season's mean.
        falling: (24 D,) whether something falls; it is snow where the air is below 0 °C.
    """

    start_s: float
    cover: Values
    thickness: Values
    warmth_c: Values
    falling: NDArray[np.bool_]

    def at(self, times_s: Values) -> tuple[Values, Values, Values, NDArray[np.bool_]]:
        """Return cover, thickness, warmth and whether something falls at N moments, each (N,).

        Raises:
            PhysicsError: a moment is outside these days.
        """
        hours = (np.asarray(times_s, dtype=np.float64) - self.start_s) / 3600
        count = len(self.cover)
        if hours.min(initial=0) < 0 or hours.max(initial=0) > count:
            raise PhysicsError(
                f"weather: there are {count / _HOURS:g} days of it, and a moment is outside them"
            )
        knots = np.arange(count, dtype=np.float64)
        cover, thickness, warmth_c = (
            np.interp(hours, knots, series) for series in (self.cover, self.thickness, self.warmth_c)
        )
        return cover, thickness, warmth_c, self.falling[np.minimum(hours.astype(np.int64), count - 1)]


def draw(climate: str, seed: int, start_s: float, days: int) -> Weather:
    """Return the weather of a climate; the same seed gives the same days, however many are asked for.

    Raises:
        PhysicsError: there is no such climate.
    """
    if climate not in CLIMATES:
        raise PhysicsError(f"weather: got '{climate}'; there are {', '.join(CLIMATES)}")
    chosen = CLIMATES[climate]
    rng, cloud, depth, rain, shower = (np.random.default_rng((seed, series)) for series in range(5))
    kinds = np.empty(days, dtype=np.int64)
    warm = np.empty(days)
    kind, above_c = int(rng.choice(3, p=chosen.shares)), 0.0
    for day in range(days):
        if rng.random() >= chosen.persistence:
            kind = int(rng.choice(3, p=chosen.shares))
        above_c = 0.8 * above_c + float(rng.normal(0.0, 2.4))  # days resemble their neighbours; σ = 4 K
        kinds[day], warm[day] = kind, above_c
    hourly = np.repeat(kinds, _HOURS)
    cover = _between(_COVER[hourly], cloud.random(days * _HOURS))
    thickness = _between(_THICKNESS[hourly], np.repeat(depth.random(days), _HOURS))
    wet = np.repeat(rain.random(days) < 0.4, _HOURS) & (hourly == 2)
    falling = wet & (shower.random(days * _HOURS) < 0.3)
    return Weather(start_s, cover, thickness, np.repeat(warm, _HOURS), falling)


def of_days(covers: tuple[float, ...], start_s: float) -> Weather:
    """Return days whose cloud cover is stated and stays the same all day; nothing falls.

    Raises:
        PhysicsError: there is no day, or a cover is not a share.
    """
    if not covers or not all(0 <= cover <= 1 for cover in covers):
        raise PhysicsError(f"weather: got covers {covers}; expected one share from 0 to 1 for each day")
    hours = len(covers) * _HOURS
    cover = np.repeat(np.asarray(covers, dtype=np.float64), _HOURS)
    return Weather(start_s, cover, np.ones(hours), np.zeros(hours), np.zeros(hours, dtype=np.bool_))


def _between(limits: Values, share: Values) -> Values:
    return np.asarray(limits[:, 0] + share * (limits[:, 1] - limits[:, 0]), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Light:
    """What the clouds leave, at N moments.

    Attributes:
        global_w_m2: (N,) on level ground.
        beam_w_m2: (N,) on a plane that faces the sun.
        diffuse_w_m2: (N,) from the sky, on level ground.
    """

    global_w_m2: Values
    beam_w_m2: Values
    diffuse_w_m2: Values


def cloud_factor(cover: Values, thickness: Values) -> Values:
    """Return the share of the clear sky's global light that is left.

    Source: Kasten and Czeplak 1980, 1 − 0.75 c^3.4; the thickness of the cloud is ours.
    """
    through = 1 - 0.75 * np.power(cover, 3.4)
    return np.asarray(through * (1 - cover + cover * thickness), dtype=np.float64)


def dim(sky: Sky, cover: Values, thickness: Values) -> Light:
    """Return the light below clouds, each (N,).

    Source: `cloud_factor` for all of it. The sun itself shines through the gaps: its share is that of the open sky. A
    formula by the clearness of the air alone (Erbs 1982) takes a clear low sun for a hazy one.
    """
    whole = sky.global_w_m2 * cloud_factor(cover, thickness)
    beam = sky.beam_w_m2 * (1 - cover)
    upright = np.clip(np.cos(np.radians(sky.zenith_deg)), 0.0, None)
    return Light(whole, beam, np.clip(whole - beam * upright, 0.0, None))
