"""The page of the gate, from the result alone: prose stands in `template`, figures come from the records."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader

from scoring.gate import Estimate
from scoring.statistic import Share
from training.export.card import environment
from training.gate import plot
from training.gate.aim import aims, by_camera
from training.gate.result import Result
from training.step.step import write_whole

NONE = "–"


def render(result: Result, curve: Path | None, source: Path | None) -> str:
    """Return the page.

    Args:
        result: of one evaluation.
        curve: the plot, relative to the page.
        source: the result file, relative to the page.
    """
    template = templates().get_template("smoke.md.jinja")
    text = template.render(
        result=result, curve=curve, source=source, aims=aims(result), crossed=by_camera(result.folds)
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(result: Result, path: Path, source: Path | None) -> None:
    """Write the page and its plot.

    Args:
        result: of one evaluation.
        path: of the page; the plot comes into a folder of its name.
        source: where the result was written, to be linked to.
    """
    drawn = plot.draw(result, path.with_suffix(""))
    curve = None if drawn is None else drawn.relative_to(path.parent)
    link = None if source is None else Path(os.path.relpath(source, path.parent))
    text = render(result, curve, link)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def number(value: float | None, spec: str = ".2f") -> str:
    """Write a value by Python's format; a dash where it is unknown."""
    return NONE if value is None else f"{value:{spec}}"


def estimate(one: Estimate, spec: str = ".2f", *, factor: float = 1.0) -> str:
    """Write a ratio with its interval."""
    if one.value is None:
        return NONE
    text = f"{factor * one.value:{spec}}"
    if one.low is None or one.high is None:
        return text
    return f"{text} ({factor * one.low:{spec}} to {factor * one.high:{spec}})"


def share(one: Share | None) -> str:
    """Write how many of how many, with the exact interval of the share."""
    if one is None or one.share is None:
        return NONE
    return f"{one.count} of {one.total} ({one.low:.2f} to {one.high:.2f})"


def short(one: Share | None) -> str:
    """Write how many of how many."""
    return NONE if one is None or not one.total else f"{one.count} of {one.total}"


def counted(some: dict[str, int]) -> str:
    """Write counts by cause; a dash where there are none."""
    return ", ".join(f"{number} {cause}" for cause, number in some.items()) or NONE


@cache
def templates() -> Environment:
    """Return the templates of the gate's pages, with the filters above."""
    made = environment(PackageLoader("training.gate", "template"))
    made.filters |= {
        "number": number,
        "estimate": estimate,
        "share": share,
        "short": short,
        "counted": counted,
    }
    return made
