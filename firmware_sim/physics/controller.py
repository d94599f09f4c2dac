"""A charge controller: what of the panel's power reaches the battery's terminals, and up to which voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.physics.panel import Panel
from firmware_sim.physics.quantity import Real

Kind = Literal["mppt", "pwm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """A charge controller.

    Attributes:
        kind: `mppt` finds the panel's best point; `pwm` joins panel and battery, so the panel works at the battery's
            voltage.
        efficiency: of a day. Assumed; the source says 0.98 at best.
        absorption_v: up to which it charges. Source: Victron SmartSolar MPPT 100/30 manual, specifications.
        float_v: at which it keeps a full battery. Source: the same.
        own_w: what it takes itself. Source: the same, 10 mA at 12 V.
    """

    kind: Kind = "mppt"
    efficiency: float = 0.95
    absorption_v: float = 14.4
    float_v: float = 13.8
    own_w: float = 0.12


def harvest_w(controller: Controller, panel: Panel, power_w: Real, battery_v: Real) -> Real:
    """Return what comes out of the controller when nothing limits it.

    Args:
        controller: which.
        panel: whose best power it is.
        power_w: of the panel at its best point.
        battery_v: at its terminals.
    """
    if controller.kind == "mppt":
        return power_w * controller.efficiency
    return power_w * controller.efficiency * np.minimum(1.0, np.asarray(battery_v) / panel.peak_v)
