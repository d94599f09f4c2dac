"""Means over seeds, from the rows of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from training.cifar10.report.form import Form
from training.cifar10.report.record import Line, Result, Role, Row


def summarise(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Return a line for each role, group and form."""
    groups: dict[tuple[Role, str, Form], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.role, row.group, row.form), []).append(row)
    return tuple(_line(some) for some in groups.values())


def _line(rows: Sequence[Row]) -> Line:
    first, accuracies = rows[0], [row.test_accuracy for row in rows]
    agreements = [row.agreement.predictions for row in rows if row.agreement is not None]
    return Line(
        role=first.role,
        group=first.group,
        form=first.form,
        ran=first.ran,
        seeds=len(rows),
        accuracy=mean(accuracies),
        accuracy_sd=stdev(accuracies) if len(rows) > 1 else None,
        size_bytes=round(mean(row.size_bytes for row in rows)),
        macs=first.macs,
        latency_ms=mean_of([row.latency_ms for row in rows]),
        energy_j=mean_of([row.energy_j for row in rows]),
        agreement=min(agreements, default=None),
    )


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of those that are known; None if none is."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def lines_of(result: Result, role: Role, group: str) -> dict[Form, Line]:
    """Return the lines of a role and group, by form."""
    return {line.form: line for line in result.summary if (line.role, line.group) == (role, group)}


@dataclass(frozen=True, slots=True)
class Whole:
    """Means of FP32 rows."""

    accuracy: float
    size_bytes: float
    latency_ms: float | None


def whole_of(result: Result, line: Line) -> Whole | None:
    """Return the means of the FP32 rows that have the seeds of a line's rows; None if there are none."""
    mine = [row for row in result.rows if (row.role, row.group) == (line.role, line.group)]
    seeds = {row.seed for row in mine if row.form == line.form}
    whole = [row for row in mine if row.form == "fp32" and row.seed in seeds]
    if not whole:
        return None
    return Whole(
        mean(row.test_accuracy for row in whole),
        mean(row.size_bytes for row in whole),
        mean_of([row.latency_ms for row in whole]),
    )
