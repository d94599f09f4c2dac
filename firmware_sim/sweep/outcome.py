"""Many towers through the same winters at once: an array of points × years, one step after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.physics.battery import Battery, Cell, rest_v, settle
from firmware_sim.physics.controller import Controller, harvest_w
from firmware_sim.physics.enclosure import Enclosure, inside_c
from firmware_sim.physics.panel import Panel, panel_w, snow_after
from firmware_sim.physics.quantity import Values
from firmware_sim.sweep.winter import Winter


@dataclass(frozen=True, slots=True)
class Outcome:
    """How P towers came through Y winters.

    Attributes:
        off_s: (P, Y) how long the battery's cut-off kept the tower off.
        least_charge: (P, Y) the lowest charge of the battery.
        end_charge: (P, Y) its charge at the end.
    """

    off_s: Values
    least_charge: Values
    end_charge: Values

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(P, Y): no cut-off in that winter."""
        return np.asarray(self.off_s == 0, dtype=np.bool_)

    @property
    def share(self) -> Values:
        """(P,): share of the winters without cut-off."""
        return np.asarray(self.whole.mean(axis=1), dtype=np.float64)


def live(
    winter: Winter, panel: Panel, battery: Battery, load_w: Values, controller: Controller, enclosure: Enclosure,
    charge: float = 1.0,
) -> Outcome:  # fmt: skip
    """Let P towers live through all winters.

    Args:
        winter: Y winters of N steps; the sun is that of the panel's plane.
        panel: (P, 1) of W peak, in one position.
        battery: (P, 1) of Wh.
        load_w: (P, 1) drawn from the battery while it is connected, always the same.
        controller: for all.
        enclosure: for all; its heat is the whole load.
        charge: of every battery at the beginning.
    """
    years = winter.plane_w_m2.shape[1]
    shape = (len(load_w), years)
    cell = Cell(np.full(shape, charge), np.ones(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_))
    box_c = np.broadcast_to(winter.air_c[0], shape)
    volts = rest_v(battery, cell.charge, box_c)
    snow = np.zeros(years)
    off_s, least = np.zeros(shape), np.full(shape, charge)
    for plane, whole, air, falling in zip(
        winter.plane_w_m2, winter.global_w_m2, winter.air_c, winter.falling, strict=True
    ):
        snow = np.asarray(snow_after(panel, snow, falling, plane, air, winter.step_s))
        offered = harvest_w(controller, panel, panel_w(panel, plane, air, snow), volts) - controller.own_w
        cell, flow = settle(battery, cell, controller, offered, load_w, box_c, winter.step_s)
        volts = np.asarray(flow.voltage_v)
        box_c = np.asarray(
            inside_c(enclosure, box_c, air, whole, flow.served_w + controller.own_w, winter.step_s)
        )
        off_s += np.where(cell.on, 0.0, winter.step_s)
        least = np.minimum(least, cell.charge)
    return Outcome(off_s, least, np.asarray(cell.charge))
