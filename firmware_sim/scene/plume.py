"""A drawn plume: puffs that rise with the 2/3 law, lean with the wind, spread and thin out, lit from one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.plume import value_noise
from firmware_sim.scene.layer import Floats

Colour: TypeAlias = Literal["white", "grey", "brown"]
# share of light that comes back from thin and from thick smoke (RGB)
_ALBEDO: dict[Colour, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "white": ((0.93, 0.95, 0.98), (0.98, 0.97, 0.95)),
    "grey": ((0.82, 0.84, 0.87), (0.68, 0.67, 0.66)),
    "brown": ((0.84, 0.80, 0.76), (0.68, 0.60, 0.51)),
}
_BLUER = np.array((0.92, 1.0, 1.1), np.float32)  # thin smoke scatters blue more than red
_PUFFS = 170  # alive at once in a grown plume
_KEPT = 4096  # lots; puff 4096 has those of puff 0
_TILE_PX = 512
_VISIBLE = 0.04  # of coverage; less is cut off, so that a plume has an edge


@dataclass(frozen=True, slots=True)
class Shape:
    """How one plume stands.

    Attributes:
        first_px: the larger side at `first_s`.
        first_s: seconds after ignition at which somebody could first see it.
        full_px: height to which it grows.
        lean: width over height when grown, signed: positive leans to the right.
        grow_s: seconds in which it reaches 63% of its height.
        travel_s: seconds that a puff is seen.
        spread: radius of the far end over height.
        density: optical depth of the stem.
    """

    first_px: float = 20.0
    first_s: float = 60.0
    full_px: float = 90.0
    lean: float = 0.8
    grow_s: float = 600.0
    travel_s: float = 150.0
    spread: float = 0.2
    density: float = 1.5

    def height_px(self, age_s: float) -> float:
        """Height at an age, 0 at ignition."""
        first = self.first_px / max(1.0, abs(self.lean))
        start = first * (1 - np.exp(-age_s * 3 / self.first_s))
        grown = (self.full_px - first) * (1 - np.exp(-(max(0.0, age_s - self.first_s) / self.grow_s)))
        return float(start + max(0.0, grown))


@dataclass(frozen=True, slots=True)
class Smoke:
    """What a plume puts over a part of the picture.

    Attributes:
        top: row of its first pixel, relative to the fire; may lie outside the picture.
        left: and its column.
        alpha: (h, w, 3) float32, coverage for each colour.
        shade: (h, w, 3) float32, share of full white light that its surface sends back.
    """

    top: int
    left: int
    alpha: Floats
    shade: Floats


class Plume(Protocol):
    """A plume of any kind, standing at (0, 0)."""

    def smoke(self, age_s: float, density: float) -> Smoke | None:
        """Return the smoke at `age_s` seconds after ignition, None where there is none.

        Args:
            age_s: any number; ages can be asked for in any order.
            density: 1 is the plume's own; more is thicker.
        """
        ...


class DrawnPlume:
    """One plume; any age can be drawn, in any order.

    Args:
        rng: chooses its puffs and its texture.
        shape: how it stands.
        colour: of the smoke.
        sun: (x, y) direction towards the light, y positive downwards.
    """

    def __init__(
        self, rng: np.random.Generator, shape: Shape, colour: Colour, sun: tuple[float, float] = (0.5, -0.8)
    ) -> None:
        self.shape = shape
        self._albedo = np.array(_ALBEDO[colour], np.float32)
        self._sun = np.array(sun, np.float32) / max(float(np.hypot(*sun)), 1e-6)
        self._across = rng.normal(0, 1, (2, _KEPT)).astype(np.float32)
        self._size = rng.lognormal(-0.1, 0.35, _KEPT).astype(np.float32)
        gusts = np.repeat(rng.lognormal(0, 0.55, _KEPT // 16), 16)
        self._strength = (gusts * rng.uniform(0.5, 1.4, _KEPT)).astype(np.float32)
        sway = np.cumsum(rng.normal(0, 1, _KEPT))
        self._sway = np.sin(sway * 0.23).astype(np.float32)
        self._warp = [value_noise(rng, (_TILE_PX, _TILE_PX), (64, 64), octaves=5) for _ in range(2)]
        self._billow = _billow(rng)
        self._from_px = rng.integers(0, _TILE_PX, 2)

    def smoke(self, age_s: float, density: float = 1.0) -> Smoke | None:
        """Return the smoke at `age_s` seconds after ignition, None at or before it."""
        height = self.shape.height_px(age_s)
        if age_s <= 0 or height < 0.5:
            return None
        width = height * self.shape.lean
        side = max(height, abs(width))
        margin = 4 + self.shape.spread * 2.6 * side
        left, right = min(0.0, width) - margin, max(0.0, width) + margin
        scale = min(1.0, 110.0 / side)  # large plumes are puffed coarsely; their detail comes of the textures
        rows, cols = int((height + 1.6 * margin) * scale) + 1, int((right - left) * scale) + 1
        coarse = self._puffs(
            age_s, width, height, (left * scale, (height + margin) * scale), (rows, cols), scale
        )
        size = (int(right - left) + 1, int(height + 1.6 * margin) + 1)
        thick = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.float32)
        thick, detail = self._torn(thick, side, age_s)
        optical = thick * np.float32(self.shape.density * density)
        alpha = 1 - np.exp(-optical[..., None] * _BLUER)
        alpha = np.clip((alpha - _VISIBLE) / (1 - _VISIBLE), 0, 0.985)
        shade = self._lit(optical, detail, side)
        return Smoke(-int(height + margin), int(np.floor(left)), alpha, shade)

    def _puffs(
        self,
        age_s: float,
        width: float,
        height: float,
        origin: tuple[float, float],
        size: tuple[int, int],
        scale: float,
    ) -> Floats:
        """Add the living puffs up: thickness of (rows, cols) float32 around 1 at the stem."""
        shape = self.shape
        step = shape.travel_s / _PUFFS
        born = np.arange(max(0, int(np.ceil((age_s - shape.travel_s) / step))), int(age_s / step) + 1)
        along = ((age_s - born * step) / shape.travel_s).astype(np.float32)
        lot = born % _KEPT
        side = max(height, abs(width))
        stem = np.float32(max(0.7, 0.035 * side))
        radius = (stem + shape.spread * side * along**0.8) * self._size[lot] * 0.62
        x = width * along**1.2 + self._across[0, lot] * radius * 0.75 + self._sway[lot] * 0.08 * side * along
        y = -height * along**0.66 - self._across[1, lot] * radius * 0.6
        peak = self._strength[lot] * (stem / radius) ** 1.5 * (1 - along**1.5) * 0.5
        total = np.zeros(size, np.float32)
        left, top = origin
        for px, py, r, p in zip(x * scale - left, y * scale + top, radius * scale, peak, strict=True):
            _add_puff(total, float(px), float(py), float(r), float(p))
        return total

    def _torn(self, thick: Floats, side: float, age_s: float) -> tuple[Floats, Floats]:
        """Tear the smooth thickness by turbulence; return it and the detail of its surface, 0..1."""
        zoom = float(np.clip(side / 150.0, 0.12, 1.6))  # a small far plume has small billows
        rise = age_s * 0.9
        rows, cols = thick.shape
        warp = [
            self._sampled(tile, (rows, cols), zoom, rise * (0.7 + 0.2 * i))
            for i, tile in enumerate(self._warp)
        ]
        fine = self._sampled(self._billow, (rows, cols), zoom, rise)
        reach = np.float32(0.3 * self.shape.spread * side + 0.6)
        grid_x, grid_y = np.meshgrid(np.arange(cols, dtype=np.float32), np.arange(rows, dtype=np.float32))
        torn = cv2.remap(
            thick,
            grid_x + (warp[0] - 0.5) * 2 * reach,
            grid_y + (warp[1] - 0.5) * 2 * reach,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        # wisps: thin parts are eaten away where the texture is low, thick ones keep their body
        eaten = np.clip(torn * (0.2 + 1.7 * fine) - 0.16 * (1 - fine) * np.exp(-torn * 2), 0, None)
        blur = 0.55 if side > 40 else 0.75  # of the optics
        return np.asarray(cv2.GaussianBlur(eaten, (0, 0), blur), np.float32), fine

    def _sampled(self, tile: Floats, size: tuple[int, int], zoom: float, rise: float) -> Floats:
        """Look into an endless tile: features `zoom` times as large, moved up and with the wind."""
        y, x = self._from_px
        shift = (float(x) - rise * self.shape.lean * 0.5, float(y) + rise)
        matrix = np.array([[1 / zoom, 0, shift[0] % _TILE_PX], [0, 1 / zoom, shift[1] % _TILE_PX]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(tile, matrix, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_WRAP),
            np.float32,
        )

    def _lit(self, optical: Floats, detail: Floats, side: float) -> Floats:
        """Light the surface: bright towards the sun, dark away from it and deep inside."""
        smooth = cv2.GaussianBlur(np.log1p(2 * optical), (0, 0), max(0.8, 0.02 * side))
        bulge = np.asarray(smooth + 0.35 * detail * np.minimum(smooth, 1), np.float32)
        across = cv2.Sobel(bulge, cv2.CV_32F, 1, 0, ksize=3) / 8
        down = cv2.Sobel(bulge, cv2.CV_32F, 0, 1, ksize=3) / 8
        slope = -(across * self._sun[0] + down * self._sun[1]) * np.float32(0.11 * side + 1.5)
        light = 0.84 + 0.2 * np.tanh(1.6 * slope)
        light -= 0.035 * np.minimum(optical, 2) * (1 - detail)
        deep = (1 - np.exp(-0.8 * optical))[..., None]
        return np.asarray(
            (self._albedo[0] * (1 - deep) + self._albedo[1] * deep) * light[..., None], np.float32
        )


def _add_puff(total: Floats, x: float, y: float, radius: float, peak: float) -> None:
    radius = max(radius, 0.45)
    reach = int(2.6 * radius) + 1
    top, bottom = max(0, int(y) - reach), min(total.shape[0], int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(total.shape[1], int(x) + reach + 1)
    if top >= bottom or left >= right:
        return
    down = np.exp(-0.5 * ((np.arange(top, bottom, dtype=np.float32) - y) / radius) ** 2)
    over = np.exp(-0.5 * ((np.arange(left, right, dtype=np.float32) - x) / radius) ** 2)
    total[top:bottom, left:right] += np.outer(np.float32(peak) * down, over)


def _billow(rng: np.random.Generator) -> Floats:
    """Round lobes with sharp creases between them, in 0..1."""
    total: NDArray[np.float32] = np.zeros((_TILE_PX, _TILE_PX), np.float32)
    for octave, cell in enumerate((64, 32, 16, 8, 4)):
        noise = value_noise(rng, (_TILE_PX, _TILE_PX), (cell, cell), octaves=1)
        total += np.float32(0.62**octave) * np.abs(2 * noise - 1)
    low, high = np.percentile(total, (2, 98))
    return np.asarray(np.clip((total - low) / (high - low), 0, 1), np.float32)
