"""What a tower of a scenario lives on, as its file says it: weather, power, and the link to who hears it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from firmware_sim.physics.battery import Name as Chemistry
from firmware_sim.physics.profile import PROFILES
from firmware_sim.physics.weather import CLIMATES
from firmware_sim.tower.duration import Duration
from firmware_sim.tower.plan import Sensor, SensorKind
from firmware_sim.tower.table import Degrees, Positive, Share, Span, Strict

Count = Annotated[int, Meta(gt=0, le=1 << 40)]


class Sky(Strict, frozen=True, kw_only=True):
    """Cloud and air, the same for the panel and in the rendered pictures; `[weather]` in the file.

    Attributes:
        climate: from which days are drawn.
        cover: instead, the share of cloud of each day; the last one holds on.
        fog: how high it stands in the valleys in the morning, 0 to 1; drawn if absent.
        visibility_km: drawn if absent.
        warmer_c: than the season's mean.
    """

    climate: str = "broken"
    cover: tuple[Share, ...] = ()
    fog: Share | None = None
    visibility_km: Annotated[float, Meta(ge=1, le=200)] | None = None
    warmer_c: Annotated[float, Meta(ge=-40, le=40)] = 0.0

    def __post_init__(self) -> None:
        if self.climate not in CLIMATES:
            raise ValueError(f"climate: got '{self.climate}'; there are {', '.join(CLIMATES)}")


class Snow(Strict, frozen=True, kw_only=True):
    """Snow that lies on the panel from a moment on.

    Attributes:
        at: when.
        share: of the panel.
    """

    at: Duration
    share: Share


class Broken(Span, frozen=True, kw_only=True):
    """A sensor that is broken for a while.

    Attributes:
        sensor: `charger`, `gauge` or `soc`.
        kind: `zero`, `stuck` or `silent`.
    """

    sensor: Sensor
    kind: SensorKind


class Power(Strict, frozen=True, kw_only=True):
    """What feeds the tower.

    Attributes:
        board: whose profile counts.
        panel_w: W peak.
        tilt_deg: from level; the latitude and 15°, at most 75°, if absent.
        azimuth_deg: where the panel faces, from north over east; the equator if absent.
        battery_wh: at 25 °C.
        chemistry: of the battery.
        charge: of the battery at the begin.
        other_w: of cameras and modems with a supply of their own.
        gauge: whether the kernel tells the battery's charge.
        snow: on the panel.
        broken: sensors.
    """

    board: str = "pi4"
    panel_w: Positive
    tilt_deg: Annotated[float, Meta(ge=0, le=90)] | None = None
    azimuth_deg: Degrees | None = None
    battery_wh: Positive
    chemistry: Chemistry = "lifepo4"
    charge: Share = 1.0
    other_w: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    gauge: bool = False
    snow: tuple[Snow, ...] = ()
    broken: tuple[Broken, ...] = ()

    def __post_init__(self) -> None:
        if self.board not in PROFILES:
            raise ValueError(f"board: got '{self.board}'; there are {', '.join(PROFILES)}")


class Link(Strict, frozen=True, kw_only=True):
    """The way to the sinks.

    Attributes:
        bytes_s: that it carries; any number if absent.
        minutes_an_hour: for how long of each hour it is there.
        delay: one way.
        outages: when it is away.
        quota_bytes: that a day may have, both ways; beyond, it is away until the next day of UTC.
    """

    bytes_s: Positive | None = None
    minutes_an_hour: Annotated[float, Meta(gt=0, le=60)] = 60.0
    delay: Duration = Duration(0.1)
    outages: tuple[Span, ...] = ()
    quota_bytes: Count | None = None


class Receiver(Strict, frozen=True, kw_only=True):
    """Who hears one sink of the tower.

    Attributes:
        unheard: when nobody listens behind it.
        away: when it is not there though the link is.
        swallowed: share of parcels whose acknowledgement is lost.
        largest_bytes: of one parcel; any if absent.
    """

    unheard: tuple[Span, ...] = ()
    away: tuple[Span, ...] = ()
    swallowed: Share = 0.0
    largest_bytes: Count | None = None
