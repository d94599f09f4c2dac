"""Charge, heat, bands and energy of a run: all simulated, by the profile that the run names."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from firmware_sim.tower.demand import cut_offs
from firmware_sim.tower.figure.watching import lasting_s, spell_s
from firmware_sim.tower.run import Run, Sample

_UNSPARED = "none"
_J_PER_WH = 3600.0


class Extreme(msgspec.Struct, frozen=True, kw_only=True):
    """The lowest or highest reading, and when it was first reached, seconds since 1970 UTC."""

    value: float
    at_s: float


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Energy of one day of UTC, or of the part of it that the run has.

    Attributes:
        from_s: its begin, seconds since 1970 UTC.
        panel_wh, load_wh: into and out of the battery's bus.
        board_wh: at the board's input.
        causes: what the board spent it on, Wh.
    """

    from_s: float
    panel_wh: float
    load_wh: float
    board_wh: float
    causes: dict[str, float]


class Endurance(msgspec.Struct, frozen=True, kw_only=True):
    """How the tower lasted. All of the plant is None in a run without one.

    Attributes:
        source: of every figure here, `simulated:<profile>`.
        charge_begin, charge_end: 0 to 1, of the first and last sample.
        charge_low: 0 to 1.
        battery_low_v: volts.
        soc_high_c, air_low_c, air_high_c: °C.
        snow_high: share of the panel, 0 to 1.
        cut_offs: spells of an empty battery, one within the other counted once.
        off_h: hours without power.
        bands: share of the time in which each band of the governor was in force, `none` without any.
        healthy_share: of the time, by the daemon's own word.
        days: energy.
        causes: what the board spent energy on in the whole run, Wh.
        panel_wh, load_wh: in the whole run; None without a plant.
    """

    source: str | None
    charge_begin: float | None
    charge_end: float | None
    charge_low: Extreme | None
    battery_low_v: Extreme | None
    soc_high_c: Extreme | None
    air_low_c: Extreme | None
    air_high_c: Extreme | None
    snow_high: Extreme | None
    cut_offs: int
    off_h: float
    bands: dict[str, float]
    healthy_share: float | None
    days: tuple[Spent, ...]
    causes: dict[str, float]
    panel_wh: float | None
    load_wh: float | None


def endurance(run: Run) -> Endurance:
    """Account for a run's power and heat.

    Args:
        run: with or without a plant.
    """
    charges = [sample.charge for sample in run.samples if sample.charge is not None]
    days = tuple(
        Spent(
            from_s=day.from_s,
            panel_wh=day.panel_wh,
            load_wh=day.load_wh,
            board_wh=sum(day.joules.values()) / _J_PER_WH,
            causes={cause: joules / _J_PER_WH for cause, joules in sorted(day.joules.items())},
        )
        for day in run.days
    )
    causes = sorted({cause for day in days for cause in day.causes})
    return Endurance(
        source=run.power_source or None,
        charge_begin=charges[0] if charges else None,
        charge_end=charges[-1] if charges else None,
        charge_low=_extreme(run, lambda sample: sample.charge, min),
        battery_low_v=_extreme(run, lambda sample: sample.battery_v, min),
        soc_high_c=_extreme(run, lambda sample: sample.soc_c, max),
        air_low_c=_extreme(run, lambda sample: sample.air_c, min),
        air_high_c=_extreme(run, lambda sample: sample.air_c, max),
        snow_high=_extreme(run, lambda sample: sample.snow, max),
        cut_offs=len(cut_offs(run)),
        off_h=sum(spell_s(run, spell) for spell in run.spells if spell.cause == "off") / 3600,
        bands=_bands(run),
        healthy_share=_share(run, lambda sample: sample.health == "ok"),
        days=days,
        causes={cause: sum(day.causes.get(cause, 0.0) for day in days) for cause in causes},
        panel_wh=sum(day.panel_wh for day in days) if days else None,
        load_wh=sum(day.load_wh for day in days) if days else None,
    )


def _extreme(
    run: Run, reading: Callable[[Sample], float | None], choose: Callable[[list[float]], float]
) -> Extreme | None:
    known = [(value, sample.at_s) for sample in run.samples if (value := reading(sample)) is not None]
    if not known:
        return None
    chosen = choose([value for value, _ in known])
    return Extreme(value=chosen, at_s=next(at_s for value, at_s in known if value == chosen))


def _bands(run: Run) -> dict[str, float]:
    names = sorted({band for sample in run.samples for band in sample.bands})
    shares = {name: _share(run, lambda sample, name=name: name in sample.bands) for name in names}  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    shares[_UNSPARED] = _share(run, lambda sample: not sample.bands)
    return {name: value for name, value in shares.items() if value}


def _share(run: Run, holds: Callable[[Sample], bool]) -> float | None:
    """Return the share of the sampled time in which something holds; None without time."""
    lasted = lasting_s(run)
    whole_s = sum(lasted)
    if whole_s <= 0:
        return None
    return sum(s for sample, s in zip(run.samples, lasted, strict=True) if holds(sample)) / whole_s
