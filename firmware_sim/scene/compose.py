"""Smoke laid over a picture: its place, what hides it, its light and haze, and the cells that it fills."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.model.preprocess import place
from firmware_sim.scene.layer import Floats
from firmware_sim.scene.light import Light
from firmware_sim.scene.plume import Smoke

INPUT_PX, CELL_PX = (480, 640), 16  # of the smoke model: 30 × 40 cells of a letterboxed frame
ALPHA_MIN = 0.08  # coverage from which a pixel shows smoke
SHARE_MIN = 1 / 16  # of a cell's pixels that show smoke, from which the cell counts as smoke


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plume stands.

    Attributes:
        base_px: (row, column) of the fire.
        distance_km: of the fire; haze grows with it.
        hidden: (H, W) float32, 1 where something stands before the plume, 0 where nothing does.
    """

    base_px: tuple[float, float]
    distance_km: float
    hidden: Floats


def transmission(distance_km: float, visibility_km: float) -> float:
    """Return the share of a plume's own light that comes through the haze before it (Koschmieder's law)."""
    return float(np.exp(-3.912 * distance_km / visibility_km))


def behind(line: Floats, height: int, masts: Floats | None = None) -> Floats:
    """Return what hides a plume that rises behind a ridge line, (H, W) float32.

    Args:
        line: (W,) row of the ridge.
        height: H of the picture.
        masts: (H, W) of what else stands before it.
    """
    rows = np.arange(height, dtype=np.float32)[:, None]
    hidden = np.clip(rows - line + 0.5, 0, 1)
    return np.asarray(hidden if masts is None else np.maximum(hidden, masts), np.float32)


def lay_smoke(pixels: Floats, smoke: Smoke, where: Place, light: Light, rng: np.random.Generator) -> Floats:
    """Lay smoke over (H, W, 3) float32 RGB, in place; return its coverage, (H, W) float32.

    result = (1 − α) picture + α (t · white · shade + (1 − t) · airlight), with t the transmission of the haze before
    the plume; the haze behind it is in the picture already. Within the smoke the sensor's noise is made anew.
    """
    coverage = np.zeros(pixels.shape[:2], np.float32)
    top, left = round(where.base_px[0]) + smoke.top, round(where.base_px[1]) + smoke.left
    rows, cols = smoke.alpha.shape[:2]
    y0, y1 = max(0, top), min(pixels.shape[0], top + rows)
    x0, x1 = max(0, left), min(pixels.shape[1], left + cols)
    if y0 >= y1 or x0 >= x1:
        return coverage
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = smoke.alpha[part] * (1 - where.hidden[y0:y1, x0:x1, None])
    through = np.float32(transmission(where.distance_km, light.visibility_km))
    colour = through * light.white * smoke.shade[part] + (1 - through) * light.airlight
    view = pixels[y0:y1, x0:x1]
    colour += light.noise * rng.standard_normal((y1 - y0, x1 - x0, 1), np.float32)
    view += alpha * (colour - view)
    coverage[y0:y1, x0:x1] = alpha.mean(2)
    return coverage


def cell_alpha(alpha: Floats) -> tuple[Floats, Floats]:
    """Return mean coverage of each cell and the share of its pixels that show smoke, both (30, 40) float32.

    Args:
        alpha: (H, W) float32 over the picture; it is fitted into the model's input as the daemon fits pictures.
    """
    placement = place((alpha.shape[0], alpha.shape[1]), INPUT_PX, letterbox=True)
    y0, x0, y1, x1 = placement.content_px
    fitted = np.zeros(INPUT_PX, np.float32)
    fitted[y0:y1, x0:x1] = cv2.resize(alpha, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    blocks = fitted.reshape(INPUT_PX[0] // CELL_PX, CELL_PX, INPUT_PX[1] // CELL_PX, CELL_PX)
    shown = (blocks >= ALPHA_MIN).mean((1, 3), dtype=np.float32)
    return blocks.mean((1, 3), dtype=np.float32), shown


def smoke_cells(alpha: Floats) -> NDArray[np.bool_]:
    """Return which cells count as smoke, (30, 40) bool.

    A cell counts where at least SHARE_MIN of its pixels have a coverage of ALPHA_MIN or more. While any pixel has
    that, the cell with most of them counts in any case, so that a plume of few pixels has a cell.
    """
    _, shown = cell_alpha(alpha)
    cells: NDArray[np.bool_] = shown >= SHARE_MIN
    if shown.max() > 0:
        cells |= shown == shown.max()
    return cells
