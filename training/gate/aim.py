"""The table of aims: what is wanted of a detector, and what this result says of it.

What only folds can tell stands in the cross-validation's own result, and is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.gate import Estimate, Report
from scoring.planted import Planted
from training.gate.control import late
from training.gate.result import Result, StreamRow

_FOLDS = "cross-validation"
_ELSEWHERE = "measured elsewhere"
_NONE = "–"
_NESTED = (
    (
        "HPWREN nested: views found of 17 (fires of 14), as alert / as candidate",
        "11 (9) / 13 (11)",
        "14 (12) / 16 (13)",
    ),
    ("… false alarms an hour, alert / candidate", ".1 / .25", ".05 / .15"),
    ("… capped delay, minutes, alert / candidate", "14 / 11", "9 / 7"),
)


@dataclass(frozen=True, slots=True)
class Aim:
    """One line: its figures are texts, alert before candidate where it has both."""

    what: str
    today: str
    least: str
    reach: str


def aims(result: Result) -> list[Aim]:
    """Return the table; only streams at true times of cameras without any fire say something of quiet days."""
    quiet = quiet_rows(result.streams)
    found: list[Aim] = []
    for row in quiet:
        assert row.report is not None
        found += _quiet(row.name, row.report)
    stress = result.stress
    if stress.sequences:
        frames = stress.events.openings.exposure
        found.append(
            Aim(
                f"stress: frames laid closer than taken, openings in {frames:.0f} watched frames, alert / candidate",
                f"{stress.alerts.openings.count:.0f} / {stress.events.openings.count:.0f}",
                "2 / 8", "0 / 3",
            )
        )  # fmt: skip
    watched = [_watched(row) for row in result.streams if not row.seen]
    return [
        *found,
        *(Aim(what, _FOLDS, least, reach) for what, least, reach in _NESTED),
        Aim(
            "planted fires lost to all decision rules, of 100 that the bare score finds, worst condition, alert / "
            "candidate",
            _lost(result.planted),
            "5",
            "2",
        ),
        Aim(
            "share of due frames watched, worst stream",
            f"{min(watched):.3f}" if watched else _NONE,
            ".95",
            ".99",
        ),
        Aim(
            "started in smoke: candidate within 15 minutes, of boxed views (begun 5 minutes after the first box)",
            _begun(result),
            "half",
            "three quarters",
        ),
        Aim(
            "INT8 against float", _FOLDS, "same views but one, delay within 1 min, false alarms within 2", ""
        ),
        Aim("instructions an inference, A72 / A76, million", _ELSEWHERE, "300 / 150", "150 / 60"),
        Aim(
            "RSS after ten inferences less RSS before the runtime is imported, LiteRT, MB",
            _ELSEWHERE,
            "34",
            "28",
        ),
    ]


def quiet_rows(rows: Sequence[StreamRow]) -> list[StreamRow]:
    """Return unseen streams at true times on which nothing burns."""
    return [
        row
        for row in rows
        if row.report is not None and not row.seen and not row.report.views and _hours(row) > 24
    ]


def _quiet(name: str, report: Report) -> list[Aim]:
    alarms, opened = report.alerts.alarms, report.alerts.open
    return [
        Aim(
            f"{name}, left out: false alarms (recounted) per 24 watched hours, alert / candidate",
            f"{_day(alarms.per_day)} / {_day(report.events.alarms.per_day)}", "4 / 12", "1 / 4",
        ),
        Aim(
            "… share of watched time open, alert / candidate",
            f"{_share(opened)} / {_share(report.events.open)}", ".02 / .08", ".005 / .03",
        ),
    ]  # fmt: skip


def _hours(row: StreamRow) -> float:
    return 0.0 if row.report is None else row.report.events.alarms.per_hour.exposure


def _watched(row: StreamRow) -> float:
    whole = row.report or row.stress
    return 1.0 if whole is None or whole.watched.frames.value is None else whole.watched.frames.value


def _lost(found: Planted | None) -> str:
    """Return how many of 100 are lost in the worst condition, as alerts and as events."""
    if found is None:
        return _NONE
    rows = found.by_condition
    alerts = rows[found.worst_alerts].lost_alerts.share if found.worst_alerts else None
    events = rows[found.worst_events].lost_events.share if found.worst_events else None
    return " / ".join(_NONE if share is None else f"{100 * share:.0f}" for share in (alerts, events))


def _begun(result: Result) -> str:
    shares = [row.within_15 for row in result.controls if row.name == late(5)]
    if not shares or shares[0] is None:
        return _NONE
    return f"{shares[0].count} of {shares[0].total}"


def _day(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1f}"


def _share(one: Estimate) -> str:
    return _NONE if one.value is None else f"{one.value:.3f}"
