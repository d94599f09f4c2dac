"""The report as a page, from the result alone: prose stands in `template`, figures come from the records."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader

from training.cifar10.report import about, aim, choices, cost, figure, gain, plot
from training.cifar10.report.form import FORMS
from training.cifar10.report.record import Result
from training.export.card import environment
from training.step.step import write_whole


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template reads, except the functions of `about`, `choices` and `cost` that take the result.

    Attributes:
        source: the result file, relative to the page; None where it was not written.
        plots: relative to the page, by name.
        floor_points: what is further below the best is left out of the plot of sizes.
        left_out: whether something is.
    """

    result: Result
    source: Path | None
    plots: dict[str, Path]
    terms: about.Terms
    commits: about.Commits
    scored_last: bool
    learned: list[about.Learned]
    ahead: list[about.Ahead]
    added: list[about.Added]
    gains: list[gain.Gain]
    saved: list[cost.Saved]
    students: list[cost.Students]
    both: list[cost.Both]
    doubt: cost.Doubt | None
    aims: list[aim.Reached]
    tried: list[choices.Tried]
    standard_error: float | None
    floor_points: int
    left_out: bool


def render(result: Result, plots: Sequence[Path], source: Path | None = None) -> str:
    """Return the page.

    Args:
        result: of one run of a recipe.
        plots: relative to the page, named as `plot.draw` names them.
        source: the result file, relative to the page.
    """
    saved = cost.saved(result)
    page = Page(
        result=result,
        source=source,
        plots={path.stem: path for path in plots},
        terms=about.terms(result),
        commits=about.commits(result),
        scored_last=about.scored_last(result),
        learned=about.learned(result),
        ahead=about.ahead(result),
        added=about.added(result),
        gains=gain.gains(result),
        saved=saved,
        students=cost.students(saved),
        both=cost.both(result),
        doubt=None if result.latency is None else cost.doubt(result.latency),
        aims=aim.reached(result),
        tried=choices.tried(result),
        standard_error=choices.standard_error(result),
        floor_points=plot.FLOOR_POINTS,
        left_out=len(plot.shown(result)) < len(result.summary),
    )
    text = _environment().get_template("page.md.jinja").render(page=page, result=result)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> Environment:
    made = environment(PackageLoader("training.cifar10.report", "template"))
    made.filters |= figure.FILTERS
    made.globals |= {"multiplied": cost.multiplied, "mixed_bits": choices.mixed_bits, "forms": FORMS}
    return made


def write(result: Result, path: Path, source: Path | None) -> None:
    """Write the Markdown page and its plots.

    Args:
        result: of one run of a recipe.
        path: of the page; the plots come into a folder of its name.
        source: where the result was written, to be linked to.
    """
    plots = plot.draw(result, path.with_suffix(""))
    shown = [drawn.relative_to(path.parent) for drawn in plots]
    link = None if source is None else Path(os.path.relpath(source, path.parent))
    text = render(result, shown, link)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
