"""What was aimed at, beside what was reached: for pairs whose recipe states an aim of accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from training.cifar10.report.form import FORMS
from training.cifar10.report.record import Aims, Line, Result, Role
from training.cifar10.report.summary import lines_of

AIMS = Aims(
    loss_max_points={"int8-ptq": 0.7, "int8-qat": 0.3}, size_max_bytes=11_500_000, agreement_min=0.995
)

Kind = Literal["accuracy", "loss", "size", "agreement"]


@dataclass(frozen=True, slots=True)
class Reached:
    """One aim.

    Attributes:
        kind: of the two values: a share, points, bytes, a share.
        form: its title.
        lowest: it is the worst row of all, whatever its pair.
    """

    kind: Kind
    role: Role
    group: str
    form: str
    aim: float
    found: float
    met: bool
    lowest: bool = False


def reached(result: Result) -> list[Reached]:
    """Return every aim, and the row that agrees least if it is another; empty where the recipe states none."""
    found = [
        one
        for pair, settings in result.recipe.pairs.items()
        if settings.aim is not None
        for one in _of_pair(result, pair, settings.aim)
    ]
    agreeing = [line for line in result.summary if line.agreement is not None]
    if found and agreeing:
        lowest = min(agreeing, key=lambda line: line.agreement or 0.0)
        said = {(one.role, one.group, one.form) for one in found if one.kind == "agreement"}
        if (lowest.role, lowest.group, FORMS[lowest.form].title) not in said:
            found += _agreeing(lowest, result.aims, lowest=True)
    return found


def _of_pair(result: Result, pair: str, accuracy: float) -> Iterator[Reached]:
    lines = lines_of(result, "student", pair)
    whole = lines.get("fp32")
    if whole is None:
        return
    yield _reached("accuracy", whole, accuracy, whole.accuracy, met=whole.accuracy >= accuracy)
    for form, limit in result.aims.loss_max_points.items():
        if (line := lines.get(form)) is None:
            continue
        lost = round(100 * (whole.accuracy - line.accuracy), 9)  # 0.3 points exactly are 0.3 points
        size_max = result.aims.size_max_bytes
        yield _reached("loss", line, limit, lost, met=lost <= limit)
        yield _reached("size", line, size_max, line.size_bytes, met=line.size_bytes <= size_max)
        yield from _agreeing(line, result.aims)


def _agreeing(line: Line, aims: Aims, *, lowest: bool = False) -> Iterator[Reached]:
    if line.agreement is not None:
        met = line.agreement >= aims.agreement_min
        yield _reached("agreement", line, aims.agreement_min, line.agreement, met=met, lowest=lowest)


def _reached(kind: Kind, line: Line, aim: float, found: float, *, met: bool, lowest: bool = False) -> Reached:
    return Reached(kind, line.role, line.group, FORMS[line.form].title, aim, found, met, lowest)
