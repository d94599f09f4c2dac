"""The figures of the gate: what a detector is worth on days of cameras, candidates and alerts apart.

What counts as what stands in `scoring.score`; what is watched in `scoring.day`. Results of many folds are pooled by
handing in the days of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import msgspec

from scoring import statistic
from scoring.day import Day, DueFrame
from scoring.score import Alerts, Opening, SequenceResult
from scoring.statistic import Share

CAP_S = 1800.0
DRAWS = 2000

Keep = Callable[[DueFrame], bool]
_Wait = tuple[SequenceResult, float | None]  # a view, and seconds from ignition to its find


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio with its 95% interval; None where it is unknown.

    Attributes:
        count: above the line.
        exposure: below it.
        unit: of the exposure.
        method: of the interval.
    """

    count: float
    exposure: float
    unit: str
    value: float | None
    low: float | None
    high: float | None
    method: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: exact intervals by view and by fire, and a bootstrap of the share of views over groups."""

    views: Share
    fires: Share
    by_group: Estimate


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms, recounted.

    Attributes:
        per_hour: of watched hours without smoke.
        per_day: of 24 such hours; never of a calendar day.
        days: camera-days, or parts of them, that were watched.
        days_with: those with any.
        without_worst: the count without the worst one.
        worst: its camera and date.
    """

    per_hour: Estimate
    per_day: float | None
    days: int
    days_with: int
    without_worst: int
    worst: str | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What events did, all of them or the alerts alone.

    Attributes:
        found: by events that say where, near the smoke. Of a classifier it is unknown (of 0 views).
        delay_min: capped delay of these after the first box; a miss is 30 minutes.
        anywhere: found not localised: an event opened at or after ignition, wherever it was. The one figure in which
            classifiers and others can be compared.
        anywhere_delay_min: capped delay of these.
        open: share of watched time without smoke in which one was open.
        mislocalised: openings elsewhere while there was smoke.
        left_out: openings that count neither way.
        f1: of frames. Never an aim: stands beside that of the controls.
    """

    found: Found
    delay_min: Estimate
    anywhere: Found
    anywhere_delay_min: Estimate
    alarms: Alarms
    open: Estimate
    mislocalised: int
    left_out: int
    f1: float | None


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """Due frames that were watched, and why the others were not."""

    frames: Estimate
    causes: dict[str, int]


class Stress(msgspec.Struct, frozen=True, kw_only=True):
    """Accelerated days: openings, recounted every 15 frames, of 100 watched frames; share of these with one open."""

    openings: Estimate
    open: Estimate


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A set of days at true times.

    Attributes:
        cameras, views, fires, groups: that it has; the latter three of those that can be found.
        events: of all openings, candidates' and alerts'.
        alerts: of those that became alerts.
    """

    cameras: int
    sequences: int
    views: int
    fires: int
    groups: int
    events: Figures
    alerts: Figures
    watched: Watched


class StressReport(msgspec.Struct, frozen=True, kw_only=True):
    """A set of accelerated days."""

    cameras: int
    sequences: int
    events: Stress
    alerts: Stress
    watched: Watched


