"""Planted fires: evidence about conditions and rules, never about recall on real fires."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from scoring import statistic
from scoring.statistic import Share


class Plant(msgspec.Struct, frozen=True, kw_only=True):
    """One planted fire, and what was made of it.

    Attributes:
        seed: of the fire.
        background, stream: where it was planted.
        contrast: aimed at; `grey_levels` is the largest that was left to see after the weather.
        small: whether it was small at first.
        bare: whether the score alone finds it: in some frame after ignition a cell within two cells of the smoke
            reaches `open`, and none of them does in the same frame without the fire.
        found_s: by variant of the decision, seconds from ignition to its find, as an event of either severity. A find
            counts only where the same frames without the fire gave none until then.
        alert_s: the same, as an alert.
        void: finds as shipped that did not count, since they are there without the fire.
    """

    seed: int
    background: str
    stream: str
    condition: str
    contrast: str
    colour: str
    cut: str | None
    small: bool
    grey_levels: float | None
    bare: bool
    found_s: dict[str, float | None]
    alert_s: dict[str, float | None]
    void: bool


class PlantedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Planted fires of one kind.

    Attributes:
        bare: found by the score alone.
        events, alerts: found as shipped.
        lost_events, lost_alerts: of those that the score alone finds, not found as shipped.
        void: finds that are there without the fire.
    """

    bare: Share
    events: Share
    alerts: Share
    lost_events: Share
    lost_alerts: Share
    void: int


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """All planted fires, by what they are.

    Attributes:
        worst_events, worst_alerts: the condition in which the largest share is lost to the decision.
    """

    all: PlantedRow
    by_condition: dict[str, PlantedRow]
    by_contrast: dict[str, PlantedRow]
    by_both: dict[str, dict[str, PlantedRow]]
    by_stream: dict[str, PlantedRow]
    small: PlantedRow
    cut: PlantedRow
    worst_events: str | None
    worst_alerts: str | None


SHIPPED = "shipped"
BARE_LEAST = 8  # finds of the bare score, for a condition to be the worst


def row(plants: Sequence[Plant], variant: str = SHIPPED) -> PlantedRow:
    """Count planted fires under one variant of the decision."""
    bare = [plant for plant in plants if plant.bare]

    def shares(of: Callable[[Plant], float | None]) -> tuple[Share, Share]:
        found = sum(of(plant) is not None for plant in plants)
        lost = sum(of(plant) is None for plant in bare)
        return statistic.share(found, len(plants)), statistic.share(lost, len(bare))

    events, lost_events = shares(lambda plant: plant.found_s[variant])
    alerts, lost_alerts = shares(lambda plant: plant.alert_s[variant])
    return PlantedRow(
        bare=statistic.share(len(bare), len(plants)),
        events=events,
        alerts=alerts,
        lost_events=lost_events,
        lost_alerts=lost_alerts,
        void=sum(plant.void for plant in plants),
    )


def planted(plants: Sequence[Plant]) -> Planted:
    """Count planted fires by condition and contrast, as shipped."""

    def by(of: Callable[[Plant], str], some: Sequence[Plant] = plants) -> dict[str, PlantedRow]:
        return {
            name: row([plant for plant in some if of(plant) == name]) for name in dict.fromkeys(map(of, some))
        }

    conditions = by(lambda plant: plant.condition)
    return Planted(
        all=row(plants),
        by_condition=conditions,
        by_contrast=by(lambda plant: plant.contrast),
        by_both={
            name: by(lambda plant: plant.contrast, [plant for plant in plants if plant.condition == name])
            for name in conditions
        },
        by_stream=by(lambda plant: plant.stream),
        small=row([plant for plant in plants if plant.small]),
        cut=row([plant for plant in plants if plant.cut is not None]),
        worst_events=_worst(conditions, lambda one: one.lost_events),
        worst_alerts=_worst(conditions, lambda one: one.lost_alerts),
    )


def _worst(rows: dict[str, PlantedRow], of: Callable[[PlantedRow], Share]) -> str | None:
    """Name the condition in which most of what the bare score finds is lost; of a few finds nobody can tell."""
    known = {
        name: share for name, one in rows.items() if of(one).total >= BARE_LEAST and (share := of(one).share)
    }
    return max(known, key=lambda name: known[name], default=None)
