"""The report's plots, from the result file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.cifar10.report.form import FORMS

FLOOR_POINTS = 6  # what is further below the best network is left out of the plot of sizes


def draw(result: dict[str, Any], stem: Path) -> list[Path]:
    """Draw accuracy against size, and the training's validation accuracy; return the files.

    Args:
        result: as `report.collect` made it.
        stem: a folder for the plots, made if absent.
    """
    import matplotlib as mpl  # noqa: PLC0415 — a second to import

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "firetower"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    stem.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, fill in (("accuracy", _accuracy), ("training", _training)):
        figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
        fill(axes, result)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
        drawn.append(stem / f"{name}.svg")
        figure.savefig(drawn[-1], metadata={"Date": None})
        plt.close(figure)
    return drawn


def _accuracy(axes: Any, result: dict[str, Any]) -> None:  # noqa: ANN401 — matplotlib's
    """A colour a network, a marker a form, a bar where several seeds have a spread."""
    floor = max(line["accuracy"] for line in result["summary"]) - FLOOR_POINTS / 100
    lines = [line for line in result["summary"] if line["accuracy"] >= floor]
    for number, key in enumerate(dict.fromkeys((line["role"], line["group"]) for line in lines)):
        for line in (line for line in lines if (line["role"], line["group"]) == key):
            at = line["bytes"] / 1e6, 100 * line["accuracy"]
            spread = None if line["accuracy_sd"] is None else 100 * line["accuracy_sd"]
            axes.errorbar(*at, yerr=spread, color=f"C{number}", marker=FORMS[line["form"]].marker, capsize=3)
        axes.plot([], [], color=f"C{number}", label=", ".join(key))
    for form in dict.fromkeys(line["form"] for line in lines):
        axes.plot([], [], color="grey", linestyle="", marker=FORMS[form].marker, label=FORMS[form].title)
    axes.set(xscale="log", xlabel="size, MB", ylabel="test accuracy, %")


def _training(axes: Any, result: dict[str, Any]) -> None:  # noqa: ANN401 — matplotlib's
    for name, one in result["training"].items():
        shown = [(record["epoch"], record["validation_accuracy"]) for record in one["history"]]
        shown = [(epoch, 100 * accuracy) for epoch, accuracy in shown if accuracy is not None]
        if shown:
            axes.plot(*zip(*shown, strict=True), label=name)
    axes.set(xlabel="epoch", ylabel="validation accuracy of the average, %")
