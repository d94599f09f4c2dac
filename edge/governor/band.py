"""The table of bands as data: overlapping limits of what is read, and how far the economies of each go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from edge.detect.severity import Risk
from edge.device.device import Throttle

Economy: TypeAlias = Literal["pictures", "page", "threads", "cadence", "sleep", "cut_off"]
ECONOMIES: tuple[Economy, ...] = get_args(Economy)  # in this order: each holds those before it
Limits: TypeAlias = tuple[float, float]
Chemistry: TypeAlias = Literal["lead-acid", "lifepo4"]

NOMINAL_V = 12.0  # of the battery that the built-in limits are for
_HOUR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: it is in force while one of its limits is passed, and its hours and its risk are met.

    A limit is (enter, leave). Between the two it stays as it is.

    Attributes:
        name: for people, metrics and messages.
        economy: the last one; all before it in `ECONOMIES` are in force with it.
        charge: state of charge, 0 to 1: below the first, until above the second.
        voltage_v: of the battery, in the same way.
        temperature_c: of the SoC: above the first, until below the second.
        throttling: any of these flags.
        risk: of fire; any if empty.
        hours: from and to, local `HH:MM`; past midnight where the second is the earlier one.
        cadence: 0 is each camera's own cadence, 1 the slowest that the model was trained for.
        sleep_s: for how long cameras are closed at a time.
        watch_s: for how long they watch between two such times.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
    economy: Economy
    charge: Limits | None = None
    voltage_v: Limits | None = None
    temperature_c: Limits | None = None
    throttling: tuple[Throttle, ...] = ()
    risk: tuple[Risk, ...] = ()
    hours: tuple[str, str] | None = None
    cadence: Annotated[float, Meta(ge=0, le=1)] = 1.0
    sleep_s: Annotated[float, Meta(ge=300, le=86_400)] = 1800.0
    watch_s: Annotated[float, Meta(ge=300, le=86_400)] = 900.0

    @property
    def economies(self) -> tuple[Economy, ...]:
        """All that are in force with it, in their order."""
        return ECONOMIES[: ECONOMIES.index(self.economy) + 1]

    @property
    def limited(self) -> bool:
        """Whether a sensor is asked at all."""
        return bool(self.charge or self.voltage_v or self.temperature_c or self.throttling)

    def check(self) -> None:
        """See that it is one.

        Raises:
            ValueError: what is wrong, beginning with the key.
        """
        for key, limits in (("charge", self.charge), ("voltage_v", self.voltage_v)):
            if limits is not None and not 0 < limits[0] < limits[1]:
                raise ValueError(
                    f"{key}: it is entered below {limits[0]:g} and must be left above more than that"
                )
        if self.charge is not None and self.charge[1] > 1:
            raise ValueError(f"charge: expected shares of 1, got {self.charge[1]:g}")
        heat = self.temperature_c
        if heat is not None and not heat[0] > heat[1]:
            raise ValueError(
                f"temperature_c: it is entered above {heat[0]:g} and must be left below less than that"
            )
        if self.hours is not None:
            minutes_of(self.hours)
        if not (self.limited or self.hours or self.risk):
            raise ValueError("it has no limit, and would always be in force")
        if self.economy != "cut_off":
            return
        if self.temperature_c or self.throttling or self.risk or self.hours or not self.limited:
            raise ValueError(
                "cut_off: has limits of charge or voltage_v alone, for it overrides an open event"
            )


def minutes_of(hours: tuple[str, str]) -> tuple[int, int]:
    """Return minutes of the day.

    Raises:
        ValueError: one is no `HH:MM`, or both are the same.
    """
    found = [_HOUR.fullmatch(hour) for hour in hours]
    if None in found or hours[0] == hours[1]:
        raise ValueError(f"hours: expected two different times such as '21:00', got {list(hours)}")
    first, second = (int(match[1]) * 60 + int(match[2]) for match in found if match is not None)
    return first, second


def check_bands(bands: Sequence[Band]) -> None:
    """See that rows make a table.

    Raises:
        ValueError: what is wrong, beginning with the number of the row and its key.
    """
    names: set[str] = set()
    for number, band in enumerate(bands):
        try:
            band.check()
        except ValueError as error:
            raise ValueError(f"[{number}].{error}") from None
        if band.name in names:
            raise ValueError(f"[{number}].name: there are two of '{band.name}'")
        names.add(band.name)


_BUILT_IN = (
    Band(name="save", economy="threads", charge=(0.50, 0.60), voltage_v=(12.3, 12.6), temperature_c=(75, 68)),
    Band(
        name="hot",
        economy="cadence",
        cadence=0.5,
        temperature_c=(80, 72),
        throttling=("throttled", "soft-temperature-limit"),
    ),
    Band(
        name="low-risk",
        economy="cadence",
        cadence=0.5,
        risk=("low",),
        charge=(0.60, 0.70),
        voltage_v=(12.4, 12.7),
    ),
    Band(
        name="slow",
        economy="cadence",
        charge=(0.35, 0.45),
        voltage_v=(12.1, 12.5),
        throttling=("under-voltage",),
    ),
    Band(
        name="night",
        economy="sleep",
        hours=("21:00", "05:00"),
        charge=(0.30, 0.40),
        voltage_v=(12.0, 12.4),
        sleep_s=3600,
    ),
    Band(name="sleep", economy="sleep", charge=(0.20, 0.30), voltage_v=(11.8, 12.3)),
    Band(name="last", economy="cut_off", charge=(0.08, 0.20), voltage_v=(11.6, 12.2)),
)


_LIFEPO4_V: dict[str, Limits] = {  # in place of a lead-acid battery's
    "save": (13.0, 13.15),
    "low-risk": (13.05, 13.2),
    "slow": (12.9, 13.1),
    "night": (12.85, 13.05),
    "sleep": (12.75, 13.0),
    "last": (12.4, 12.9),
}


def built_in(battery_v: float = NOMINAL_V, chemistry: Chemistry = "lead-acid") -> tuple[Band, ...]:
    """Return the built-in table.

    Args:
        battery_v: nominal voltage; the limits of the 12 V battery are scaled to it.
        chemistry: of the battery; limits of charge are the same for both.

    Source: ours, assumed: no battery was measured. Under a load of a few watts a lead-acid battery of 12 V rests near
    12.2 V half charged and near 11.8 V nearly empty, and controllers cut a load off at 11.5 V or below. A LiFePO4
    battery holds 13.0 V at half its charge and 12.8 V at a fifth, then falls within a tenth of it; its load is cut off
    near 12.0 V.
    """
    scale = battery_v / NOMINAL_V

    def scaled(band: Band) -> Band:
        if band.voltage_v is None:
            return band
        low, high = _LIFEPO4_V[band.name] if chemistry == "lifepo4" else band.voltage_v
        return msgspec.structs.replace(band, voltage_v=(round(low * scale, 3), round(high * scale, 3)))

    return tuple(map(scaled, _BUILT_IN))
