"""Where a rendered camera looks, and noise for its land and clouds that does not depend on the picture's size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.layer import Floats

HORIZON = 0.40  # of the picture's height from the top
_GAIN = 0.55  # of each octave over the one before


@dataclass(frozen=True, slots=True)
class Outlook:
    """A camera that looks level over land.

    Attributes:
        size_px: (height, width), at least 64 px a side.
        heading_deg: of its middle column, from north over east.
        field_deg: from its left edge to its right one, 10 to 120.
    Raises:
        SceneError: a value out of range.
    """

    size_px: tuple[int, int] = (480, 640)
    heading_deg: float = 0.0
    field_deg: float = 60.0

    def __post_init__(self) -> None:
        if min(self.size_px) < 64 or not 10 <= self.field_deg <= 120:
            raise SceneError(
                f"a view of {self.size_px} px and {self.field_deg} degrees; expected 64 px or more, 10 to 120 degrees"
            )

    @property
    def focal_px(self) -> float:
        """Pixels of a tangent of 1."""
        return float(self.size_px[1] / 2 / np.tan(np.radians(self.field_deg / 2)))

    @property
    def horizon_row(self) -> float:
        """Row of what is as high as the camera."""
        return HORIZON * self.size_px[0]

    def bearings_deg(self, step: int = 1) -> NDArray[np.float64]:
        """Return (columns,) degrees to the right of the heading, of every `step`-th column's middle."""
        middle = np.arange(0, self.size_px[1], step) + step / 2 - self.size_px[1] / 2
        return np.asarray(np.degrees(np.arctan(middle / self.focal_px)), np.float64)

    def elevations_deg(self, step: int = 1) -> NDArray[np.float64]:
        """Return (rows,) degrees above the horizon, of every `step`-th row's middle."""
        middle = np.arange(0, self.size_px[0], step) + step / 2
        return np.asarray(np.degrees(np.arctan((self.horizon_row - middle) / self.focal_px)), np.float64)

    def column(self, bearing_deg: float) -> float:
        """Return the column of what lies so far to the right of the heading."""
        return self.size_px[1] / 2 + self.focal_px * float(np.tan(np.radians(bearing_deg)))


def field_noise(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], octaves: int
) -> Floats:
    """Return smooth noise in 0..1, (rows, columns) float32; the same lots give the same hills at any size.

    Args:
        rng: where it comes from.
        size: (rows, columns).
        cells: (down, across) features of the first octave; each further one has twice as many.
        octaves: what is finer than the picture's own pixels is left out.
    Source: value noise, stretched to the range.
    """
    total: Floats = np.zeros(size, np.float32)
    for octave, lots in enumerate(rng.spawn(octaves)):
        grid = (cells[0] << octave, cells[1] << octave)
        if octave and (grid[0] > 2 * size[0] or grid[1] > 2 * size[1]):
            break
        values = lots.random(grid, dtype=np.float32)
        total += np.float32(_GAIN**octave) * cv2.resize(values, size[::-1], interpolation=cv2.INTER_CUBIC)
    low, high = np.percentile(total, (1, 99))
    return np.asarray(np.clip((total - low) / max(float(high - low), 1e-6), 0, 1), np.float32)
