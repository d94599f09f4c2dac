"""The curve of the gate: capped delay and fires found against false alarms, as the threshold moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.gate.result import Point, Result
from training.step import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(result: Result, folder: Path) -> Path | None:
    """Draw the curve into a folder, made if absent; None where there is nothing to draw."""
    if not any(point.fires.total for point in result.curve):
        return None
    plt = pyplot.load("svg")
    plt.rcParams["svg.hashsalt"] = "firetower"
    folder.mkdir(parents=True, exist_ok=True)
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 6.5), sharex=True, layout="constrained")
    _lines(above, below, result.curve, alerts=False)
    if result.bundle.alert is not None:
        _lines(above, below, result.curve, alerts=True)
    above.set(ylabel="capped delay, minutes", title="optimistic: the threshold moves on the judged frames")
    below.set(
        ylabel="share found" if result.bundle.localised else "share found, not localised",
        xlabel="false alarms per watched hour",
        ylim=(0, 1.02),
    )
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    path = folder / "curve.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _lines(above: Axes, below: Axes, points: Sequence[Point], *, alerts: bool) -> None:
    name, style = ("alerts", "--") if alerts else ("events", "-")
    rates = _values([(p.alert_alarms if alerts else p.alarms).value for p in points])
    delays = _values([p.alert_delay_min if alerts else p.delay_min for p in points])
    fires = _values([(p.alert_fires if alerts else p.fires).share for p in points])
    planted = _values(
        [None if (s := p.alert_planted if alerts else p.planted) is None else s.share for p in points]
    )
    above.plot(rates, delays, style, marker="o", markersize=3, color="C0", label=name)
    below.plot(rates, fires, style, marker="o", markersize=3, color="C1", label=f"fires, {name}")
    if np.isfinite(planted).any():
        below.plot(rates, planted, style, marker="s", markersize=3, color="C2", label=f"planted, {name}")
    shipped = [index for index, point in enumerate(points) if point.by == 0]
    above.plot(rates[shipped], delays[shipped], "k*", markersize=10, label=f"as shipped, {name}")


def _values(some: Sequence[float | None]) -> NDArray[np.float64]:
    """Return values of which matplotlib leaves the unknown out."""
    return np.array([np.nan if value is None else value for value in some], np.float64)
