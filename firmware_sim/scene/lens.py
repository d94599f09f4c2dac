"""What happens on the lens: glare, drops, dirt, headlights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.plume import value_noise
from firmware_sim.scene.layer import Effect, Floats, Stage, Weather, eased


@dataclass(frozen=True, slots=True)
class Glare(Weather):
    """The sun near the edge of the picture: a wide veil of light that wanders, and ghosts across the middle."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the sun's place, its way, and when it comes out."""
        height, width = stage.size_px
        start = np.array((rng.uniform(0.1, 0.9) * width, rng.uniform(-0.1, 0.15) * height))
        way = (
            np.array((rng.choice((-1, 1)) * rng.uniform(0.5, 1.5), rng.uniform(-0.4, 0.4))) / 60
        )  # px a second
        period, phase = rng.uniform(300, 1500), rng.uniform(0, 6.28)
        ghosts = rng.uniform(0.5, 1.6, 3)

        def picture(index: int, pixels: Floats) -> Floats:
            now = stage.times_s[index]
            sun = start + way * now
            out = self.severity * (0.7 + 0.3 * np.sin(6.28 * now / period + phase))
            light = 150 * _spot((height, width), sun, 0.32 * width) + 220 * _spot(
                (height, width), sun, 0.07 * width
            )
            middle = np.array((width / 2, height / 2))
            for reach in ghosts:
                light += 26 * _spot((height, width), sun + reach * (middle - sun), 0.02 * width)
            veil = np.float32(out) * (light + 14)[..., None]
            return pixels * np.float32(1 - 0.12 * out) + veil * np.array((1.0, 0.97, 0.88), np.float32)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Drops(Weather):
    """Rain drops on the glass: blurred discs that stay, come and run down."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the drops, their times and ways."""
        height, width = stage.size_px
        count = 3 + int(45 * self.severity)
        long = float(stage.times_s[-1]) + 60.0
        at = rng.uniform((0, 0), (height, width), (count, 2))
        radius = rng.gamma(3.0, 2.2, count) + 2
        come = rng.uniform(-long, 0.7 * long, count)
        stay = rng.uniform(0.2, 1.5, count) * long
        runs = np.where(rng.random(count) < 0.25, rng.uniform(0.05, 0.6, count), 0.0)

        def picture(index: int, pixels: Floats) -> Floats:
            now = stage.times_s[index]
            weight = np.zeros((height // 2, width // 2), np.float32)
            for k in np.flatnonzero((come <= now) & (now < come + stay)):
                y = at[k, 0] + runs[k] * (now - come[k])
                centre = (int(at[k, 1] / 2), int(y / 2))
                axes = (max(1, int(radius[k] / 2)), max(1, int(radius[k] * 0.6)))
                cv2.ellipse(weight, centre, axes, 0, 0, 360, 0.9, -1)
            soft = cv2.GaussianBlur(cv2.resize(weight, (width, height)), (0, 0), 2)[..., None]
            small = cv2.resize(pixels, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
            # a drop is a lens: it shows the scene small and upside down; from near, a blur of it
            inside = cv2.resize(cv2.GaussianBlur(small[::-1], (0, 0), 3), (width, height))
            seen = 0.55 * inside + 0.45 * cv2.blur(pixels, (13, 13))
            return np.asarray(pixels + soft * (seen - pixels), np.float32)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Dirt(Weather):
    """Dust and smears on the glass that were not there at first; they dim, and scatter light."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the smears and when they come."""
        height, width = stage.size_px
        tile = value_noise(rng, (256, 256), (64, 32), octaves=4)
        smear = np.clip(
            (cv2.resize(tile, (width, height), interpolation=cv2.INTER_LINEAR) - 0.55) * 3.5, 0, 1
        )
        specks = np.zeros((height, width), np.float32)
        for _ in range(int(60 * self.severity)):
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.circle(specks, centre, int(rng.integers(1, 6)), float(rng.uniform(0.2, 0.7)), -1)
        cover = np.maximum(0.55 * smear, cv2.GaussianBlur(specks, (0, 0), 2.5))[..., None].astype(np.float32)
        came = eased(stage.times_s, rng.uniform(0, 0.5) * float(stage.times_s[-1]), 1.0)

        def picture(index: int, pixels: Floats) -> Floats:
            dust = (pixels[::8, ::8].reshape(-1, 3).mean(0) * 0.8 + 18).astype(np.float32)
            share = np.float32(0.75 * self.severity * came[index]) * cover
            return np.asarray(pixels + share * (dust - pixels), np.float32)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Headlights(Weather):
    """Cars that pass below the skyline: pairs of lamps with halos, others in each picture."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the road and the traffic."""
        height, width = stage.size_px
        floor = float(np.median(stage.skyline))
        road = rng.uniform(floor + 0.05 * height, max(floor + 0.06 * height, 0.9 * height), 2)
        cars = rng.poisson(0.5 + 2.5 * self.severity, len(stage.times_s))
        seeds = rng.integers(0, 2**31, len(stage.times_s))

        def picture(index: int, pixels: Floats) -> Floats:
            lots = np.random.default_rng(seeds[index])
            light = np.zeros((height, width), np.float32)
            for _ in range(cars[index]):
                share = lots.random()
                near = lots.uniform(0.6, 2.2)
                x, y = share * width, road[0] + share * (road[1] - road[0])
                for lamp in ((x - 3 * near, y), (x + 3 * near, y)):
                    light += 260 * _spot(stage.size_px, lamp, 1.4 * near)
                    light += 90 * _spot(stage.size_px, lamp, 9 * near)
                light += 22 * _spot(stage.size_px, (x, y), 45 * near)
            warm = np.array((1.0, 0.95, 0.82), np.float32) * np.float32(self.severity)
            return pixels + light[..., None] * warm

        return Effect(picture)


def _spot(size_px: tuple[int, int], at: Sequence[float] | NDArray[np.float64], radius: float) -> Floats:
    """A bell of light of height 1 around (x, y)."""
    rows, cols = (np.arange(count, dtype=np.float32) for count in size_px)
    down, over = np.exp(-0.5 * ((rows - at[1]) / radius) ** 2), np.exp(-0.5 * ((cols - at[0]) / radius) ** 2)
    return np.asarray(np.outer(down.astype(np.float32), over.astype(np.float32)), np.float32)
