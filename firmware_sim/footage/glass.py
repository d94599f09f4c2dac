"""Pictures through a dirty, wet, snowed, blurred, dark or infrared camera; each by size, seed and time alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np

from firmware_sim.scene.layer import Floats, Picture
from firmware_sim.scene.outlook import field_noise

_RAIN_KEPT_S = 300.0  # drops on the glass stay so long
_NOISE = 1.8  # standard deviation in grey levels
_IR = (0.75, 0.6, -0.35)  # leaves are bright in the near infrared, clear sky is dark
_IR_LEVEL, _IR_GAIN = 70.0, 9.0  # grey level that the camera's gain aims at, and its most


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how strong.

    Attributes:
        strength: above 0, up to 1.
        epoch_s: seconds since 1970 UTC; chooses what differs from picture to picture.
        seed: of the camera.
    """

    strength: float
    epoch_s: float
    seed: int

    def rng(self, what: int, every_s: float | None = None) -> np.random.Generator:
        """Return the lots of this picture, or of the whole span of `every_s` seconds that it is in."""
        at = round(self.epoch_s * 1000) if every_s is None else int(self.epoch_s // every_s)
        return np.random.default_rng((self.seed, what, at % (1 << 62)))


Effect: TypeAlias = Callable[[Picture, Moment], Picture]


def black(pixels: Picture, moment: Moment) -> Picture:
    """Take the light away; at full strength nothing is left."""
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=1 - moment.strength), np.uint8)


