"""The table at work: which bands are in force, by limits that overlap so that none flaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.detect.severity import Risk
from edge.governor.band import Band, Limits, minutes_of
from edge.governor.reading import QUANTITIES, Quantity, Readings

RETURN_S = 1800.0  # above the limit at which the lowest band is left, before it is
_NAME = {"charge": "charge", "voltage_v": "battery", "temperature_c": "SoC"}
_UNIT = {"voltage_v": " V", "temperature_c": " °C"}


@dataclass(frozen=True, slots=True)
class InForce:
    """A band that is in force.

    Attributes:
        band: which.
        why: for people.
    """

    band: Band
    why: str


@dataclass(slots=True)
class _Row:
    """A band and how it stands.

    Attributes:
        passed: quantities whose limit was passed and that have not come back.
        low_ns: when one of them was last seen short of its second limit; None where it never was. Of a cut-off only.
    """

    band: Band
    passed: set[Quantity] = field(default_factory=set)
    low_ns: int | None = None


class Table:
    """The bands of one tower; time is handed in.

    Args:
        bands: from the mildest to the harshest.
    """

    def __init__(self, bands: Sequence[Band]) -> None:
        self._rows = [_Row(band) for band in bands]
        self._seen: set[Quantity] = set()  # that were ever known

    def step(self, readings: Readings, risk: Risk, minute: int | None, now_ns: int) -> tuple[InForce, ...]:
        """Return the bands that are in force now, in the order of the table.

        A process that begins is in a cut-off while a reading is short of the limit at which that is left: the battery
        was cut off there, and is not charged yet.

        Args:
            readings: what is unknown passes no limit.
            risk: of fire.
            minute: of the local day; None where the clock is not trusted: a band with hours is not in force then.
            now_ns: monotonic time.
        """
        found = []
        for row in self._rows:
            why = self._stands(row, readings, risk, minute, now_ns)
            if why is not None:
                found.append(InForce(row.band, why))
        self._seen |= {quantity for quantity in QUANTITIES if getattr(readings, quantity) is not None}
        return tuple(found)

    def _stands(
        self, row: _Row, readings: Readings, risk: Risk, minute: int | None, now_ns: int
    ) -> str | None:
        """Return why a band is in force; None where it is not."""
        band, parts = row.band, []
        for quantity in QUANTITIES:
            limits: Limits | None = getattr(band, quantity)
            if limits is not None:
                parts += self._look(row, quantity, limits, getattr(readings, quantity))
        flags = [flag for flag in band.throttling if flag in (readings.throttling or ())]
        parts += flags
        if band.economy == "cut_off":
            return _returning(row, parts, now_ns)
        if band.limited and not parts:
            return None
        if band.risk:
            if risk not in band.risk:
                return None
            parts.append(f"fire risk {risk}")
        if band.hours is not None:
            if minute is None or not _within(minute, minutes_of(band.hours)):
                return None
            parts.append(f"{band.hours[0]} to {band.hours[1]}")
        return ", ".join(parts)

    def _look(self, row: _Row, quantity: Quantity, limits: Limits, value: float | None) -> list[str]:
        """See whether a limit is passed; return why, in one part or none."""
        enter, leave = limits
        above = enter > leave
        if value is None:
            row.passed.discard(quantity)
            return []
        if (value > enter) if above else (value < enter):
            row.passed.add(quantity)
        elif not ((value > leave) if above else (value < leave)):
            row.passed.discard(quantity)
        elif row.band.economy == "cut_off" and (quantity not in self._seen or row.low_ns is not None):
            row.passed.add(quantity)
        if quantity not in row.passed:
            return []
        until = f"{'below' if above else 'above'} {_shown(quantity, leave)}"
        return [f"{_NAME[quantity]} at {_shown(quantity, value)}, until {until}"]


def _returning(row: _Row, parts: list[str], now_ns: int) -> str | None:
    """Return why a cut-off is in force: it goes on for a while after the last low reading."""
    if parts:
        row.low_ns = now_ns
        return ", ".join(parts)
    if row.low_ns is None:
        return None
    left_s = RETURN_S - (now_ns - row.low_ns) / 1e9
    if left_s <= 0:
        row.low_ns = None
        return None
    return f"the battery recovers, {max(1, round(left_s / 60))} min more"


def _within(minute: int, span: tuple[int, int]) -> bool:
    first, last = span
    return first <= minute < last if first < last else minute >= first or minute < last


def _shown(quantity: Quantity, value: float) -> str:
    return f"{value:.0%}" if quantity == "charge" else f"{value:.4g}{_UNIT[quantity]}"
