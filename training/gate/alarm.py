"""False alarms of two arms on the same frames: seeds one by one and in the mean, the worst stream, never the best."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from scoring import gate
from scoring.day import Day
from scoring.gate import Estimate
from training.gate.arm import Arm

_PER_HOUR, _PER_100 = "per watched hour", "openings of 100 watched frames"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms of one arm.

    Attributes:
        counts: recounted, by seed.
        rate: mean of the seeds, weighted by what they watched; count and exposure are those of one seed in the mean.
        open: mean share of what was watched in which one was open.
    """

    counts: tuple[float, ...]
    rate: Estimate
    open: float | None


class Both(msgspec.Struct, frozen=True, kw_only=True):
    """Of all openings, candidates' and alerts', and of alerts alone."""

    events: Alarm
    alerts: Alarm


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms of both arms on the same frames."""

    name: str
    unit: str
    a: Both
    b: Both


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """The stream at true times with the highest rate, the mean of seeds."""

    stream: str
    alarm: Alarm


def rows(a: Arm, b: Arm, seed: int) -> Iterable[AlarmRow]:
    """List what is without smoke: the cameras of fires, and each quiet stream, laid closer or not; never pooled.

    Args:
        a: one arm.
        b: the other, over the same folds.
        seed: of the bootstraps over camera-days; all seeds' counts of a day are drawn together.
    """
    burning = [[run.of("outer") for run in one.runs.values()] for one in (a, b)]
    yield AlarmRow(
        name="cameras of fires, without smoke", unit=_PER_HOUR, a=_timed(burning[0], seed), b=_timed(burning[1], seed)
    )  # fmt: skip
    for name, row in a.rows.items():
        if row.kind != "quiet":
            continue
        mine, others = ([run.days[name] for run in one.runs.values()] for one in (a, b))
        if row.report is not None:
            yield AlarmRow(name=name, unit=_PER_HOUR, a=_timed(mine, seed), b=_timed(others, seed))
        if row.stress is not None:
            yield AlarmRow(
                name=f"{name}, laid closer (stress)", unit=_PER_100, a=_laid(mine, seed), b=_laid(others, seed)
            )  # fmt: skip


def worst(one: Arm, seed: int, *, alerts: bool) -> Worst | None:
    """Return the worst stream at true times, quiet or of a camera of fires; None where none has a false alarm."""
    runs = [[*run.of("outer"), *run.of("quiet")] for run in one.runs.values()]
    some = []
    for stream in sorted({day.stream for run in runs for day in run if not day.accelerated}):
        both = _timed([[day for day in run if day.stream == stream] for run in runs], seed)
        alarm = both.alerts if alerts else both.events
        if alarm.rate.value:
            some.append(Worst(stream=stream, alarm=alarm))
    return max(some, key=lambda row: row.alarm.rate.value or 0.0, default=None)


def _timed(runs: Sequence[Sequence[Day]], seed: int) -> Both:
    """Count the false alarms of each seed's days at true times."""
    whole = gate.report([day for run in runs for day in run], seed=seed)
    parts = [gate.report(run, draws=0) for run in runs]
    return Both(
        events=_alarm([one.events.alarms.per_hour for one in parts], whole.events.alarms.per_hour, whole.events.open),
        alerts=_alarm([one.alerts.alarms.per_hour for one in parts], whole.alerts.alarms.per_hour, whole.alerts.open),
    )  # fmt: skip


def _laid(runs: Sequence[Sequence[Day]], seed: int) -> Both:
    """Count the openings of each seed's accelerated days."""
    whole = gate.stress([day for run in runs for day in run], seed=seed)
    parts = [gate.stress(run, draws=0) for run in runs]
    return Both(
        events=_alarm([one.events.openings for one in parts], whole.events.openings, whole.events.open),
        alerts=_alarm([one.alerts.openings for one in parts], whole.alerts.openings, whole.alerts.open),
    )


def _alarm(seeds: Sequence[Estimate], pooled: Estimate, held: Estimate) -> Alarm:
    """Bring the sums over seeds back to one seed in the mean: more seeds are no more hours."""
    counts = tuple(one.count for one in seeds)
    count, exposure = statistics.fmean(counts), statistics.fmean(one.exposure for one in seeds)
    rate = msgspec.structs.replace(pooled, count=count, exposure=exposure)
    if rate.unit == "watched hours" and count == 0 and exposure > 0:
        rate = msgspec.structs.replace(rate, high=3 / exposure)
    return Alarm(counts=counts, rate=rate, open=held.value)
