"""One tower's sun, panel, battery, box and board, stepped by a clock from outside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from firmware_sim.physics.air import air_c
from firmware_sim.physics.battery import Battery, Cell, rest_v, settle
from firmware_sim.physics.controller import Controller, harvest_w
from firmware_sim.physics.enclosure import Enclosure, inside_c
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.physics.panel import Panel, panel_w, plane_w_m2, snow_after
from firmware_sim.physics.place import Place
from firmware_sim.physics.profile import Profile
from firmware_sim.physics.quantity import Real
from firmware_sim.physics.sun import clear_sky
from firmware_sim.physics.throttle import clock_share, flags_now, with_history
from firmware_sim.physics.weather import Weather, dim

Stage = Literal["off", "bulk", "absorption", "float"]
_GRID_S = 300.0
_STEP_S = 300.0  # longer steps are cut
_CONVERTER_V = 5.1
_SOC_LAG_S = 120.0
_LOW_POWER_W = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """All of a tower that is not the board.

    Attributes:
        place: where it stands.
        panel: its panel.
        controller: its charge controller.
        battery: its battery.
        enclosure: the box around battery and board.
    """

    place: Place
    panel: Panel
    battery: Battery
    controller: Controller = field(default_factory=Controller)
    enclosure: Enclosure = field(default_factory=Enclosure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How a tower is at the end of a step. Every figure is simulated.

    Attributes:
        time_s: Unix time.
        cover: share of the sky under cloud.
        plane_w_m2: what falls on the panel's plane.
        snow: share of the panel under snow.
        air_c: around the tower.
        panel_w: what the panel gave, after the controller held back what nobody took.
        charge: of the battery, 0 to 1 of its capacity at 25 °C.
        battery_v: at its terminals.
        battery_a: into it; negative while it discharges.
        stage: of the controller.
        on: whether the load is connected.
        load_w: drawn from the battery by the load.
        load_a: the same in A.
        board_w: at the board's input.
        supply_v: there, at the peak of its power.
        box_c: in the enclosure.
        soc_c: of the board's chip.
        throttled: the word of `vcgencmd get_throttled`.
        clock_share: the board's clock over its fastest.
    """

    time_s: float
    cover: float
    plane_w_m2: float
    snow: float
    air_c: float
    panel_w: float
    charge: float
    battery_v: float
    battery_a: float
    stage: Stage
    on: bool
    load_w: float
    load_a: float
    board_w: float
    supply_v: float
    box_c: float
    soc_c: float
    throttled: int
    clock_share: float


