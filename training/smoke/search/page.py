"""The page of a search, from its result alone; prose stands in `page.md.jinja`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from jinja2 import FileSystemLoader

from training.export.card import environment
from training.smoke.search import plot
from training.smoke.search.result import Result
from training.smoke.search.space import Value
from training.step.step import write_whole

TEMPLATE = Path(__file__).with_name("page.md.jinja")


def render(result: Result, front: Path | None, source: Path | None) -> str:
    """Return the page.

    Args:
        result: of one search.
        front: the plot, relative to the page.
        source: the result file, relative to the page.
    """
    made = environment(FileSystemLoader(TEMPLATE.parent))
    made.filters["value"] = value
    rows = sorted(result.trials, key=lambda row: (not row.front, row.tried.delay_min, row.ms or 0.0))
    rows += [] if result.landmark is None else [result.landmark]
    names = list(rows[0].parameters) if rows else []
    counted = any(row.counted is not None for row in rows)
    text = made.get_template(TEMPLATE.name).render(
        result=result, rows=rows, names=names, front=front, source=source, counted=counted
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(result: Result, path: Path, source: Path | None) -> None:
    """Write the page and its plot.

    Args:
        result: of one search.
        path: of the page; the plot comes into a folder of its name.
        source: where the result was written, to be linked to.
    """
    drawn = plot.draw(result, path.with_suffix(""))
    front = None if drawn is None else drawn.relative_to(path.parent)
    link = None if source is None else Path(os.path.relpath(source, path.parent))
    text = render(result, front, link)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def value(one: Value) -> str:
    """Write a parameter: yes or no, a name, or a number of three digits."""
    if isinstance(one, bool):
        return "yes" if one else "no"
    return one if isinstance(one, str) else f"{one:.3g}"
