"""Nights that are not merely dark: lamps that keep part of the ground lit, and the lamp of an infrared camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firmware_sim.scene.layer import Effect, Floats, Stage, Weather

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_WARM = np.array((1.0, 0.82, 0.55), np.float32)  # of street lamps
_FLOODED = (
    0.4  # of the sequences have floodlights, as a building site has, before which cameras raise no gain
)
_GROUPS = 3  # of lamps; each is switched by itself
_GLOW_DEPTH = 0.25  # of the picture's height, over which the light of a town fades above the skyline


@dataclass(frozen=True, slots=True)
class LitNight(Weather):
    """Night with lights: a dark sky, land that is dark but for warm pools of light, lamps with halos, a high gain.

    Within a pool the ground keeps the texture of the day. Of three groups of lamps some go off and on again.
    """

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw pools, lamps, their switching and the noise."""
        height, width = stage.size_px
        count = len(stage.times_s)
        gain = np.float32((0.34 - 0.22 * self.severity) * rng.uniform(0.85, 1.15))
        tint = np.array((0.9, 0.96, 1.12), np.float32)
        flooded = rng.random() < _FLOODED
        groups = [_lamps(stage, rng, flooded=flooded) for _ in range(_GROUPS)]
        colour = (1 - (rng.uniform(0, 0.7) if flooded else 1) * (1 - _WARM)).astype(np.float32)
        on = np.stack([_switched(rng, count) for _ in groups], axis=1)
        town = np.float32(rng.uniform(4, 26)) * _town(stage)[..., None] * _WARM
        wander = 1 + 0.05 * rng.standard_normal(count).astype(np.float32)
        seeds = rng.integers(0, 2**31, count)

        def picture(index: int, pixels: Floats) -> Floats:
            pool, halo = np.zeros((2, height, width), np.float32)
            for number in np.flatnonzero(on[index]):
                pool += groups[number][0]
                halo += groups[number][1]
            grey = (pixels @ _LUMA)[..., None]
            shade = 0.3 + 0.7 / 255 * grey  # as a gamma does, dark things become darker still
            light = (0.5 * pixels + 0.5 * grey) * shade * (gain * wander[index]) * tint + town + 4
            light += pixels * np.minimum(pool, 1.5)[..., None] * colour
            light += halo[..., None] * (0.5 + 0.5 * colour)
            return np.asarray(
                light + _noise(seeds[index], (height, width), 1.5 + 5 * self.severity)[..., None], np.float32
            )

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class InfraredNight(Weather):
    """Night as an infrared camera with a lamp sees it: grey, bright leaves, a black sky, dark towards the corners."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the lamp's cone and the noise."""
        height, width = stage.size_px
        seeds = rng.integers(0, 2**31, len(stage.times_s))
        rows = np.arange(height, dtype=np.float32)[:, None]
        middle = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.6, 0.85))
        cone = _bell(stage.size_px, middle, rng.uniform(0.3, 0.45) * width, rng.uniform(0.25, 0.4) * height)
        near = np.clip((rows - stage.skyline) / (0.5 * height), 0, 1)  # the far land gets little of it
        far = np.float32(0.26 - 0.2 * self.severity)
        light = far + (1.15 - 0.35 * self.severity) * cone * (0.12 + 0.88 * near)
        light *= np.where(rows < stage.skyline, np.float32(0.35), np.float32(1.0))
        leaves = np.array((0.75, 0.6, -0.35), np.float32)

        def picture(index: int, pixels: Floats) -> Floats:
            grey = np.maximum(pixels @ leaves, 0) * light + 6
            grey = grey + _noise(seeds[index], (height, width), 1.5 + 5 * self.severity)
            return np.repeat(grey[..., None], 3, axis=2)

        return Effect(picture)


def _lamps(stage: Stage, rng: np.random.Generator, *, flooded: bool) -> tuple[Floats, Floats]:
    """Draw one group: the light that it throws on the ground, and the lamps with their halos; both (H, W) float32."""
    height, width = stage.size_px
    pool, halo = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x = rng.uniform(0, width)
        floor = float(stage.skyline[int(x)])
        depth = rng.uniform(0.08, 1)  # from the skyline to the lower edge
        y = floor + depth * (height - floor)
        reach = (0.04 + 0.15 * depth) * width * rng.uniform(0.6, 1.4) * (1.8 if flooded else 1)
        pool += np.float32(rng.uniform(0.35, 0.95) * (1.4 if flooded else 1)) * _bell(
            stage.size_px, (x, y), reach, 0.4 * reach
        )
        if rng.random() < 0.7:  # else it stands outside the picture
            lamp = (x, y - 0.5 * reach)
            halo += np.float32(rng.uniform(150, 260)) * _bell(
                stage.size_px, lamp, *(2 * (1.0 + 1.5 * depth,))
            )
            halo += np.float32(rng.uniform(25, 70)) * _bell(stage.size_px, lamp, *(2 * (5 + 14 * depth,)))
    for x, y in _far(stage, rng):
        halo += np.float32(rng.uniform(50, 200)) * _bell(stage.size_px, (x, y), 0.9, 0.9)
    return pool, halo


def _far(stage: Stage, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Lights of a far settlement: close together, not far below the skyline."""
    height, width = stage.size_px
    centre, spread = rng.uniform(0, width), rng.uniform(0.03, 0.2) * width
    for _ in range(int(rng.integers(0, 14))):
        x = float(np.clip(rng.normal(centre, spread), 0, width - 1))
        yield x, float(stage.skyline[int(x)]) + rng.gamma(2.0, 0.015) * height


def _switched(rng: np.random.Generator, count: int) -> list[bool]:
    """Say for each frame whether a group is on: mostly, and off for one stretch now and then."""
    start, length = int(rng.integers(0, count)), int(rng.integers(1, max(2, count // 4)))
    off = rng.random() < 0.5
    return [not (off and start <= index < start + length) for index in range(count)]


def _town(stage: Stage) -> Floats:
    """Light of a town on the sky, strongest at the skyline, (H, W) float32."""
    rows = np.arange(stage.size_px[0], dtype=np.float32)[:, None]
    above = np.maximum(stage.skyline - rows, 0) / (_GLOW_DEPTH * stage.size_px[0])
    return np.asarray(np.exp(-above) * (rows < stage.skyline), np.float32)


def _bell(size_px: tuple[int, int], at: tuple[float, float], wide: float, high: float) -> Floats:
    """A bell of light of height 1 around (x, y), with the deviations `wide` and `high` in px."""
    rows, cols = (np.arange(count, dtype=np.float32) for count in size_px)
    down = np.exp(-0.5 * ((rows - np.float32(at[1])) / np.float32(high)) ** 2)
    over = np.exp(-0.5 * ((cols - np.float32(at[0])) / np.float32(wide)) ** 2)
    return np.asarray(np.outer(down, over), np.float32)


def _noise(seed: int, size_px: tuple[int, int], deviation: float) -> Floats:
    rng = np.random.default_rng(int(seed))
    return rng.standard_normal(size_px, np.float32) * np.float32(deviation)
