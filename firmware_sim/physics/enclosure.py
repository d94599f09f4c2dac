"""The box that holds board and battery: it warms in the sun and by what is in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_sim.physics.quantity import Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A box. All figures are assumed: a light plastic box of 30 cm with a battery of some kg.

    Attributes:
        heat_j_k: its heat capacity with all that is in it.
        loss_w_k: what it gives to the air for each K above it.
        sun_m2: area that faces the sun, times the share of the light that it keeps.
    """

    heat_j_k: float = 20_000.0
    loss_w_k: float = 1.5
    sun_m2: float = 0.03


def inside_c(
    enclosure: Enclosure, before_c: Real, air_c: Real, global_w_m2: Real, power_w: Real, seconds: float
) -> Real:
    """Return the temperature inside after a step, exactly, for what stays the same during it.

    Args:
        enclosure: which.
        before_c: inside, before.
        air_c: around it.
        global_w_m2: the sun on level ground.
        power_w: what all that is in it turns into heat.
        seconds: the step's length.
    """
    end_c = air_c + (power_w + enclosure.sun_m2 * global_w_m2) / enclosure.loss_w_k
    share = math.exp(-seconds * enclosure.loss_w_k / enclosure.heat_j_k)
    return end_c + (before_c - end_c) * share
