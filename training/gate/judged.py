"""From recorded streams to figures: decide, judge, add up. Cross-validation pools folds by joining their days.

Per fold: `days = days_of(model, recorded, manifest)`; over folds: `scoring.gate.report([*days_1, *days_2, …])`, and
`scoring.planted.planted` over the planted fires of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.model.loaded import Model
from edge.model.manifest import Manifest
from scoring import gate, statistic
from scoring.day import Day
from scoring.planted import Plant, row
from scoring.statistic import Share
from scoring.summary import summarise
from training.gate.control import CONTINUED, LATE_MIN, RANDOM, REVERSED, late
from training.gate.decide import SHIFTS, decide, judge, shifted, variants
from training.gate.recording import Recording, from_files
from training.gate.result import ControlRow, Point, RuleRow
from training.gate.stream import Stream

CLOCK_FRAME = 40  # smoke begins about there in the layout of FIgLib
WITHIN_S = 900.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stream and what the network made of it."""

    stream: Stream
    recording: Recording


@dataclass(frozen=True, slots=True)
class Controlled:
    """The days of one control, and how many seconds after ignition each began."""

    kind: str
    days: list[Day]
    begun_s: list[float | None]


def days_of(model: Model, recorded: Sequence[Recorded], manifest: Manifest | None = None) -> list[Day]:
    """Decide about recorded streams and judge what came of it; the network is not asked.

    Args:
        model: that recorded them.
        recorded: streams.
        manifest: of another decision by the same network; None: the bundle's own.
    """
    days: list[Day] = []
    for one in recorded:
        shots = one.stream.shots()
        events = decide(model, one.stream.name, shots, one.recording, manifest, luma=from_files(shots))
        days += judge(model, one.stream, one.recording, events, manifest)
    return days


def unseen(days: Sequence[Day]) -> list[Day]:
    """Return what the bundle was not trained on."""
    return [day for day in days if not day.seen]


def rules(model: Model, recorded: Sequence[Recorded], plants: Sequence[Plant], seed: int) -> list[RuleRow]:
    """Return the figures as shipped and with each rule of the decision off."""
    rows = []
    for name, manifest in variants(model.bundle.manifest).items():
        days = unseen(days_of(model, recorded, manifest))
        found = row(plants, name) if plants else None
        rows.append(
            RuleRow(
                name=name,
                report=gate.report(days, seed=seed),
                stress=gate.stress(days, seed=seed),
                planted_events=None if found is None else found.events,
                planted_alerts=None if found is None else found.alerts,
            )
        )
    return rows


def curve(model: Model, recorded: Sequence[Recorded], plants: Sequence[Plant], seed: int) -> list[Point]:
    """Return what all unseen streams give as the threshold moves; optimistic.

    What a classifier finds is not localised.
    """
    points = []
    where = model.bundle.manifest.task == "cells"
    for by in SHIFTS:
        days = unseen(days_of(model, recorded, shifted(model.bundle.manifest, by)))
        report = gate.report(days, seed=seed)
        found = row(plants, f"shift {by:+g}") if plants else None
        events, alerts = report.events, report.alerts
        points.append(
            Point(
                by=by,
                delay_min=(events.delay_min if where else events.anywhere_delay_min).value,
                alert_delay_min=(alerts.delay_min if where else alerts.anywhere_delay_min).value,
                fires=(events.found if where else events.anywhere).fires,
                alert_fires=(alerts.found if where else alerts.anywhere).fires,
                alarms=report.events.alarms.per_hour,
                alert_alarms=report.alerts.alarms.per_hour,
                planted=None if found is None else found.events,
                alert_planted=None if found is None else found.alerts,
            )
        )
    return points


def controls(days: Sequence[Day], made: Sequence[Controlled], seed: int) -> list[ControlRow]:
    """Return the controls, the same sequences as they are first.

    Args:
        days: unseen.
        made: what was made of some of them.
        seed: of the bootstraps.
    """
    of = {day.result.id for one in made for day in one.days}
    days = [day for day in days if not day.accelerated and day.result.id in of]
    frames = [(frame.index, frame.smoke) for day in days for frame in day.result.frames]
    summary = summarise([day.result for day in days], draws=0)
    rows = [
        _row("as it is", days, seed),
        ControlRow(
            name="always open", report=None, auc=None, within_15=None, alerted_within_15=None,
            f1=gate.frame_f1((True, smoke) for _, smoke in frames),
        ),
        ControlRow(
            name=f"clock: open from frame {CLOCK_FRAME} on", report=None, auc=summary.clock_auc.pooled,
            within_15=None, alerted_within_15=None,
            f1=gate.frame_f1((index >= CLOCK_FRAME, smoke) for index, smoke in frames),
        ),
    ]  # fmt: skip
    order = [RANDOM, *(late(minutes) for minutes in LATE_MIN), REVERSED, CONTINUED]
    return rows + [
        _row(one.kind, one.days, seed, one.begun_s) for kind in order for one in made if one.kind == kind
    ]


def _row(
    name: str, days: Sequence[Day], seed: int, begun_s: Sequence[float | None] | None = None
) -> ControlRow:
    report = gate.report(days, seed=seed)
    starts = begun_s if begun_s is not None and name.startswith("begun") and name != RANDOM else None
    return ControlRow(
        name=name,
        report=report,
        auc=summarise([day.result for day in days], draws=0).auc.pooled,
        within_15=None if starts is None else _within(days, starts, alerts=False),
        alerted_within_15=None if starts is None else _within(days, starts, alerts=True),
        f1=report.events.f1,
    )


def _within(days: Sequence[Day], begun_s: Sequence[float | None], *, alerts: bool) -> Share:
    boxed = [(day, begun) for day, begun in zip(days, begun_s, strict=True) if day.result.boxed]
    waits = [
        found - (begun or 0.0)
        for day, begun in boxed
        if (found := gate.found_s_of(day, alerts=alerts)) is not None
    ]
    return statistic.share(sum(wait <= WITHIN_S for wait in waits), len(boxed))
