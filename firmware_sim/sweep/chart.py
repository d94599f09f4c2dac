"""The map of a sweep: share of winters without cut-off, over panel and battery, a square for each board and cadence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import MissingExtraError
from edge.scratch import temporary_folder
from firmware_sim.physics.errors import PhysicsError
from firmware_sim.sweep.grid import Grid, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_KINDS = (".svg", ".png")


def draw(grid: Grid, points: Sequence[Point], path: Path) -> None:
    """Draw a sweep; the same points give the same file.

    Args:
        grid: what was swept.
        points: all of it.
        path: ends with .svg or .png.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OSError: it cannot be written.
        PhysicsError: the name ends otherwise.
    """
    check_name(path)
    plt = _pyplot(path.suffix.removeprefix("."))
    rows = [(place, board) for place in grid.places for board in grid.boards]
    size = (2.3 * len(grid.cadences_s) + 1.6, 2.1 * len(rows) + 1)
    figure, squares = plt.subplots(
        len(rows),
        len(grid.cadences_s),
        figsize=size,
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    drawn: AxesImage | None = None
    for row, (place, board) in enumerate(rows):
        for column, cadence_s in enumerate(grid.cadences_s):
            chosen = [p for p in points if (p.place, p.board, p.cadence_s) == (place, board, cadence_s)]
            drawn = _square(squares[row][column], grid, chosen)
            squares[row][column].set_title(f"{place}  {board}  {cadence_s:g} s", fontsize=7)
        squares[row][0].set_ylabel("panel, W peak", fontsize=7)
    for axes in squares[-1]:
        axes.set_xlabel("battery, Wh", fontsize=7)
    bar = figure.colorbar(drawn, ax=squares, shrink=0.6, pad=0.02)
    bar.set_label(
        f"share of {grid.years} simulated winters without cut-off\na dot: all of them; a ring: at least 90 %",
        fontsize=7,
    )
    bar.ax.tick_params(labelsize=6)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None}, dpi=120)
    plt.close(figure)


def check_name(path: Path) -> None:
    """Refuse a name that no map can have.

    Raises:
        PhysicsError: it ends neither with .svg nor with .png.
    """
    if path.suffix not in _KINDS:
        raise PhysicsError(f"map: got '{path.name}'; expected a name that ends with .svg or .png")


def _square(axes: Axes, grid: Grid, points: Sequence[Point]) -> AxesImage:
    panels, batteries = sorted(set(grid.panels_w)), sorted(set(grid.batteries_wh))
    share = np.full((len(panels), len(batteries)), np.nan)
    for point in points:
        share[panels.index(point.panel_w), batteries.index(point.battery_wh)] = point.share
    drawn = axes.imshow(
        share, origin="lower", aspect="auto", cmap="viridis", vmin=0.0, vmax=1.0, interpolation="none"
    )
    across, up = np.meshgrid(range(len(batteries)), range(len(panels)))
    nearly = (share >= 0.9) & (share < 1)
    axes.plot(
        across[nearly], up[nearly], "o", color="black", fillstyle="none", markersize=2.5, markeredgewidth=0.5
    )
    axes.plot(across[share == 1], up[share == 1], "k.", markersize=2.5)
    axes.set_xticks(range(len(batteries)), [f"{each:g}" for each in batteries], fontsize=6, rotation=60)
    axes.set_yticks(range(len(panels)), [f"{each:g}" for each in panels], fontsize=6)
    return drawn


def _pyplot(backend: str) -> ModuleType:
    """Import pyplot; its list of fonts goes with the process unless MPLCONFIGDIR says where it lies."""
    with temporary_folder("pyplot-") as made:
        folder = str(made)
        os.environ.setdefault("MPLCONFIGDIR", folder)
        try:
            import matplotlib as mpl  # noqa: PLC0415 — of the extra sim, and told where to write by now

            mpl.use("svg" if backend == "svg" else "agg")
            from matplotlib import pyplot as plt  # noqa: PLC0415 — likewise
        except ImportError as error:
            raise MissingExtraError("the map of firetower sim sweep", "sim") from error
        finally:
            if os.environ["MPLCONFIGDIR"] == folder:
                del os.environ["MPLCONFIGDIR"]
    plt.rcParams["svg.hashsalt"] = "firetower"
    return plt
