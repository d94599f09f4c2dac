"""The report's plots, from the result file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for role, group in dict.fromkeys((line["role"], line["group"]) for line in result["summary"]):
        lines = [line for line in result["summary"] if (line["role"], line["group"]) == (role, group)]
        lines.sort(key=lambda line: line["bytes"])
        sizes = [line["bytes"] / 1e6 for line in lines]
        values = [100 * line["accuracy"] for line in lines]
        spreads = [100 * (line["accuracy_sd"] or 0) for line in lines]
        axes.errorbar(sizes, values, yerr=spreads, marker="o", capsize=3, label=f"{role}, {group}")
    axes.set(xscale="log", xlabel="size, MB", ylabel="test accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend()
    accuracy = stem / "accuracy.svg"
    figure.savefig(accuracy, metadata={"Date": None})
    plt.close(figure)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, one in result["training"].items():
        shown = [(record["epoch"], record["validation_accuracy"]) for record in one["history"]]
        shown = [(epoch, 100 * accuracy_) for epoch, accuracy_ in shown if accuracy_ is not None]
        if shown:
            axes.plot(*zip(*shown, strict=True), label=name)
    axes.set(xlabel="epoch", ylabel="validation accuracy of the average, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    history = stem / "training.svg"
    figure.savefig(history, metadata={"Date": None})
    plt.close(figure)
    return [accuracy, history]
