"""What is to be run: one scenario as Python objects, by which clock ever. `firmware_sim.tower.fast` runs it.

Times that end in `at_s`, `from_s` and `to_s` are seconds from the scenario's begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from edge.settings import Settings
from firmware_sim.footage.fault import StreamFaults
from firmware_sim.footage.shot import Footage
from firmware_sim.physics.plant import Site
from firmware_sim.physics.profile import Profile
from firmware_sim.physics.weather import Weather
from firmware_sim.tower.run import Kind

NEWEST = "newest"  # as an event in a person's words: the newest one that they heard of

Sensor: TypeAlias = Literal["charger", "gauge", "soc"]
SensorKind: TypeAlias = Literal["zero", "stuck", "silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time.

    Attributes:
        from_s: its begin.
        to_s: its end, excluded; None: the scenario's.
    """

    from_s: float
    to_s: float | None = None

    def holds(self, now_s: float) -> bool:
        """Say whether a moment is within it, in seconds from the scenario's begin."""
        return self.from_s <= now_s and (self.to_s is None or now_s < self.to_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one camera shows.

    Attributes:
        footage: open, with the faults of its picture (`Faulty`); whoever made the plan closes it.
        kind: of it.
        faults: of its stream.
    """

    footage: Footage
    kind: Kind
    faults: StreamFaults = field(default_factory=StreamFaults)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFault:
    """A sensor that is broken for a while.

    Attributes:
        sensor: `charger`: what speaks VE.Direct; `gauge`: the battery's charge as the kernel tells it; `soc`: the
            board's temperature.
        kind: `zero`: it says 0; `stuck`: what it said at the begin; `silent`: nothing.
        span: when.
    """

    sensor: Sensor
    kind: SensorKind
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Snow:
    """Snow that lies on the panel from a moment on, until it slides or melts.

    Attributes:
        at_s: when.
        share: of the panel, 0 to 1.
    """

    at_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What feeds the tower. Its charger is there where `Settings.governor.ve_direct` names a port.

    Attributes:
        site: place, panel, battery, box.
        profile: of the board.
        weather: begins with the scenario, and lasts as long at least.
        charge: of the battery at the begin, 0 to 1.
        other_w: of cameras and modems with a supply of their own.
        gauge: whether the kernel tells the battery's charge.
        monitor: whether an INA226 measures the board.
        shunt: whether the charger tells the charge, too.
        broken: sensors that are.
        snow: on the panel.
    """

    site: Site
    profile: Profile
    weather: Weather
    charge: float = 1.0
    other_w: float = 0.0
    gauge: bool = False
    monitor: bool = True
    shunt: bool = False
    broken: tuple[SensorFault, ...] = ()
    snow: tuple[Snow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The radio link of the tower; all its sinks share it.

    Attributes:
        outages: when it is away.
        minutes_an_hour: for how long of each hour it is there, from the full hour of UTC on.
        bytes_s: it carries; None: any number.
        delay_s: one way.
        quota_bytes: that the carrier lets through, both ways; beyond, it is away until the next day or month of UTC.
        quota: of what `quota_bytes` is.
    """

    outages: tuple[Span, ...] = ()
    minutes_an_hour: float = 60.0
    bytes_s: float | None = None
    delay_s: float = 0.1
    quota_bytes: int | None = None
    quota: Literal["day", "month"] = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who hears a sink of the tower.

    Attributes:
        unheard: when a broker takes messages, but nobody listens behind it.
        away: when it is not there though the link is.
        swallowed: share of parcels whose acknowledgement is lost, so that they come again.
        largest_bytes: of one parcel; None: any.
    """

    unheard: tuple[Span, ...] = ()
    away: tuple[Span, ...] = ()
    swallowed: float = 0.0
    largest_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What a person tells the tower.

    Attributes:
        at_s: when; where they have not heard of the tower yet, or the link is away, it goes later.
        command: of `edge.uplink.command.KINDS`.
        arguments: of it. `event` may be `newest`; without one, nothing is said.
        sink: that it goes through; None: the first that can carry it.
    """

    at_s: float
    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sink: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One scenario.

    Attributes:
        name, purpose: for people.
        settings: of the tower. Its cameras are live ones, such as `rtsp://simulated.invalid/north`: nobody connects to
            them. Neither are its sinks connected to; `store.path`, `operators` and `web` are passed over.
        cameras: what each of `settings.cameras` shows.
        begin_s: seconds since 1970 UTC.
        lasts_s: seconds.
        seed: of everything that is drawn here; footage, faults and weather have their own.
        power: None: the board is fed for ever, and nothing is said of its power.
        unplugged: when somebody has pulled the board's plug.
        line: to the sinks.
        receivers: by sink; one that is not named hears everything.
        said: by people.
        untrusted: when the board's wall clock is not synchronised; it goes right all the same.
        late_s: after how many seconds a message counts as late.
        demands: as the scenario has them.
        sample_s: between two samples of the run.
    """

    name: str
    purpose: str
    settings: Settings
    cameras: Mapping[str, View]
    begin_s: float
    lasts_s: float
    seed: int = 0
    power: Power | None = None
    unplugged: tuple[Span, ...] = ()
    line: Line = field(default_factory=Line)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    said: tuple[Say, ...] = ()
    untrusted: tuple[Span, ...] = ()
    late_s: float = 600.0
    demands: Mapping[str, float] = field(default_factory=dict)
    sample_s: float = 60.0

    @property
    def end_s(self) -> float:
        """Seconds since 1970 UTC."""
        return self.begin_s + self.lasts_s
