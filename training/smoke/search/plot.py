"""The plot of a search: capped delay against INT8 time, the front as a line."""

from __future__ import annotations

from pathlib import Path

from training.smoke.search.result import Result, Row
from training.smoke.search.space import TODAY
from training.step import pyplot

NAME = "front.svg"


def draw(result: Result, folder: Path) -> Path | None:
    """Draw the trials into a folder, made if absent; None where no time was measured."""
    rows = [row for row in result.trials if row.ms is not None]
    if not rows:
        return None
    plt = pyplot.load("svg")
    plt.rcParams["svg.hashsalt"] = "firetower"
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for number, name in enumerate(result.backbones):
        axes.scatter(*_points([r for r in rows if _of(r, name)]), color=f"C{number}", s=24, label=name)
    best = sorted((row for row in rows if row.front), key=lambda row: row.ms or 0.0)
    axes.plot(*_points(best), "k-", linewidth=1, label="front")
    axes.scatter(
        *_points([r for r in rows if _is_today(r)]), s=120, facecolors="none", edgecolors="k", label="today's"
    )
    beside = [] if result.landmark is None else [result.landmark]
    for row in beside:
        axes.scatter(*_points([row]), marker="*", s=90, color="k", label=f"{row.name}, no trial")
    for row in [*rows, *beside]:
        axes.annotate(row.name, (row.ms, row.tried.delay_min), (4, 4), textcoords="offset points", fontsize=7)
    axes.set(xlabel="INT8 ms an inference, one thread", ylabel="capped delay on inner folds, minutes")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path = folder / NAME
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _points(rows: list[Row]) -> tuple[list[float], list[float]]:
    return [row.ms or 0.0 for row in rows], [row.tried.delay_min for row in rows]


def _of(row: Row, backbone: str) -> bool:
    return row.parameters["backbone"] == backbone


def _is_today(row: Row) -> bool:
    return all(row.parameters[name] == value for name, value in TODAY.items())
