"""The table of aims: what is wanted of a detector, and what this result says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.gate import Estimate, Report, StressReport
from scoring.planted import BARE_LEAST, Planted
from scoring.statistic import Share
from training.gate import folds
from training.gate.control import late
from training.gate.result import Costs, Result, StreamRow

_NONE = "–"
_NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Aim:
    """One line: its figures are texts, alert before candidate where it has both."""

    what: str
    today: str
    least: str
    reach: str


def aims(result: Result) -> list[Aim]:
    """Return the table; from cross-validation where there is one: its bundles have seen nothing that they judge.

    Only streams at true times of cameras without any fire say something of quiet days.
    """
    crossed = by_camera(result.folds)
    return [
        *(aim for name, report in _quiet_reports(result, crossed) for aim in _quiet(name, report)),
        *(_stress(report) for report in _stress_reports(result, crossed)),
        *_nested(None if crossed is None else crossed.pooled),
        Aim(
            "planted fires lost to all decision rules, of 100 that the bare score finds, worst condition, alert / "
            "candidate",
            _lost(result.planted), "5", "2",
        ),
        Aim("share of due frames watched, worst stream", _least_watched(result, crossed), ".95", ".99"),
        Aim(
            "started in smoke: candidate within 15 minutes, of boxed views (begun 5 minutes after the first box)",
            _begun(result), "half", "three quarters",
        ),
        Aim(
            "INT8 against float", _NOT_MEASURED, "same views but one, delay within 1 min, false alarms within 2", ""
        ),
        Aim("instructions an inference, A72 / A76, million", _instructions(result.costs), "300 / 150", "150 / 60"),
        Aim(
            f"RSS after ten inferences less RSS before the runtime is imported, {result.bundle.backend}, MB",
            _NONE if result.costs.rss_bytes is None else f"{result.costs.rss_bytes / 1e6:.0f}", "34", "28",
        ),
    ]  # fmt: skip


def by_camera(crossed: Sequence[folds.Result]) -> folds.Result | None:
    """Return the cross-validation by camera groups, over all folds; None where there is none."""
    return next((one for one in crossed if one.complete and not one.by_mast), None)


def quiet_rows(rows: Sequence[StreamRow]) -> list[StreamRow]:
    """Return unseen streams at true times on which nothing burns."""
    return [row for row in rows if row.report is not None and not row.seen and _is_quiet(row.report)]


def _is_quiet(report: Report) -> bool:
    return not report.views and report.events.alarms.per_hour.exposure > 24


def _quiet_reports(result: Result, crossed: folds.Result | None) -> list[tuple[str, Report]]:
    if crossed is None:
        return [(row.name, row.report) for row in quiet_rows(result.streams) if row.report is not None]
    some = [(row.name, row.report) for row in crossed.folds if row.kind == "quiet"]
    return [(name, report) for name, report in some if report is not None and _is_quiet(report)]


def _stress_reports(result: Result, crossed: folds.Result | None) -> list[StressReport]:
    if crossed is None:
        return [result.stress] if result.stress.sequences else []
    return [row.stress for row in crossed.folds if row.kind == "quiet" and row.stress is not None]


def _stress(stress: StressReport) -> Aim:
    frames = stress.events.openings.exposure
    return Aim(
        f"stress: frames laid closer than taken, openings in {frames:.0f} watched frames, alert / candidate",
        f"{stress.alerts.openings.count:.0f} / {stress.events.openings.count:.0f}", "2 / 8", "0 / 3",
    )  # fmt: skip


def _nested(pooled: Report | None) -> list[Aim]:
    """Say what folds found together."""
    found = alarms = delay = _NONE
    views = fires = "?"
    if pooled is not None:
        alerts, events = pooled.alerts, pooled.events
        views, fires = f"{events.found.views.total}", f"{events.found.fires.total}"
        found = " / ".join(f"{one.found.views.count} ({one.found.fires.count})" for one in (alerts, events))
        alarms = " / ".join(_value(one.alarms.per_hour, ".2f") for one in (alerts, events))
        delay = " / ".join(_value(one.delay_min, ".0f") for one in (alerts, events))
    return [
        Aim(
            f"nested: views found of {views} (fires of {fires}), as alert / as candidate",
            found, "11 (9) / 13 (11)", "14 (12) / 16 (13)",
        ),
        Aim("… false alarms an hour, alert / candidate", alarms, ".1 / .25", ".05 / .15"),
        Aim("… capped delay, minutes, alert / candidate", delay, "14 / 11", "9 / 7"),
    ]  # fmt: skip


def _quiet(name: str, report: Report) -> list[Aim]:
    alarms = report.alerts.alarms
    return [
        Aim(
            f"{name}, left out: false alarms (recounted) per 24 watched hours, alert / candidate",
            f"{_day(alarms.per_day)} / {_day(report.events.alarms.per_day)}", "4 / 12", "1 / 4",
        ),
        Aim(
            "… share of watched time open, alert / candidate",
            " / ".join(_value(one.open, ".3f") for one in (report.alerts, report.events)), ".02 / .08", ".005 / .03",
        ),
    ]  # fmt: skip


def _least_watched(result: Result, crossed: folds.Result | None) -> str:
    rows: list[StreamRow | folds.FoldRow] = [row for row in result.streams if not row.seen]
    rows += [] if crossed is None else crossed.folds
    shares = [
        share
        for row in rows
        for whole in (row.report, row.stress)
        if whole is not None and (share := whole.watched.frames.value) is not None
    ]
    return f"{min(shares):.3f}" if shares else _NONE


def _instructions(costs: Costs) -> str:
    if costs.instructions is None:
        return _NOT_MEASURED
    return " / ".join(f"{costs.instructions[board] / 1e6:.0f}" for board in ("pi4", "pi5"))


def _lost(found: Planted | None) -> str:
    """Return how many of 100 are lost in the worst condition, as alerts and as events."""
    if found is None:
        return _NONE
    rows = found.by_condition
    blind = [name for name, one in rows.items() if one.bare.total and not one.bare.count]
    alerts = None if found.worst_alerts is None else rows[found.worst_alerts].lost_alerts
    events = None if found.worst_events is None else rows[found.worst_events].lost_events
    if all(one.bare.count < BARE_LEAST for one in rows.values()):
        return _NONE
    told = " / ".join(
        _lost_of(one, name) for one, name in ((alerts, found.worst_alerts), (events, found.worst_events))
    )
    return told + (f"; the bare score finds none in {', '.join(blind)}" if blind else "")


def _lost_of(one: Share | None, condition: str | None) -> str:
    if one is None or one.share is None:
        return "0"
    return f"{100 * one.share:.0f} ({condition}, {one.count} of {one.total})"


def _begun(result: Result) -> str:
    shares = [row.within_15 for row in result.controls if row.name == late(5)]
    if not shares or shares[0] is None:
        return _NONE
    return f"{shares[0].count} of {shares[0].total}"


def _day(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f}"


def _value(one: Estimate, spec: str) -> str:
    return _NONE if one.value is None else f"{one.value:{spec}}"