class Plant:
    """A tower's physics. It reads no clock: time is what `advance` is told.

    Args:
        site: its parts.
        profile: of its board.
        weather: of all the days it lives; its first hour is where it begins.
        charge: of the battery at the beginning.

    Raises:
        MissingExtraError: pvlib is not installed.
        PhysicsError: the charge is not a share.
    """

    def __init__(self, site: Site, profile: Profile, weather: Weather, charge: float = 1.0) -> None:
        if not 0 <= charge <= 1:
            raise PhysicsError(f"plant: got a charge of {charge}; expected a share from 0 to 1")
        self.site, self.profile = site, profile
        count = int(3600 * len(weather.cover) / _GRID_S) + 1
        times_s = weather.start_s + _GRID_S * np.arange(count, dtype=np.float64)
        sky = clear_sky(site.place, times_s)
        cover, thickness, warmth_c, falling = weather.at(times_s)
        light = dim(sky, cover, thickness)
        self._times_s, self._cover, self._falling = times_s, cover, falling
        self._global_w_m2 = light.global_w_m2
        self._plane_w_m2 = plane_w_m2(site.panel, sky, light)
        self._air_c = air_c(site.place, times_s, cover, warmth_c)
        self._cell = Cell(charge)
        self._snow: Real = 0.0
        self.moment = self._first(float(weather.start_s))

    def advance(
        self, seconds: float, board_w: float, *, peak_w: float | None = None, other_w: float = 0.0
    ) -> Moment:
        """Let time pass, and return how the tower is then.

        Args:
            seconds: how long.
            board_w: mean power at the board's input while it is on: `energy_of(…).total_j` over the seconds.
            peak_w: its highest power in that time, for the voltage there; the mean if absent.
            other_w: of cameras and modems with a supply of their own, from the battery.

        Raises:
            PhysicsError: time would run backwards, or past the end of the weather.
        """
        end_s = self.moment.time_s + seconds
        if seconds < 0 or end_s > self._times_s[-1]:
            raise PhysicsError(
                f"plant: cannot advance by {seconds:g} s; its weather ends at {self._times_s[-1]:.0f}"
            )
        peak_w = max(board_w, peak_w or 0.0)
        while seconds > 0:
            step_s = min(seconds, _STEP_S)
            self.moment = self._step(step_s, board_w, peak_w, other_w)
            seconds -= step_s
        return self.moment

    def cover_panel(self, snow: float) -> None:
        """Lay snow on a share of the panel, 0 to 1; it slides and melts from then on.

        Raises:
            PhysicsError: it is not a share.
        """
        if not 0 <= snow <= 1:
            raise PhysicsError(f"plant: got {snow} of the panel under snow; expected a share from 0 to 1")
        self._snow = snow
        self.moment = replace(self.moment, snow=snow)

    def _step(self, seconds: float, board_w: float, peak_w: float, other_w: float) -> Moment:
        site, profile, before = self.site, self.profile, self.moment
        time_s = before.time_s + seconds
        middle_s = before.time_s + seconds / 2
        air, plane, whole = (
            float(np.interp(middle_s, self._times_s, series))
            for series in (self._air_c, self._plane_w_m2, self._global_w_m2)
        )
        index = int((middle_s - self._times_s[0]) // _GRID_S)
        self._snow = snow_after(site.panel, self._snow, bool(self._falling[index]), plane, air, seconds)
        best_w = panel_w(site.panel, plane, air, self._snow)
        offered_w = harvest_w(site.controller, site.panel, best_w, before.battery_v)
        wanted_w = board_w / profile.supply.value + other_w
        own_w = site.controller.own_w
        offered = float(offered_w) - own_w
        self._cell, flow = settle(
            site.battery, self._cell, site.controller, offered, wanted_w, before.box_c, seconds
        )
        on = bool(self._cell.on)
        served_w = float(flow.served_w)
        power_w = board_w if on else 0.0
        box_c = float(inside_c(site.enclosure, before.box_c, air, whole, served_w + own_w, seconds))
        aim_c = box_c + profile.soc_k_w.value * power_w
        soc_c = aim_c + (before.soc_c - aim_c) * float(np.exp(-seconds / _SOC_LAG_S))
        supply_v = _CONVERTER_V - (peak_w if on else 0.0) / _CONVERTER_V * profile.wire_ohm.value
        now = flags_now(profile.board, soc_c, supply_v) if on else 0
        gone = before.throttled if before.on else 0  # a board without power forgets
        given_w = max(0.0, offered + own_w - float(flow.unused_w))
        volts = float(flow.voltage_v)
        return Moment(
            time_s=time_s,
            cover=float(np.interp(time_s, self._times_s, self._cover)),
            plane_w_m2=plane,
            snow=float(self._snow),
            air_c=air,
            panel_w=given_w,
            charge=float(self._cell.charge),
            battery_v=volts,
            battery_a=float(flow.current_a),
            stage=self._stage(given_w, float(flow.unused_w)),
            on=on,
            load_w=served_w,
            load_a=served_w / volts,
            board_w=power_w,
            supply_v=supply_v,
            box_c=box_c,
            soc_c=soc_c,
            throttled=with_history(now, gone) if on else 0,
            clock_share=clock_share(profile.board, soc_c, supply_v),
        )

    def _stage(self, given_w: float, unused_w: float) -> Stage:
        if given_w < _LOW_POWER_W and unused_w < _LOW_POWER_W:
            return "off"
        if bool(self._cell.floating):
            return "float"
        return "absorption" if unused_w > _LOW_POWER_W else "bulk"

    def _first(self, time_s: float) -> Moment:
        air = float(self._air_c[0])
        volts = float(rest_v(self.site.battery, self._cell.charge, air))
        return Moment(
            time_s=time_s, cover=float(self._cover[0]), plane_w_m2=float(self._plane_w_m2[0]), snow=0.0, air_c=air,
            panel_w=0.0, charge=float(self._cell.charge), battery_v=volts, battery_a=0.0, stage="off", on=True,
            load_w=0.0, load_a=0.0, board_w=0.0, supply_v=_CONVERTER_V, box_c=air, soc_c=air, throttled=0,
            clock_share=1.0,
        )  # fmt: skip
