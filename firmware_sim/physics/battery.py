"""A battery for 12 V: charge, voltage, temperature, and the cut-off that protects it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from firmware_sim.physics.controller import Controller
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.quantity import DAY_S, Real, Switch, Values

Name = Literal["lifepo4", "lead-acid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """What a kind of battery does.

    Attributes:
        rest_v: (11,) its voltage at rest at charges of 0, 0.1 … 1. Source: tables that sellers of batteries publish.
        efficiency: share of what flows in that comes out again. Assumed: 0.96 and 0.85 are usual.
        resistance_v: its inner resistance in Ω, times its capacity in Wh over its rest voltage. Assumed.
        self_discharge_day: share of its charge that it loses in a day at 20 °C; it doubles with each 10 K. Assumed:
            3 and 4 % a month.
        cold: share of its capacity that is left, at −20, 0 and 25 °C. Assumed, from discharge curves of data sheets.
        charge_c: below it, it takes no charge; None where cold harms no charging. Source: cells are specified so.
        cut_off_v, restart_v: at which the load is disconnected and connected again. Assumed: usual presets.
    """

    rest_v: tuple[float, ...]
    efficiency: float
    resistance_v: float
    self_discharge_day: float
    cold: tuple[float, float, float]
    charge_c: float | None
    cut_off_v: float
    restart_v: float


CHEMISTRIES: dict[Name, Chemistry] = {
    "lifepo4": Chemistry(
        rest_v=(10.0, 12.0, 12.8, 12.9, 13.0, 13.0, 13.1, 13.2, 13.3, 13.4, 13.6),
        efficiency=0.96,
        resistance_v=0.8,
        self_discharge_day=0.001,
        cold=(0.7, 0.9, 1.0),
        charge_c=0.0,
        cut_off_v=12.0,
        restart_v=13.0,
    ),
    "lead-acid": Chemistry(
        rest_v=(10.5, 11.31, 11.58, 11.75, 11.9, 12.06, 12.2, 12.32, 12.42, 12.5, 12.7),
        efficiency=0.85,
        resistance_v=2.0,
        self_discharge_day=0.0013,
        cold=(0.6, 0.82, 1.0),
        charge_c=None,
        cut_off_v=11.5,
        restart_v=12.6,
    ),
}
_CHARGES = np.linspace(0.0, 1.0, 11)
_COLD_C = np.array([-20.0, 0.0, 25.0])
_FULL = 0.995  # float begins
_AGAIN = 0.95  # … and ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A battery.

    Attributes:
        capacity_wh: at 25 °C; one battery's, or an array of batteries' to compare.
        chemistry: its kind.
    """

    capacity_wh: Real
    chemistry: Name = "lifepo4"

    def __post_init__(self) -> None:
        if self.chemistry not in CHEMISTRIES or not np.all(np.asarray(self.capacity_wh) > 0):
            kinds = ", ".join(CHEMISTRIES)
            raise PhysicsError(f"battery: got {self}; expected a capacity above 0 Wh and one of {kinds}")


@dataclass(frozen=True, slots=True)
class Cell:
    """How a battery is, between two steps; each field a number, or an array of the batteries' shape.

    Attributes:
        charge: share of the capacity at 25 °C, 0 to 1.
        on: whether the load is connected.
        floating: whether it was full and is kept so.
    """

    charge: Real
    on: Switch = True
    floating: Switch = False


@dataclass(frozen=True, slots=True)
class Flow:
    """What flowed during a step, on average.

    Attributes:
        voltage_v: at the terminals at its end.
        current_a: into the battery; negative while it discharges.
        served_w: what the load got.
        unused_w: what the panel could have given and nobody took.
    """

    voltage_v: Real
    current_a: Real
    served_w: Real
    unused_w: Real


def usable(chemistry: Name, temperature_c: Real) -> Values:
    """Return the share of the capacity that can be drawn at a temperature. Source: `Chemistry.cold`."""
    return np.asarray(np.interp(temperature_c, _COLD_C, CHEMISTRIES[chemistry].cold), dtype=np.float64)


def rest_v(battery: Battery, charge: Real, temperature_c: Real) -> Values:
    """Return the voltage at rest; the part of the charge that cold locks up counts as none."""
    share = usable(battery.chemistry, temperature_c)
    free = np.clip((np.asarray(charge) - 1 + share) / share, 0.0, 1.0)
    return np.asarray(np.interp(free, _CHARGES, CHEMISTRIES[battery.chemistry].rest_v), dtype=np.float64)


def settle(
    battery: Battery, cell: Cell, controller: Controller, offered_w: Real, load_w: Real, temperature_c: Real,
    seconds: float,
) -> tuple[Cell, Flow]:  # fmt: skip
    """Let a battery live through one step.

    Args:
        battery: which.
        cell: how it was.
        controller: up to which voltage it is charged.
        offered_w: what the controller could give.
        load_w: what the load wants; it gets it while connected.
        temperature_c: of the battery.
        seconds: the step's length; at most an hour, for voltage and cut-off are looked at once a step.

    Returns:
        How it is after the step, and what flowed. Charge never leaves 0 to 1.
    """
    kind = CHEMISTRIES[battery.chemistry]
    hours = seconds / 3600
    rest = rest_v(battery, cell.charge, temperature_c)
    ohm = kind.resistance_v * rest / np.asarray(battery.capacity_wh)
    wanted = np.where(cell.on, load_w, 0.0)
    surplus = np.asarray(offered_w) - wanted
    room_w = (1 - np.asarray(cell.charge)) * battery.capacity_wh / kind.efficiency / hours
    limit_v = np.where(cell.floating, controller.float_v, controller.absorption_v)
    taken = np.minimum(np.clip((limit_v - rest) / ohm, 0.0, None) * limit_v, room_w)
    if kind.charge_c is not None:
        taken = np.where(np.asarray(temperature_c) < kind.charge_c, 0.0, taken)
    inward = np.minimum(np.clip(surplus, 0.0, None), taken)
    held_w = np.asarray(cell.charge) * battery.capacity_wh / hours
    outward = np.minimum(np.clip(-surplus, 0.0, None), held_w)
    current = (inward - outward) / rest
    voltage = rest + current * ohm
    lost = kind.self_discharge_day * seconds / DAY_S * np.exp2((np.asarray(temperature_c) - 20) / 10)
    charge = cell.charge + (inward * kind.efficiency - outward) * hours / battery.capacity_wh
    charge = np.clip(charge * (1 - lost), 0.0, 1.0)
    on = np.where(cell.on, voltage > kind.cut_off_v, voltage >= kind.restart_v)
    floating = np.where(cell.floating, charge > _AGAIN, charge >= _FULL)
    unused = np.clip(surplus, 0.0, None) - inward
    served = np.clip(
        wanted - np.clip(-surplus, 0.0, None) + outward, 0.0, None
    )  # the controller's own comes first
    return Cell(charge, on, floating), Flow(voltage, current, served, unused)
