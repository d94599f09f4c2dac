"""What the camera itself does: exposure, white balance, infrared, night, noise, a shaken or turned mast."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.layer import Effect, Floats, Stage, Weather, eased

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True, slots=True)
class ExposureJump(Weather):
    """Automatic exposure that jumps now and then, and wavers between."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the jumps."""
        stops = self.severity * (
            1.1 * _steps(stage, rng, 480.0) + 0.04 * rng.normal(0, 1, len(stage.times_s))
        )

        def picture(index: int, pixels: Floats) -> Floats:
            return _shouldered(pixels * np.float32(2.0 ** stops[index]))

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class WhiteBalanceJump(Weather):
    """White balance that jumps between warm and cold."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the jumps."""
        warm = self.severity * _steps(stage, rng, 480.0)
        green = 0.3 * self.severity * _steps(stage, rng, 480.0)

        def picture(index: int, pixels: Floats) -> Floats:
            gain = 2.0 ** np.array((0.4 * warm[index], 0.4 * green[index], -0.45 * warm[index]))
            return pixels * (gain / (gain @ _LUMA)).astype(np.float32)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Infrared(Weather):
    """The switch to infrared and back: no colour, bright leaves, dark sky, for the middle part of the sequence."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw when it switches."""
        long = float(stage.times_s[-1])
        on, off = rng.uniform(0.1, 0.4) * long, rng.uniform(0.6, 0.9) * long
        share = (stage.times_s >= on) & (stage.times_s < off)
        seeds = rng.integers(0, 2**31, len(stage.times_s))

        def picture(index: int, pixels: Floats) -> Floats:
            if not share[index]:
                return pixels
            # leaves are bright in the near infrared, clear sky is dark, smoke is grey and thinner
            grey = pixels @ np.array((0.75, 0.6, -0.35), np.float32)
            grey = 0.8 * grey + np.float32(20)
            noise = _grain(seeds[index], grey.shape, 1 + 4 * self.severity)
            return np.repeat((grey + noise)[..., None], 3, axis=2)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Night(Weather):
    """Night over a picture of the day: dark, blue, little contrast, the noise of a high gain."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the noise's seeds and the moon."""
        gain = np.float32(0.55 - 0.37 * self.severity) * np.float32(rng.uniform(0.85, 1.15))
        seeds = rng.integers(0, 2**31, len(stage.times_s))
        tint = np.array((0.82, 0.95, 1.2), np.float32)

        def picture(index: int, pixels: Floats) -> Floats:
            grey = (pixels @ _LUMA)[..., None]
            dark = (0.45 * pixels + 0.55 * grey) * gain * tint + 4
            size = (pixels.shape[0], pixels.shape[1])
            return dark + _grain(seeds[index], size, 1.5 + 6 * self.severity)[..., None]

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Noise(Weather):
    """Noise of the sensor, coarser in colour than in brightness, another one in each picture."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the seeds."""
        seeds = rng.integers(0, 2**31, len(stage.times_s))

        def picture(index: int, pixels: Floats) -> Floats:
            size = (pixels.shape[0], pixels.shape[1])
            noise = _grain(seeds[index], size, 9 * self.severity)
            tint = _grain(seeds[index] + 1, (size[0] // 4, size[1] // 4), 6 * self.severity)
            wide = cv2.resize(tint, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
            return np.asarray(pixels + np.stack((noise + wide, noise, noise - wide), axis=2), np.float32)

        return Effect(picture)


@dataclass(frozen=True, slots=True)
class Shake(Weather):
    """A mast in the wind: each picture is moved and rolled a little."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw each frame's way."""
        count = len(stage.times_s)
        shift = rng.normal(0, 5 * self.severity, (count, 2))
        roll = rng.normal(0, 0.5 * self.severity, count)
        return _moving([_turned(stage, (x, y), angle) for (x, y), angle in zip(shift, roll, strict=True)])


@dataclass(frozen=True, slots=True)
class Turn(Weather):
    """A camera that was turned once and stays so: an unlocked mount, or somebody leant on it."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw when and how far."""
        at = rng.uniform(0.2, 0.7) * float(stage.times_s[-1])
        far = self.severity * 0.18 * stage.size_px[1] * rng.choice((-1, 1)) * rng.uniform(0.5, 1)
        down, roll = far * rng.uniform(-0.2, 0.2), self.severity * rng.uniform(-3, 3)
        after = stage.times_s >= at
        turned = _turned(stage, (far, down), roll)
        return _moving([turned if a else None for a in after])


def _steps(stage: Stage, rng: np.random.Generator, every_s: float) -> NDArray[np.float64]:
    """Return (frames,) a level around 0 that jumps about every `every_s` seconds, within seconds."""
    long = float(stage.times_s[-1])
    level = np.full(len(stage.times_s), 0.0)
    for at in rng.uniform(0.1, 0.9, 1 + int(long / every_s)) * long:
        level += rng.normal(0, 0.6) * eased(stage.times_s, at, 4.0)
    return np.asarray(np.clip(level, -1, 1), np.float64)


def _shouldered(pixels: Floats) -> Floats:
    """Bend what is brighter than 215 instead of cutting it off, as cameras do."""
    over = np.maximum(pixels - 215, 0)
    return np.asarray(pixels - over + 45 * (over / (over + 45)), np.float32)


def _grain(seed: int, size: tuple[int, ...], deviation: float) -> Floats:
    rng = np.random.default_rng(int(seed))
    tile = rng.standard_normal((size[0] // 2 + 1, size[1] + 1), np.float32) * np.float32(deviation)
    whole = np.concatenate(
        (tile, -tile[::-1, ::-1])
    )  # half the lots; a point turn of it is no pattern that shows
    return whole[: size[0], : size[1]]


def _turned(stage: Stage, shift: tuple[float, float], roll_degrees: float) -> NDArray[np.float64]:
    height, width = stage.size_px
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), roll_degrees, 1.0), np.float64)
    matrix[:, 2] += shift
    return matrix


def _moving(moves: list[NDArray[np.float64] | None]) -> Effect:
    def picture(index: int, pixels: Floats) -> Floats:
        matrix = moves[index]
        if matrix is None:
            return pixels
        size = (pixels.shape[1], pixels.shape[0])
        # what lay beyond the edge is unknown: it is mirrored
        return np.asarray(
            cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT),
            np.float32,
        )

    return Effect(picture, lambda index: moves[index])
