"""A region: connected cells of one score map that are above the threshold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """Connected cells of one label, at one time.

    Attributes:
        label: the class.
        peak: the largest score among its cells, as the manifest's kind (logit or probability).
        peak_cell: (row, col) of that cell.
        cells: how many cells it has.
        cell_box: (row0, col0, row1, col1), ends excluded.
        box_px: (x0, y0, x1, y1) in pixels of the source frame.
        usual: whether no cell of it is above what horizon and memory of the hour together raised the threshold to.
        far: the same of the horizon alone.
    """

    label: str
    peak: float
    peak_cell: tuple[int, int]
    cells: int
    cell_box: tuple[int, int, int, int]
    box_px: tuple[int, int, int, int]
    usual: bool = False
    far: bool = False
