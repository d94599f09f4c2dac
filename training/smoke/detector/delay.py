"""What a cadence costs: rows of days, figures over views and offsets, and which cadences are within."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import msgspec

from scoring import gate, statistic
from scoring.day import Day
from scoring.gate import DRAWS, Estimate
from training.smoke.detector.span import ABOVE_MIN, DEFAULT_S

METHOD = {
    "thinned": "every k-th frame at its own time, k by the sequence's own spacing; a student scores these alone, its "
    "background moves once a scored frame; each first frame 0…k−1 is a day of its own, and a sequence counts the mean "
    "of its days",
    "decision": "the daemon's, at the operating point that the inner folds of the fold's training side chose at their "
    "own spacing, with the gap and the watched time of a bundle that is made for the cadence",
    "delay_min": "minutes after the first box of the whole sequence, 30 at most; a miss is 30",
    "above_min": f"the same of a cadence less that at {DEFAULT_S:g} s, over the sequences and the leg that have both",
    "rendered": "planted fires: each real frame is shown twice, half a spacing apart, and the plume grows in between; "
    f"{DEFAULT_S:g} s is every other frame of the same pictures. Backgrounds stand still between two such frames",
    "interval": f"95%, bootstrap over camera groups, {DRAWS} draws; without any false alarm three over the exposure",
    "within": f"candidates and alerts are both {ABOVE_MIN:g} minutes above that at {DEFAULT_S:g} s at most",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates or alerts of one day.

    Attributes:
        delay_min: capped; None where nothing can be found.
        found: whether it was found; None as above.
        false_alarms: recounted; 0 where events tell nothing.
    """

    delay_min: float | None
    found: bool | None
    false_alarms: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One sequence, one cadence, one first frame.

    Attributes:
        fold: whose student scored it and whose point decided.
        leg: `real` or `rendered`.
        every, offset: frames `offset`, `offset + every`, … were scored.
        frames: number of them.
        quiet: whether nothing burns.
        watched_h: hours without smoke.
    """

    fold: str
    sequence: str
    group: str
    leg: str
    cadence_s: float
    every: int
    offset: int
    frames: int
    quiet: bool
    watched_h: float
    candidates: Told
    alerts: Told


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates or alerts at one cadence; intervals over camera groups.

    Attributes:
        views: with boxes.
        found: share of views, the mean over first frames.
        delay_min: mean capped delay.
        above_min: mean of the same above that at 60 s; None where no view has both.
        before, quiet: false alarms per watched hour, before fires and on quiet streams.
        folds: mean capped delay of each.
    """

    views: int
    found: Estimate
    delay_min: Estimate
    above_min: Estimate | None
    before: Estimate
    quiet: Estimate
    folds: Mapping[str, float]


class CadenceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One cadence of one leg.

    Attributes:
        within: whether its delay is as near to that at 60 s as it has to be, for candidates and alerts.
    """

    leg: str
    cadence_s: float
    candidates: Figures
    alerts: Figures
    within: bool


def told(day: Day, *, alerts: bool) -> Told:
    """Return what a day gave; its result states the whole sequence's first box."""
    boxed, result = day.result.boxed, day.result
    found_s = gate.found_s_of(day, alerts=alerts)
    return Told(
        delay_min=gate.capped_s(found_s, result.first_box_s) / 60 if boxed else None,
        found=found_s is not None if boxed else None,
        false_alarms=gate.false_alarms_of(day, alerts=alerts) if result.judged else 0,
    )


def figures(rows: Sequence[Row], seed: int = 0) -> tuple[CadenceFigures, ...]:
    """Add up rows, by leg and cadence.

    Args:
        rows: of all folds.
        seed: of the bootstraps.
    """
    found = []
    for leg, cadence_s in sorted({(row.leg, row.cadence_s) for row in rows}):
        mine = [row for row in rows if row.leg == leg]
        here = [row for row in mine if row.cadence_s == cadence_s]
        usual = [row for row in mine if row.cadence_s == DEFAULT_S]
        candidates, alerts = (_figures(here, usual, seed, alerts=severe) for severe in (False, True))
        within = all(
            one.above_min is not None and one.above_min.value is not None and one.above_min.value <= ABOVE_MIN
            for one in (candidates, alerts)
        )
        found.append(
            CadenceFigures(leg=leg, cadence_s=cadence_s, candidates=candidates, alerts=alerts, within=within)
        )
    return tuple(found)


