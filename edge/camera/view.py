"""The picture of the built-in scene: hills, clouds, a plume, of value noise, numpy and OpenCV alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.plume import Plume, value_noise
from edge.camera.scene import Scene

HEIGHT, WIDTH = 480, 640
LABEL = "SYNTHETIC SCENE"

Floats = NDArray[np.float32]
_HORIZON = 205
_SKY_ROWS = 272  # down to below the lowest crest of the far ridge
_ZENITH, _LOW_SKY = (88.0, 128.0, 196.0), (186.0, 204.0, 226.0)
_HAZE = (150.0, 168.0, 192.0)
# ridge lines from far to near: height of the crest in px from the top, relief in px, colour, share of haze
_RIDGES = (
    (_HORIZON, 26, (92.0, 96.0, 92.0), 0.62),
    (_HORIZON + 38, 30, (92.0, 88.0, 74.0), 0.36),
    (_HORIZON + 105, 44, (88.0, 80.0, 58.0), 0.12),
)
_GRAINS_PX = ((4, 8), (4, 8), (8, 16))  # trees and rocks on each ridge
_SENSOR_NOISE = 2.2  # standard deviation in grey levels


class View:
    """Draws any frame of one scene; frames do not depend on each other."""

    def __init__(self, scene: Scene) -> None:
        rng = np.random.default_rng(scene.seed)
        self._scene = scene
        self._land, self._land_alpha = _land(rng)
        self._sky = _sky()
        self._clouds = value_noise(rng, (_SKY_ROWS, 3 * WIDTH), (16, 64), octaves=5)
        self._wisps = value_noise(rng, (_SKY_ROWS, 3 * WIDTH), (8, 96), octaves=4)
        self._shade = value_noise(rng, (HEIGHT, 3 * WIDTH), (96, 160), octaves=2)
        self._wind_px = float(rng.uniform(2.5, 4.5) * rng.choice((-1, 1)))  # a frame, of the clouds
        self._noise = rng.normal(0, _SENSOR_NOISE, (2 * HEIGHT, 2 * WIDTH, 3)).astype(np.float32)
        base_px = (_HORIZON + 66, int(rng.integers(WIDTH // 3, 2 * WIDTH // 3)))
        self._plume = Plume(rng, base_px, 1 if self._wind_px > 0 else -1)

    def render(self, index: int) -> NDArray[np.uint8]:
        """Return frame `index`, (480, 640, 3) uint8 RGB."""
        rng = np.random.default_rng((self._scene.seed, index))
        pixels = self._sky_at(index)
        shade = 1 + 0.16 * (_window(self._shade, index * self._wind_px * 1.7)[..., None] - 0.5)
        pixels += self._land_alpha * (self._land * shade - pixels)
        if self._scene.kind == "plume" and index > self._scene.ignition:
            self._plume.draw(pixels, index - self._scene.ignition)
        pixels *= 1 + 0.035 * np.sin(index / 23) + rng.normal(0, 0.004)  # the day, and the camera's exposure
        top, left = rng.integers(HEIGHT), rng.integers(WIDTH)
        pixels += self._noise[top : top + HEIGHT, left : left + WIDTH]
        picture = cv2.convertScaleAbs(np.maximum(pixels, 0, out=pixels))
        cv2.putText(
            picture, LABEL, (6, HEIGHT - 8), cv2.FONT_HERSHEY_PLAIN, 1.0, (235, 225, 120), 1, cv2.LINE_AA
        )
        return np.asarray(picture, dtype=np.uint8)

    def _sky_at(self, index: int) -> Floats:
        drift = _window(self._clouds, index * self._wind_px)
        change = _window(self._wisps, index * self._wind_px * 0.6 + 11 * np.sin(index / 9))
        height = np.linspace(0, 1, drift.shape[0], dtype=np.float32)[:, None]
        alpha = np.clip((0.62 * drift + 0.38 * change - 0.50) * 4.5, 0, 0.92) * (0.55 + 0.45 * height)
        pixels = self._sky.copy()
        upper = pixels[: drift.shape[0]]
        upper += alpha[..., None] * (np.float32(244) - 26 * change[..., None] - upper)
        return pixels


def _window(noise: Floats, shift_px: float) -> Floats:
    """Cut one picture's width out of a wider field, which goes round at its ends."""
    start = round(shift_px) % noise.shape[1]
    columns = np.arange(start, start + WIDTH) % noise.shape[1]
    return np.asarray(np.take(noise, columns, axis=1), np.float32)


def _sky() -> Floats:
    share = np.clip(np.linspace(0, HEIGHT / _HORIZON, HEIGHT, dtype=np.float32), 0, 1)[:, None, None] ** 1.3
    return np.broadcast_to(
        (1 - share) * np.array(_ZENITH, np.float32) + share * np.array(_LOW_SKY, np.float32),
        (HEIGHT, WIDTH, 3),
    ).copy()


def _land(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw ridges from far to near; return colours (H, W, 3) and coverage (H, W, 1)."""
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None]
    land = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    covered = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    for depth, (crest, relief, colour, haze) in enumerate(_RIDGES):
        line = value_noise(rng, (8, WIDTH), (8, 128), octaves=4)[4]
        edge = np.clip(rows - (crest + relief * (0.5 - line) * 2), 0, 1)[..., None]
        grain = value_noise(rng, (HEIGHT, WIDTH), _GRAINS_PX[depth], octaves=3)
        slope = value_noise(rng, (HEIGHT, WIDTH), (32, 64), octaves=3)
        bright = (0.30 + 0.9 * grain + 0.45 * slope)[..., None]
        ground = np.array(colour, np.float32) * bright + (18 * (slope - 0.5))[..., None]
        ground = ground * (1 - haze) + haze * np.array(_HAZE, np.float32)
        land += edge * (ground - land)
        covered = np.maximum(covered, edge)
    return land, covered
