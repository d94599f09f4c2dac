"""Synthetic smoke: puffs that rise, lean with the wind and thin out, with a texture that turns over."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_PUFFS = 90
_FULL_WIDTH_PX, _WIDTH_MINUTES = 180.0, 14.4  # 90 px wide ten minutes after ignition
_FULL_HEIGHT_PX, _HEIGHT_MINUTES = 140.0, 17.9  # 60 px high by then
_DENSE, _THIN = (196.0, 194.0, 192.0), (214.0, 219.0, 228.0)  # grey over the fire, bluish white far from it


def value_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell_px: tuple[int, int], octaves: int
) -> Floats:
    """Return smooth noise in 0..1 of (H, W) float32 that goes round at its edges without a seam.

    Args:
        rng: where it comes from.
        shape: (H, W), multiples of `cell_px`.
        cell_px: (height, width) of the largest features, multiples of 2 ** (octaves − 1).
        octaves: each has half the size and 0.55 of the strength of the one before.
    Source: value noise, stretched to the range.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cell = (cell_px[0] >> octave, cell_px[1] >> octave)
        grid = rng.random((shape[0] // cell[0], shape[1] // cell[1]), dtype=np.float32)
        around = np.pad(grid, 2, mode="wrap")
        size = (around.shape[1] * cell[1], around.shape[0] * cell[0])
        smooth = cv2.resize(around, size, interpolation=cv2.INTER_CUBIC)
        total += 0.55**octave * smooth[2 * cell[0] : -2 * cell[0], 2 * cell[1] : -2 * cell[1]]
    low, high = np.percentile(total, (1, 99))
    return np.asarray(np.clip((total - low) / (high - low), 0, 1), np.float32)


class Plume:
    """One plume.

    Args:
        rng: chooses its puffs and its texture.
        base_px: (row, column) of the fire.
        direction: 1 when the wind blows to the right, −1 to the left.
    """

    def __init__(self, rng: np.random.Generator, base_px: tuple[int, int], direction: int) -> None:
        self._base_px = base_px
        self._direction = direction
        self._along = np.sort(rng.random(_PUFFS)) ** 1.1  # where a puff is between fire and end
        self._across = rng.normal(0, 1, _PUFFS)
        self._strength = rng.uniform(0.5, 1.3, _PUFFS)
        self._texture = value_noise(rng, (512, 512), (32, 32), octaves=4)

    def draw(self, pixels: Floats, age_min: float) -> None:
        """Blend the plume at `age_min` minutes after ignition over (H, W, 3) float32 RGB, in place."""
        width = _FULL_WIDTH_PX * (1 - np.exp(-age_min / _WIDTH_MINUTES))
        height = _FULL_HEIGHT_PX * (1 - np.exp(-age_min / _HEIGHT_MINUTES))
        margin = int(14 + 0.3 * height)
        rows, cols = int(height) + 2 * margin, int(width) + 2 * margin
        depth = self._depth(rows, cols, width, height, margin, age_min)
        shift = int(age_min * 37)
        texture = np.roll(self._texture, (-3 * shift, -shift), axis=(0, 1))[:rows, :cols]
        alpha = np.float32(0.85) * (1 - np.exp(-depth * (0.25 + 1.5 * texture**1.5)))
        if self._direction < 0:
            alpha, depth, texture = alpha[:, ::-1], depth[:, ::-1], texture[:, ::-1]
        self._blend(pixels, alpha, depth, texture, margin)

    def _depth(
        self, rows: int, cols: int, width: float, height: float, margin: int, age_min: float
    ) -> Floats:
        """Add the puffs up: optical depth of (rows, cols) float32, wind to the right."""
        depth = np.zeros((rows, cols), np.float32)
        along = (self._along + 0.31 * age_min) % 1.0  # every minute shows other puffs on the same path
        for s, across, strength in zip(along, self._across, self._strength, strict=True):
            radius = 2.0 + 0.16 * height * s**0.7
            x = margin + width * 0.82 * s**1.25 + across * radius * 0.4
            y = margin + height * (1 - 0.86 * s**0.62) + across * radius * 0.45
            reach = int(3 * radius) + 1
            top, left = max(0, int(y) - reach), max(0, int(x) - reach)
            bottom, right = min(rows, int(y) + reach), min(cols, int(x) + reach)
            down = np.exp(-0.5 * ((np.arange(top, bottom) - y) / radius) ** 2)
            over = np.exp(-0.5 * ((np.arange(left, right) - x) / radius) ** 2)
            peak = strength * 0.42 * (1 - s) ** 0.8 * min(1.0, age_min / 3)
            depth[top:bottom, left:right] += (peak * np.outer(down, over)).astype(np.float32)
        return depth

    def _blend(self, pixels: Floats, alpha: Floats, depth: Floats, texture: Floats, margin: int) -> None:
        rows, cols = alpha.shape
        top = self._base_px[0] - rows + margin
        left = self._base_px[1] - (margin if self._direction > 0 else cols - margin)
        inside = (
            slice(max(0, top), min(pixels.shape[0], top + rows)),
            slice(max(0, left), min(pixels.shape[1], left + cols)),
        )
        part = (
            slice(inside[0].start - top, inside[0].stop - top),
            slice(inside[1].start - left, inside[1].stop - left),
        )
        dense = np.clip(depth[part] / 2, 0, 1)[..., None]
        colour = dense * np.array(_DENSE, np.float32) + (1 - dense) * np.array(_THIN, np.float32)
        colour = colour * (0.88 + 0.2 * texture[part][..., None])
        view = pixels[inside]
        view += alpha[part][..., None] * (colour - view)
