"""How the report writes figures and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

Line = dict[str, Any]
"""One of the result's `summary`: a role, a group and a form, over its seeds."""


def accuracy(line: dict[str, Any]) -> str:
    """Write a line's mean and spread."""
    sd = "" if line["accuracy_sd"] is None else f" ± {100 * line['accuracy_sd']:.2f}"
    return f"{100 * line['accuracy']:.2f}{sd} %"


def percent(share: float | None) -> str:
    """Write a share; a dash for none."""
    return "–" if share is None else f"{100 * share:.2f} %"


def number(value: float | None, spec: str, unit: str = "") -> str:
    """Write a value; nothing for none."""
    return "" if value is None else f"{value:{spec}}{unit}"


def probability(p: float | None) -> str:
    """Write a p-value; a dash for none."""
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def section(title: str, *parts: str) -> str:
    """Write a section of paragraphs and tables; empty ones are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])


def by_key(result: dict[str, Any]) -> dict[tuple[str, str, str], Line]:
    """Return the lines by role, group and form."""
    return {(line["role"], line["group"], line["form"]): line for line in result["summary"]}


def whole_of(result: dict[str, Any], line: Line) -> Line | None:
    """Return the means of the FP32 rows that have the seeds of a line's rows; None if there are none."""
    key = line["role"], line["group"]
    mine = [row for row in result["rows"] if (row["role"], row["group"]) == key]
    seeds = {row["seed"] for row in mine if row["form"] == line["form"]}
    whole = [row for row in mine if row["form"] == "fp32" and row["seed"] in seeds]
    if not whole:
        return None
    return {name: mean(row[name] for row in whole) for name in ("bytes", "latency_ms")} | {
        "accuracy": mean(row["test_accuracy"] for row in whole)
    }
