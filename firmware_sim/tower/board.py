"""The board of a simulated tower and what feeds it: its counted work becomes power, and the daemon sees the result.

Sensors have a little noise: one that says the same to the last digit for hours is taken for stuck, as it should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.device.command import RunCommand
from edge.device.ve_direct import Port
from edge.errors import DeviceError
from firmware_sim.body import Body
from firmware_sim.physics.plant import Moment, Plant
from firmware_sim.physics.quantity import DAY_S
from firmware_sim.physics.work import Work, energy_of
from firmware_sim.tower.air import held
from firmware_sim.tower.clock import NS, SimClock
from firmware_sim.tower.plan import Plan, Power, Sensor
from firmware_sim.tower.run import Day
from firmware_sim.vedirect import Cable, Charger

NOISE_V, NOISE_C = 0.004, 0.15  # standard deviations; assumed
_HOUR_S = 3600.0


@dataclass(slots=True)
class Doing:
    """What the board does just now.

    Attributes:
        on: whether it has power.
        asleep: whether the governor has the cameras closed.
        cameras: that are open.
    """

    on: bool = False
    asleep: bool = False
    cameras: int = 0


class Board:
    """One board, its power and its sensors. Without `Plan.power` it is fed for ever, and says nothing of it.

    Args:
        plan: of the scenario.
        clock: simulated.
        root: an empty folder, which stands for `/`.

    Attributes:
        doing: what it does; call `pass_time` before it changes.
        days: energy by day, up to the last `advance`.
    """

    def __init__(self, plan: Plan, clock: SimClock, root: Path) -> None:
        self.root = root
        self.doing = Doing()
        self.days: list[Day] = []
        self._plan, self._clock, self._power = plan, clock, plan.power
        self._since_ns = self._advanced_ns = clock.now_ns
        self._work = Work()
        self._noise = np.random.default_rng((plan.seed, 43))
        self._held: dict[Sensor, Moment] = {}
        self._snow = () if plan.power is None else plan.power.snow
        self._plant: Plant | None = None
        self._body: Body | None = None
        self._charger: Charger | None = None
        if plan.power is not None:
            power = plan.power
            self._plant = Plant(power.site, power.profile, power.weather, power.charge)
            self._body = Body(root, power.profile, gauge=power.gauge, monitor=power.monitor, shared=False)
            self._charger = Charger(power.site.panel, shunt=power.shunt)

    @property
    def moment(self) -> Moment | None:
        """How the tower was at the last `advance`; None without power."""
        return None if self._plant is None else self._plant.moment

    @property
    def fed(self) -> bool:
        """Whether the board has power to run."""
        pulled = held(self._plan.unplugged, self._clock.now_s() - self._plan.begin_s)
        return not pulled and (self._plant is None or self._plant.moment.on)

    def boot(self, boot_id: str) -> None:
        """Write what a boot writes."""
        file = self.root / "proc/sys/kernel/random/boot_id"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{boot_id}\n")
        self._show()

    def count(
        self, *, decoded_mp: float = 0.0, converted_mp: float = 0.0, scored: int = 0, sent: int = 0
    ) -> None:
        """Count work that was just done."""
        self._work += Work(decoded_mp=decoded_mp, converted_mp=converted_mp, scored=scored, sent_bytes=sent)

    def pass_time(self) -> None:
        """Count the time since the last call as what the board did."""
        seconds, self._since_ns = (self._clock.now_ns - self._since_ns) / NS, self._clock.now_ns
        doing = self.doing
        if doing.on and seconds:
            self._work += Work(
                awake_s=0.0 if doing.asleep else seconds,
                asleep_s=seconds if doing.asleep else 0.0,
                camera_s=doing.cameras * seconds,
            )

    def advance(self) -> None:
        """Let sun, battery and heat live through the time since the last call, and show the daemon how they are."""
        self.pass_time()
        if self._plant is None or self._power is None:
            return
        at_s, seconds = self._advanced_ns / NS, (self._clock.now_ns - self._advanced_ns) / NS
        if seconds <= 0:
            return
        work, self._work = self._work, Work()
        self._advanced_ns = self._clock.now_ns
        energy = energy_of(self._power.profile, work)
        while self._snow and self._snow[0].at_s <= self._clock.now_s() - self._plan.begin_s:
            self._plant.cover_panel(self._snow[0].share)
            self._snow = self._snow[1:]
        moment = self._plant.advance(seconds, energy.total_j / seconds, other_w=self._power.other_w)
        self._enter(
            at_s, energy.joules, moment.panel_w * seconds / _HOUR_S, moment.load_w * seconds / _HOUR_S
        )
        if self.doing.on:
            self._show()

    def cable(self, _path: Path) -> Port:
        """Return the line of the charge controller; an `edge.device.ve_direct.OpenPort`.

        Raises:
            OSError: there is none.
        """
        if self._charger is None:
            raise OSError(2, "No such file or directory")
        return Cable(self._charger, self._said)

    @property
    def vcgencmd(self) -> RunCommand:
        """What runs a program on the board."""
        return _refuse if self._body is None else self._body.run

    def _said(self) -> Moment | None:
        """Return what the charger says of now; None where it is silent."""
        seen, silent = self._seen()
        return None if "charger" in silent else seen

    def _show(self) -> None:
        if self._body is not None:
            seen, silent = self._seen()
            if seen is not None:
                self._body.show(seen, silent - {"charger"})

    def _seen(self) -> tuple[Moment | None, set[Sensor]]:
        """Return how the tower is as its sensors have it, and which of them are silent."""
        if self._plant is None or self._power is None:
            return None, set()
        true = self._plant.moment
        volts, warm = self._noise.normal(0.0, (NOISE_V, NOISE_C))
        seen = replace(true, battery_v=true.battery_v + float(volts), soc_c=true.soc_c + float(warm))
        return self._broken(self._power, seen)

    def _broken(self, power: Power, seen: Moment) -> tuple[Moment, set[Sensor]]:
        now_s, silent = self._clock.now_s() - self._plan.begin_s, set[Sensor]()
        for fault in power.broken:
            if not fault.span.holds(now_s):
                self._held.pop(fault.sensor, None)
                continue
            stuck = self._held.setdefault(fault.sensor, seen)
            zero = fault.kind == "zero"
            if fault.kind == "silent":
                silent.add(fault.sensor)
            elif fault.sensor == "charger":
                seen = replace(seen, battery_v=0.0 if zero else stuck.battery_v)
            elif fault.sensor == "gauge":
                seen = replace(seen, charge=0.0 if zero else stuck.charge)
            else:
                seen = replace(seen, soc_c=0.0 if zero else stuck.soc_c)
        return seen, silent

    def _enter(self, at_s: float, joules: dict[str, float], panel_wh: float, load_wh: float) -> None:
        """Count energy in the day of UTC in which its step began."""
        last = self.days[-1] if self.days else None
        if last is None or last.from_s // DAY_S != at_s // DAY_S:
            last = Day(from_s=at_s, joules={}, panel_wh=0.0, load_wh=0.0)
            self.days.append(last)
        self.days[-1] = Day(
            from_s=last.from_s,
            joules={name: last.joules.get(name, 0.0) + more for name, more in joules.items()},
            panel_wh=last.panel_wh + panel_wh,
            load_wh=last.load_wh + load_wh,
        )


def _refuse(arguments: Sequence[str]) -> str:
    raise DeviceError(f"{' '.join(arguments)}: there is no such program on a board without power")
