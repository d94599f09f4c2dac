"""What `python -m training compare-arms` says of two arms: every figure, and every delay that it was counted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring import gate
from scoring.day import Day
from scoring.gate import Report
from scoring.statistic import Share
from training.gate import alarm, arm, file, leg, paired
from training.gate.alarm import AlarmRow, Worst
from training.gate.arm import Arm, Run, Source
from training.gate.leg import Leg, Planted
from training.gate.paired import Paired, Verdict

SCHEMA = "firetower.arms/1.0"
WORTH_MIN = 2.0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one seed found over all outer folds; capped delay in minutes, views counting once."""

    seed: int
    views: Share
    fires: Share
    delay_min: float


class ArmFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One arm.

    Attributes:
        thresholds: by seed, fold and label.
        worst_events, worst_alerts: None where no stream has any.
    """

    name: str
    stated: dict[str, Any]
    steps: int
    trials: int
    sources: tuple[Source, ...]
    thresholds: dict[int, dict[str, dict[str, dict[str, float]]]]
    events: tuple[Tally, ...]
    alerts: tuple[Tally, ...]
    worst_events: Worst | None
    worst_alerts: Worst | None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One boxed view: capped delays in minutes, by seed."""

    sequence: str
    group: str
    fire: str
    a_events: tuple[float, ...]
    a_alerts: tuple[float, ...]
    b_events: tuple[float, ...]
    b_alerts: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two arms.

    Attributes:
        seeds: of training, the same in both.
        folds: the same in both.
        missing: outer folds that were not judged.
        alerts, events: difference of the capped delay; that of alerts is the primary statistic.
        verdict: on the alerts.
        verdict_events: on events, secondary.
        alarms: false alarms of both arms; never pooled over the rows.
        planted: the second leg; None where it was not asked for.
    """

    schema: str
    command: str
    data: tuple[str, ...]
    seeds: tuple[int, ...]
    folds: tuple[str, ...]
    missing: tuple[str, ...]
    a: ArmFacts
    b: ArmFacts
    alerts: Paired
    events: Paired
    verdict: Verdict
    verdict_events: Verdict
    alarms: tuple[AlarmRow, ...]
    planted: Leg | None
    views: tuple[View, ...]


def read(path: Path) -> Comparison:
    """Read and check one file.

    Raises:
        OSError, ValueError: as `file.read`.
    """
    return file.read(path, Comparison, SCHEMA, "compare-arms")


def compare(
    a: Arm,
    b: Arm,
    planted: tuple[Planted, Planted] | None,
    *,
    worth_min: float = WORTH_MIN,
    command: str = "",
    seed: int = 0,
) -> Comparison:
    """Compare two arms.

    Args:
        a: the arm in question.
        b: what it is compared with.
        planted: what each found of the same planted fires.
        worth_min: the smallest effect worth having, minutes of capped delay.
        command: that asked for it, without this machine's folders.
        seed: of the bootstraps.
    Raises:
        ValueError: the comparison would not be fair, or there is nothing to compare.
    """
    arm.check_fair(a, b)
    views = _views(a, b)
    groups = [view.group for view in views]

    def delays(which: str) -> NDArray[np.float64]:
        return np.array([getattr(view, which) for view in views], np.float64)

    events, alerts = (
        paired.compare(delays(f"a_{which}"), delays(f"b_{which}"), groups, seed=seed)
        for which in ("events", "alerts")
    )
    return Comparison(
        schema=SCHEMA,
        command=command,
        data=tuple(sorted(data.digest for data in a.first.data)),
        seeds=tuple(a.runs),
        folds=tuple(a.rows),
        missing=tuple(arm.missing(a)),
        a=_facts(a, seed),
        b=_facts(b, seed),
        alerts=alerts,
        events=events,
        verdict=paired.verdict(alerts, worth_min),
        verdict_events=paired.verdict(events, worth_min),
        alarms=tuple(alarm.rows(a, b, seed)),
        planted=None if planted is None else leg.compare(*planted, seed=seed),
        views=tuple(views),
    )


def _views(a: Arm, b: Arm) -> list[View]:
    """Return the capped delays of all boxed views.

    Raises:
        ValueError: there is none, or a run lacks one.
    """
    runs = [_boxed(run) for one in (a, b) for run in one.runs.values()]
    names = runs[0].keys()
    if not names:
        raise ValueError("no outer fold has a view in which a fire can be found; there is nothing to compare")
    if any(run.keys() != names for run in runs):
        raise ValueError("the runs judged other views of the same folds; judge both arms with one version")
    count = len(a.runs)

    def minutes(some: Sequence[Mapping[str, Day]], name: str, *, alerts: bool) -> tuple[float, ...]:
        return tuple(_delay_min(run[name], alerts=alerts) for run in some)

    return [
        View(
            sequence=name,
            group=runs[0][name].result.group,
            fire=runs[0][name].result.fire,
            a_events=minutes(runs[:count], name, alerts=False),
            a_alerts=minutes(runs[:count], name, alerts=True),
            b_events=minutes(runs[count:], name, alerts=False),
            b_alerts=minutes(runs[count:], name, alerts=True),
        )
        for name in sorted(names)
    ]


def _boxed(run: Run) -> dict[str, Day]:
    return {
        day.result.id: day
        for day in run.of("outer")
        if day.result.boxed and day.localised and not day.accelerated
    }


def _delay_min(day: Day, *, alerts: bool) -> float:
    return gate.capped_s(gate.found_s_of(day, alerts=alerts), day.result.first_box_s) / 60


def _facts(one: Arm, seed: int) -> ArmFacts:
    told = {number: gate.report(run.of("outer"), draws=0) for number, run in one.runs.items()}
    return ArmFacts(
        name=one.name,
        stated=one.stated,
        steps=one.steps,
        trials=one.trials,
        sources=one.sources,
        thresholds={
            number: {name: row.thresholds for name, row in run.rows.items()}
            for number, run in one.runs.items()
        },
        events=tuple(_tally(number, report, alerts=False) for number, report in told.items()),
        alerts=tuple(_tally(number, report, alerts=True) for number, report in told.items()),
        worst_events=alarm.worst(one, seed, alerts=False),
        worst_alerts=alarm.worst(one, seed, alerts=True),
    )


def _tally(seed: int, report: Report, *, alerts: bool) -> Tally:
    figures = report.alerts if alerts else report.events
    delay_min = figures.delay_min.value
    assert delay_min is not None  # there are views
    return Tally(seed=seed, views=figures.found.views, fires=figures.found.fires, delay_min=delay_min)