class NightReport(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms and time open by day, by night, or where nobody knows; of days at true times."""

    events: Alarms
    events_open: Estimate
    alerts: Alarms
    alerts_open: Estimate


def report(days: Sequence[Day], *, draws: int = DRAWS, seed: int = 0) -> Report:
    """Add up days at true times; pooled over folds where they come from several."""
    days = [day for day in days if not day.accelerated]
    boxed = [day.result for day in days if day.result.boxed]
    return Report(
        cameras=len({day.camera for day in days}),
        sequences=len(days),
        views=len(boxed),
        fires=len({result.fire for result in boxed}),
        groups=len({result.group for result in boxed}),
        events=_figures(days, draws, seed, alerts=False),
        alerts=_figures(days, draws, seed, alerts=True),
        watched=watched(days, draws=draws, seed=seed),
    )


def stress(days: Sequence[Day], *, draws: int = DRAWS, seed: int = 0) -> StressReport:
    """Add up accelerated days."""
    days = [day for day in days if day.accelerated]
    return StressReport(
        cameras=len({day.camera for day in days}),
        sequences=len(days),
        events=_stress(days, draws, seed, alerts=False),
        alerts=_stress(days, draws, seed, alerts=True),
        watched=watched(days, draws=draws, seed=seed),
    )


def half(days: Sequence[Day], *, night: bool | None, draws: int = DRAWS, seed: int = 0) -> NightReport:
    """Return what days at true times did by night, by day, or where nobody knows; an alarm counts where it opened."""
    days = [day for day in days if not day.accelerated]

    def keep(frame: DueFrame) -> bool:
        return frame.night is night

    return NightReport(
        events=_alarms(days, draws, seed, keep, alerts=False),
        events_open=_open(days, draws, seed, keep, alerts=False),
        alerts=_alarms(days, draws, seed, keep, alerts=True),
        alerts_open=_open(days, draws, seed, keep, alerts=True),
    )


def stress_half(
    days: Sequence[Day], *, night: bool | None, draws: int = DRAWS, seed: int = 0
) -> StressReport:
    """Return what accelerated days did by night, by day, or where nobody knows."""
    kept = []
    for day in days:
        frames = tuple(frame for frame in day.frames if frame.night is night)
        names = {frame.name for frame in frames}
        kept.append(msgspec.structs.replace(day, frames=frames, result=_within(day.result, names)))
    return stress([day for day in kept if day.frames], draws=draws, seed=seed)


def watched(days: Sequence[Day], *, draws: int = DRAWS, seed: int = 0) -> Watched:
    """Count the due frames that were watched."""
    causes: dict[str, int] = {}
    parts = []
    for day in days:
        for frame in day.frames:
            if frame.cause is not None:
                causes[frame.cause] = causes.get(frame.cause, 0) + 1
        seen = sum(frame.cause is None for frame in day.frames)
        parts.append(((day.camera, day.date, day.result.id), seen, len(day.frames)))
    return Watched(
        frames=_estimate(parts, "due frames", "sequences", draws, seed), causes=dict(sorted(causes.items()))
    )


def openings_of(day: Day, *, alerts: bool) -> tuple[Opening, ...]:
    """Return how a day's events were judged, or its alerts alone."""
    return _of(day.result, alerts=alerts).openings


def found_s_of(day: Day, *, alerts: bool) -> float | None:
    """Return when a day's fire was found, seconds after ignition; a classifier finds in the whole frame."""
    return _of(day.result, alerts=alerts).found_s


def anywhere_s_of(day: Day, *, alerts: bool) -> float | None:
    """Return when an event first opened at or after ignition, wherever it was; seconds after ignition."""
    openings = openings_of(day, alerts=alerts)
    return min(
        (
            o.offset_s
            for o in openings
            if o.offset_s is not None and o.offset_s >= 0 and o.verdict != "false_alarm"
        ),
        default=None,
    )


def false_alarms_of(day: Day, *, alerts: bool) -> int:
    """Return how many false alarms a day counts."""
    return sum(opening.counts for opening in openings_of(day, alerts=alerts))


def capped_s(found_s: float | None, first_box_s: float | None) -> float:
    """Return the capped delay of a view after its first box: a miss is CAP_S."""
    return CAP_S if found_s is None else min(found_s - (first_box_s or 0.0), CAP_S)


def _of(result: SequenceResult, *, alerts: bool) -> Alerts:
    if alerts and result.alerts is not None:
        return result.alerts
    return Alerts(found_s=result.found_s, found_any_s=result.found_any_s, openings=result.openings)


def _within(result: SequenceResult, names: set[str]) -> SequenceResult:
    def kept(openings: Iterable[Opening]) -> tuple[Opening, ...]:
        return tuple(opening for opening in openings if opening.frame in names)

    alerts = result.alerts
    if alerts is not None:
        alerts = msgspec.structs.replace(alerts, openings=kept(alerts.openings))
    return msgspec.structs.replace(result, openings=kept(result.openings), alerts=alerts)


def _figures(days: Sequence[Day], draws: int, seed: int, *, alerts: bool) -> Figures:
    boxed = [day for day in days if day.result.boxed]
    waits = [(day.result, found_s_of(day, alerts=alerts)) for day in boxed if day.localised]
    anywhere = [(day.result, anywhere_s_of(day, alerts=alerts)) for day in boxed]
    openings = [o for day in days for o in openings_of(day, alerts=alerts)]
    return Figures(
        found=_found(waits, draws, seed),
        delay_min=_delay_min(waits, draws, seed),
        anywhere=_found(anywhere, draws, seed),
        anywhere_delay_min=_delay_min(anywhere, draws, seed),
        alarms=_alarms(days, draws, seed, alerts=alerts),
        open=_open(days, draws, seed, alerts=alerts),
        mislocalised=sum(o.verdict == "mislocalised" for o in openings),
        left_out=sum(o.verdict == "left_out" for o in openings),
        f1=frame_f1(
            (frame.alert if alerts and frame.alert is not None else frame.open, frame.smoke)
            for day in days
            for frame in day.result.frames
        ),
    )


def _found(waits: Sequence[_Wait], draws: int, seed: int) -> Found:
    found = [(r.group, float(s is not None), 1.0) for r, s in waits]
    fires = {r.fire for r, _ in waits}
    return Found(
        views=statistic.share(sum(s is not None for _, s in waits), len(waits)),
        fires=statistic.share(len({r.fire for r, s in waits if s is not None}), len(fires)),
        by_group=_estimate(found, "views", "groups", draws, seed),
    )


def _delay_min(waits: Sequence[_Wait], draws: int, seed: int) -> Estimate:
    late = [(r.group, capped_s(s, r.first_box_s) / 60, 1.0) for r, s in waits]
    return _estimate(late, "views", "groups", draws, seed)


def frame_f1(frames: Iterable[tuple[bool, bool]]) -> float | None:
    """Return F1 of (positive, smoke) frames; None where it is undefined."""
    pairs = list(frames)
    hits, wrong = pairs.count((True, True)), pairs.count((True, False)) + pairs.count((False, True))
    return 2 * hits / (2 * hits + wrong) if hits + wrong else None


def _everything(_frame: DueFrame) -> bool:
    return True


def _alarms(days: Sequence[Day], draws: int, seed: int, keep: Keep = _everything, *, alerts: bool) -> Alarms:
    units: dict[tuple[str, str], list[float]] = {}
    for day in days:
        if not day.result.judged:
            continue
        kept = {frame.name for frame in day.frames if keep(frame)}
        unit = units.setdefault((day.camera, day.date), [0.0, 0.0])
        unit[0] += sum(o.counts for o in openings_of(day, alerts=alerts) if o.frame in kept)
        unit[1] += math.fsum(frame.quiet_s for frame in day.frames if frame.name in kept) / 3600
    units = {name: unit for name, unit in units.items() if unit[1] > 0 or unit[0] > 0}
    parts = [(name, count, hours) for name, (count, hours) in units.items()]
    per_hour = _estimate(parts, "watched hours", "camera-days", draws, seed)
    if per_hour.count == 0 and per_hour.exposure > 0:
        per_hour = msgspec.structs.replace(
            per_hour, low=0.0, high=3 / per_hour.exposure, method="three over the exposure, one-sided"
        )
    worst = max(parts, key=lambda part: part[1], default=None)
    some = worst is not None and worst[1] > 0
    return Alarms(
        per_hour=per_hour,
        per_day=None if per_hour.value is None else 24 * per_hour.value,
        days=len(parts),
        days_with=sum(count > 0 for _, count, _ in parts),
        without_worst=int(per_hour.count - (worst[1] if worst is not None else 0)),
        worst=" ".join(worst[0]) if worst is not None and some else None,
    )


def _open(days: Sequence[Day], draws: int, seed: int, keep: Keep = _everything, *, alerts: bool) -> Estimate:
    parts = []
    for day in days:
        if day.result.judged:
            quiet = [frame for frame in day.frames if frame.quiet_s and keep(frame)]
            held = math.fsum(f.quiet_s for f in quiet if (f.alert if alerts else f.open)) / 3600
            parts.append(((day.camera, day.date), held, math.fsum(f.quiet_s for f in quiet) / 3600))
    return _estimate(parts, "watched hours", "camera-days", draws, seed)


def _stress(days: Sequence[Day], draws: int, seed: int, *, alerts: bool) -> Stress:
    openings, held = [], []
    for day in days:
        quiet = [frame for frame in day.frames if frame.quiet_s]
        unit = (day.camera, day.date)
        openings.append((unit, 100.0 * false_alarms_of(day, alerts=alerts), float(len(quiet))))
        held.append((unit, float(sum(f.alert if alerts else f.open for f in quiet)), float(len(quiet))))
    per_100 = _estimate(openings, "watched frames", "days", draws, seed)
    return Stress(
        openings=msgspec.structs.replace(per_100, count=per_100.count / 100),
        open=_estimate(held, "watched frames", "days", draws, seed),
    )


def _estimate(
    parts: Sequence[tuple[object, float, float]], unit: str, drawn: str, draws: int, seed: int
) -> Estimate:
    """Return Σ count / Σ exposure; parts of one name are drawn together."""
    sums: dict[object, tuple[float, float]] = {}
    for name, count, exposure in parts:
        known = sums.get(name, (0.0, 0.0))
        sums[name] = known[0] + count, known[1] + exposure
    some = [pair for pair in sums.values() if pair[1] > 0 or pair[0] > 0]
    count, exposure = math.fsum(c for c, _ in some), math.fsum(e for _, e in some)
    alike = len({c / e if e else None for c, e in some}) < 2  # drawn again they say the same: no interval
    interval = None if alike else statistic.ratio_interval(some, draws=draws, seed=seed)
    low, high = interval or (None, None)
    method = f"bootstrap over {len(some)} {drawn}, {draws} draws, seed {seed}"
    return Estimate(
        count=count,
        exposure=exposure,
        unit=unit,
        value=count / exposure if exposure else None,
        low=low,
        high=high,
        method=method if interval else f"none over {len(some)} {drawn}" + (" that agree" if alike else ""),
    )
