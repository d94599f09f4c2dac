"""The report's plots, from the result alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from training.cifar10.report.form import FORMS
from training.cifar10.report.record import Line, Result
from training.step import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOOR_POINTS = 6  # what is further below the best network is left out of the plot of sizes


def draw(result: Result, stem: Path) -> list[Path]:
    """Draw accuracy against size, and the training's validation accuracy if there is any; return the files.

    Args:
        result: of one run of a recipe.
        stem: a folder for the plots, made if absent.
    """
    plt = pyplot.load("svg")
    plt.rcParams["svg.hashsalt"] = "firetower"
    stem.mkdir(parents=True, exist_ok=True)
    drawn = []
    plots: dict[str, Callable[[Axes, Result], None]] = {"accuracy": _accuracy}
    if any(_curve(result, name) for name in result.training):
        plots["training"] = _training
    for name, fill in plots.items():
        figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
        fill(axes, result)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
        drawn.append(stem / f"{name}.svg")
        figure.savefig(drawn[-1], metadata={"Date": None})
        plt.close(figure)
    return drawn


def shown(result: Result) -> list[Line]:
    """Return the lines that are in the plot of sizes."""
    floor = max(line.accuracy for line in result.summary) - FLOOR_POINTS / 100
    return [line for line in result.summary if line.accuracy >= floor]


def _accuracy(axes: Axes, result: Result) -> None:
    """A colour a network, a marker a form, a bar where several seeds have a spread."""
    lines = shown(result)
    for number, key in enumerate(dict.fromkeys((line.role, line.group) for line in lines)):
        for line in (line for line in lines if (line.role, line.group) == key):
            spread = None if line.accuracy_sd is None else 100 * line.accuracy_sd
            marker = FORMS[line.form].marker
            at = line.size_bytes / 1e6, 100 * line.accuracy
            axes.errorbar(*at, yerr=spread, color=f"C{number}", marker=marker, capsize=3)
        axes.plot([], [], color=f"C{number}", label=", ".join(key))
    for form in dict.fromkeys(line.form for line in lines):
        axes.plot([], [], color="grey", linestyle="", marker=FORMS[form].marker, label=FORMS[form].title)
    axes.set(xscale="log", xlabel="size, MB", ylabel="test accuracy, %")


def _training(axes: Axes, result: Result) -> None:
    for name in result.training:
        if curve := _curve(result, name):
            axes.plot(list(curve), list(curve.values()), label=name)
    axes.set(xlabel="epoch", ylabel="validation accuracy of the average, %")


def _curve(result: Result, name: str) -> dict[int, float]:
    """Return a network's validation accuracy in percent, by epoch."""
    epochs = result.training[name].history
    return {one.epoch: 100 * one.validation_accuracy for one in epochs if one.validation_accuracy is not None}