def _figures(here: Sequence[Row], usual: Sequence[Row], seed: int, *, alerts: bool) -> Figures:
    views = _by_sequence(row for row in here if _of(row, alerts=alerts).delay_min is not None)
    late = {name: _delay(some, alerts=alerts) for name, some in views.items()}
    compared = _by_sequence(row for row in usual if row.sequence in late)
    above = [
        (views[name][0].group, late[name] - _delay(some, alerts=alerts), 1.0)
        for name, some in compared.items()
    ]
    found = [
        (some[0].group, fmean(bool(_of(row, alerts=alerts).found) for row in some), 1.0)
        for some in views.values()
    ]
    return Figures(
        views=len(views),
        found=estimate(found, "views", seed),
        delay_min=estimate([(views[name][0].group, one, 1.0) for name, one in late.items()], "views", seed),
        above_min=estimate(above, "views", seed) if above else None,
        before=_rate([row for row in here if not row.quiet], seed, alerts=alerts),
        quiet=_rate([row for row in here if row.quiet], seed, alerts=alerts),
        folds=_by_fold(views, late),
    )


def _rate(rows: Sequence[Row], seed: int, *, alerts: bool) -> Estimate:
    """Return false alarms per watched hour: of a sequence, the mean of its first frames."""
    parts = [
        (
            some[0].group,
            fmean(_of(row, alerts=alerts).false_alarms for row in some),
            fmean(row.watched_h for row in some),
        )
        for some in _by_sequence(rows).values()
    ]
    return estimate(parts, "watched hours", seed, rare=True)


def _by_fold(views: Mapping[str, Sequence[Row]], late: Mapping[str, float]) -> Mapping[str, float]:
    folds: dict[str, list[float]] = {}
    for name, some in views.items():
        folds.setdefault(some[0].fold, []).append(late[name])
    return {fold: fmean(delays) for fold, delays in sorted(folds.items())}


def _by_sequence(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.sequence, []).append(row)
    return found


def _of(row: Row, *, alerts: bool) -> Told:
    return row.alerts if alerts else row.candidates


def _delay(rows: Sequence[Row], *, alerts: bool) -> float:
    return fmean(one for row in rows if (one := _of(row, alerts=alerts).delay_min) is not None)


def estimate(
    parts: Sequence[tuple[str, float, float]], unit: str, seed: int, *, rare: bool = False
) -> Estimate:
    """Return Σ count / Σ exposure with the interval when whole camera groups are drawn again.

    Args:
        parts: (group, count, exposure).
        unit: of the exposure.
        seed: of the draws.
        rare: counts of events: none of them is at most three over the exposure.
    """
    groups: dict[str, tuple[float, float]] = {}
    for group, count, exposure in parts:
        known = groups.get(group, (0.0, 0.0))
        groups[group] = known[0] + count, known[1] + exposure
    pairs = [pair for pair in groups.values() if pair[1] > 0]
    count, exposure = math.fsum(c for c, _ in pairs), math.fsum(e for _, e in pairs)
    ends = (
        statistic.ratio_interval(pairs, draws=DRAWS, seed=seed)
        if len({c / e for c, e in pairs}) > 1
        else None
    )
    method = f"bootstrap over {len(pairs)} camera groups" if ends else f"none over {len(pairs)} camera groups"
    if rare and count == 0 and exposure > 0:
        ends, method = (0.0, 3 / exposure), "three over the exposure, one-sided"
    low, high = ends or (None, None)
    return Estimate(
        count=count,
        exposure=exposure,
        unit=unit,
        value=count / exposure if exposure else None,
        low=low,
        high=high,
        method=method,
    )
