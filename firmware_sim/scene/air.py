"""Weather between the camera and the land: shadows of clouds, fog that drifts, rain."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.plume import value_noise
from firmware_sim.scene.layer import Effect, Floats, Stage, Weather, eased

_COARSE = 4  # soft things are made at a quarter of the size
_TILE_PX = 256


@dataclass(frozen=True, slots=True)
class CloudShadow(Weather):
    """Shadows that wander over the land; the sky stays. Laid before smoke, which stands above them."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the clouds and the wind."""
        tile = value_noise(rng, (_TILE_PX, _TILE_PX), (32, 64), octaves=4)
        speed = rng.choice((-1, 1)) * rng.uniform(0.15, 0.5)  # px of the picture a second
        land = _land(stage)
        flatness = 3.0  # seen from a tower shadows are wide and low

        def picture(index: int, pixels: Floats) -> Floats:
            noise = _window(tile, stage.size_px, (stage.times_s[index] * speed, 0.0), (1.0, 1 / flatness))
            shade = np.float32(0.5 * self.severity) * np.clip((noise - 0.45) * 4, 0, 1) * land
            return pixels * _grown(1 - shade, stage.size_px)[..., None]

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Fog(Weather):
    """Banks that drift through, thick at the horizon and below, growing and thinning over minutes."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the banks, their wind and how they come and go."""
        tiles = [value_noise(rng, (_TILE_PX, _TILE_PX), (32, 64), octaves=5) for _ in range(2)]
        speed = rng.choice((-1, 1)) * rng.uniform(0.2, 1.2, 2)
        level = rng.uniform(-0.02, 0.12) * stage.size_px[0]
        period, phase = rng.uniform(900, 2400), rng.uniform(0, 6.28)
        rows = np.arange(0, stage.size_px[0], _COARSE, dtype=np.float32)[:, None]
        away = np.abs(rows - (_coarse_line(stage) + level)) / (0.22 * stage.size_px[0])
        band = np.exp(-(away**2)).astype(np.float32)

        def picture(index: int, pixels: Floats) -> Floats:
            now = stage.times_s[index]
            noise = sum(
                0.5 * _window(tile, stage.size_px, (now * v, now * 0.1), (0.8, 0.4))
                for tile, v in zip(tiles, speed, strict=True)
            )
            breath = 0.75 + 0.25 * np.sin(6.28 * now / period + phase)
            thick = 3.2 * self.severity * breath * (0.25 + 0.75 * band) * np.clip(noise * 2.2 - 0.5, 0, 1.5)
            alpha = _grown((1 - np.exp(-thick)).astype(np.float32), stage.size_px)[..., None]
            return pixels + alpha * (_veil(pixels) - pixels)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Rain(Weather):
    """Rain in the air: less contrast, and streaks that are others in each picture."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the wind that slants it, the shower's course, and streaks to choose from."""
        height, width = stage.size_px
        slant = rng.uniform(-0.35, 0.35)
        seeds = rng.integers(0, 2**31, len(stage.times_s))
        shower = _course(stage, rng)
        streaks = _streaks(rng, (height + 64, width + 64), slant, int(900 * self.severity))

        def picture(index: int, pixels: Floats) -> Floats:
            lots = np.random.default_rng(seeds[index])
            y, x = lots.integers(0, 64, 2)
            veil = np.float32(0.4 * self.severity * shower[index])
            pixels = pixels * (1 - veil) + veil * _veil(pixels)
            light = np.float32(shower[index] * 0.3) * streaks[y : y + height, x : x + width, None]
            return pixels + light * (_veil(pixels) + 20 - pixels)

        return Effect(picture)


def _veil(pixels: Floats) -> Floats:
    """Colour of what scatters light into the camera: as bright as the brighter parts, almost without a tint."""
    colour = np.percentile(pixels[::8, ::8].reshape(-1, 3), 75, axis=0)
    return np.asarray(np.minimum(0.4 * colour + 0.6 * colour.mean(), 230), np.float32)


def _course(stage: Stage, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (frames,) how strong a shower is: it comes early, stays for minutes, weakens."""
    long = float(stage.times_s[-1]) + 60.0
    start, hold = rng.uniform(0, 0.25) * long, rng.uniform(0.4, 0.9) * long
    times = stage.times_s
    return eased(times, start, 120) * (1 - 0.8 * eased(times, start + hold, 240))


def _streaks(rng: np.random.Generator, size: tuple[int, int], slant: float, count: int) -> Floats:
    canvas = np.zeros(size, np.uint8)
    for _ in range(count):
        y, x, long = rng.integers(0, size[0]), rng.integers(0, size[1]), rng.integers(8, 34)
        end = (int(x + slant * long), int(y + long))
        cv2.line(canvas, (int(x), int(y)), end, int(rng.integers(60, 255)), 1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas, (3, 3), 0), np.float32) / np.float32(255)


def _window(
    tile: Floats, size_px: tuple[int, int], shift_px: tuple[float, float], zoom: tuple[float, float]
) -> Floats:
    """Look into an endless tile at a quarter of the picture's size; `zoom` is (x, y) width of its features."""
    rows, cols = -(-size_px[0] // _COARSE), -(-size_px[1] // _COARSE)
    x, y = (shift / _COARSE / z % tile.shape[0] for shift, z in zip(shift_px, zoom, strict=True))
    matrix = np.array([[1 / zoom[0], 0, x], [0, 1 / zoom[1], y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(tile, matrix, (cols, rows), flags=flags, borderMode=cv2.BORDER_WRAP), np.float32
    )


def _coarse_line(stage: Stage) -> Floats:
    return stage.skyline[::_COARSE][None, : -(-stage.size_px[1] // _COARSE)]


def _land(stage: Stage) -> Floats:
    rows = np.arange(0, stage.size_px[0], _COARSE, dtype=np.float32)[:, None]
    return np.asarray(np.clip((rows - _coarse_line(stage)) / 6, 0, 1), np.float32)


def _grown(coarse: Floats, size_px: tuple[int, int]) -> Floats:
    size = (size_px[1], size_px[0])
    return np.asarray(
        cv2.resize(np.asarray(coarse, np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32
    )