def blur(pixels: Picture, moment: Moment) -> Picture:
    """Put the lens out of focus, by up to 1.5% of the width."""
    sigma = 0.3 + 0.015 * moment.strength * pixels.shape[1]
    small = max(1, int(sigma / 3))
    size = (pixels.shape[1] // small, pixels.shape[0] // small)
    coarse = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(coarse, (0, 0), sigma / small)
    return _sensed(cv2.resize(soft, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR), moment)


def dirt(pixels: Picture, moment: Moment) -> Picture:
    """Lay dust and smears on the glass."""
    cover = _dirt(pixels.shape[:2], moment.seed) * np.float32(0.92 * moment.strength)
    dust = np.asarray(pixels[::8, ::8].reshape(-1, 3).mean(0) * 0.75 + 12, np.float32)
    return _sensed(_laid(pixels, cover, dust), moment)


def snow(pixels: Picture, moment: Moment) -> Picture:
    """Lay snow on the glass: from below and in flakes, at full strength over all of it."""
    heap = _snow(pixels.shape[:2], moment.seed)
    cover = np.clip((heap + np.float32(1.25 * moment.strength - 1)) * 6, 0, 0.985).astype(np.float32)
    light = float(np.percentile(pixels[::8, ::8], 80))
    colour = np.asarray(np.array((0.93, 0.96, 1.0)) * (0.75 * light + 25 * min(1.0, light / 60)), np.float32)
    return _sensed(_laid(pixels, cover, colour), moment)


def rain(pixels: Picture, moment: Moment) -> Picture:
    """Let it rain: less contrast, streaks in the air, drops on the glass."""
    height, width = pixels.shape[:2]
    rng = moment.rng(21)
    veil = np.asarray(pixels[::8, ::8].reshape(-1, 3).mean(0), np.float32)
    cover: Floats = np.full((height, width), 0.45 * moment.strength, np.float32)
    streaks = np.zeros((height, width), np.uint8)
    slant = float(moment.rng(22, 3600.0).uniform(-0.35, 0.35))
    scale = height / 480
    for x, y, long in zip(*rng.random((3, int(500 * moment.strength))), strict=True):
        start = (int(x * width), int(y * height))
        fall = (8 + 26 * long) * scale
        end = (int(start[0] + slant * fall), int(start[1] + fall))
        cv2.line(streaks, start, end, int(40 + 60 * long), 1, cv2.LINE_AA)
    cover += streaks.astype(np.float32) / 255
    wet = _laid(pixels, np.minimum(cover, 0.9), np.minimum(veil + 18, 250))
    lots = moment.rng(23, _RAIN_KEPT_S)
    drops = np.zeros((height, width), np.uint8)
    for x, y, size in zip(*lots.random((3, int(60 * moment.strength))), strict=True):
        radius = (3 + 9 * size * size) * scale
        centre = (int(x * width), int(y * height))
        cv2.ellipse(drops, centre, (max(1, int(radius)), max(1, int(1.2 * radius))), 0, 0, 360, 230, -1)
    mask = cv2.GaussianBlur(drops, (0, 0), 1.5 * scale).astype(np.float32)[..., None] / 255
    small = cv2.resize(wet, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    # a drop is a lens: it shows the scene small and upside down
    inside = cv2.resize(cv2.GaussianBlur(small[::-1], (0, 0), 2), (width, height)).astype(np.float32)
    return np.asarray(wet + mask * (inside - wet), np.uint8)


def infrared(pixels: Picture, moment: Moment) -> Picture:
    """Switch to infrared: no colour, bright leaves, dark sky, and by night a gain that shows its noise."""
    mix = np.asarray(pixels @ np.array(_IR, np.float32), np.float32)
    level = max(1.0, float(mix[::4, ::4].mean()))
    gain = float(np.clip(_IR_LEVEL / level, 0.8, _IR_GAIN))
    grain = moment.rng(24).standard_normal((mix.shape[0], mix.shape[1]), np.float32)
    grey = mix * np.float32(gain) + grain * np.float32(1 + 0.6 * gain) + np.float32(18)
    whole = np.clip(grey, 0, 255)[..., None]
    share = np.float32(moment.strength)
    return np.asarray(pixels + share * (whole - pixels), np.uint8)


def encoded_anew(pixels: Picture, moment: Moment) -> Picture:
    """Encode a picture that stays the same again, as a camera does whose sensor hangs: other details are lost."""
    rng = moment.rng(25)
    quality = int(rng.integers(90, 98))
    shaken = pixels + rng.normal(0, 0.4, pixels.shape[:2])[..., None]
    bgr = cv2.cvtColor(np.asarray(np.clip(np.rint(shaken), 0, 255), np.uint8), cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert again is not None, "what was encoded can be decoded"
    return np.asarray(cv2.cvtColor(again, cv2.COLOR_BGR2RGB), np.uint8)


def _sensed(pixels: Picture | cv2.typing.MatLike, moment: Moment) -> Picture:
    """Add the noise of the sensor, which lies behind the glass: without it a still picture would look frozen."""
    noise = moment.rng(28).standard_normal(pixels.shape[:2], np.float32) * np.float32(_NOISE)
    return np.asarray(cv2.convertScaleAbs(np.maximum(pixels + noise[..., None], 0)), np.uint8)


def _laid(pixels: Picture, cover: Floats, colour: Floats) -> Picture:
    mixed = pixels + cover[..., None] * (colour - pixels)
    return np.asarray(cv2.convertScaleAbs(np.asarray(mixed, np.float32)), np.uint8)


@lru_cache(maxsize=16)
def _dirt(size: tuple[int, int], seed: int) -> Floats:
    rng = np.random.default_rng((seed, 26))
    smear, specks = rng.spawn(2)
    cover = 0.75 * np.clip((field_noise(smear, size, (4, 7), 4) - 0.5) * 3.5, 0, 1)
    spots = np.zeros(size, np.float32)
    for x, y, radius, dark in specks.random((90, 4)):
        at = (int(x * size[1]), int(y * size[0]))
        cv2.circle(spots, at, 1 + int(radius * size[0] / 60), float(0.3 + 0.6 * dark), -1)
    return np.asarray(np.maximum(cover, cv2.GaussianBlur(spots, (0, 0), size[0] / 200)), np.float32)


@lru_cache(maxsize=16)
def _snow(size: tuple[int, int], seed: int) -> Floats:
    """Return where snow lies first, (H, W) float32 in 0..1."""
    rng = np.random.default_rng((seed, 27))
    lumps = field_noise(rng, size, (5, 8), 6)
    low = np.linspace(0, 1, size[0], dtype=np.float32)[:, None]
    return np.asarray(0.55 * lumps + 0.45 * low, np.float32)
