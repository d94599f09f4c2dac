"""What a picture says of its own scene: skyline, ridges, colour and brightness of the sky, noise of the sensor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.layer import Floats, Picture

_SHRINK = 4  # ridges are sought in columns this wide
_BEND_MAX_ROWS = 3  # by which a ridge may rise or fall over one such column
_BEND_COST = 1.5
_SKY_STEP_MIN = (
    4.0  # grey levels by which land is darker than the sky above it, along four fifths of the skyline
)
_LAND_ROUGH_MIN = 0.4
_HIGHER_MAX = 0.16  # share of the picture's height by which a skyline lies above the sharpest line
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Light:
    """The light of one scene.

    Attributes:
        ridges: each (W,) row of a line behind which smoke can rise, the skyline first, then from far to near.
        steps: for each ridge (W,) grey levels by which the picture darkens (or lightens) across it.
        airlight: (3,) colour of the sky right above the skyline, its tint halved: what haze adds. (A camera clips the
            bright sky there and so makes it more cyan than it is.)
        white: (3,) colour of a white thing in full light in this picture.
        noise: standard deviation of the sensor, in grey levels.
        visibility_km: a guess from the contrast of the far land: 45 at full contrast, less in haze and fog.
    """

    ridges: tuple[Floats, ...]
    steps: tuple[Floats, ...]
    airlight: Floats
    white: Floats
    noise: float
    visibility_km: float


def read_light(picture: Picture, ridges: int = 3) -> Light:
    """Read the light off a picture without smoke.

    Args:
        picture: (H, W, 3) uint8 RGB; a median over some frames is best.
        ridges: how many lines at most, with the skyline.
    """
    grey = _grey(picture)
    line = skyline(picture)
    lines, steps = [line], [_step(grey, line)]
    height = grey.shape[0]
    rise = np.abs(_fall(grey))
    taken = np.zeros_like(rise, bool)
    rows = np.arange(height, dtype=np.float32)[:, None]
    for _ in range(ridges - 1):
        taken |= np.abs(rows - lines[-1]) < 0.03 * height
        band = (rows > line) & (rows < line + 0.25 * height) & ~taken
        found = _path(np.where(band, rise, -20).astype(np.float32))
        lines.append(found)
        steps.append(_step(grey, found))
    order = sorted(range(1, len(lines)), key=lambda i: float(lines[i].mean()))
    kept = [0, *order]
    airlight = _sky_above(picture, line)
    return Light(
        tuple(lines[i] for i in kept),
        tuple(steps[i] for i in kept),
        airlight,
        _white(grey, airlight),
        _noise(grey),
        _visibility_km(grey, line),
    )


def skyline(picture: Picture) -> Floats:
    """Return for each column the row at which the land begins, (W,) float32."""
    grey = _grey(picture)
    height = grey.shape[0]
    rough = cv2.GaussianBlur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), (0, 0), 3)
    reach = max(4, height // 24)
    above, below = _windows(np.minimum(rough, 30), reach)
    score = np.clip(_fall(grey), -5, 25) + 4 * np.clip(below - above, -4, 6)
    rows = np.arange(height)[:, None]
    score = np.where((rows > 0.08 * height) & (rows < 0.8 * height), score, -60)
    line = _path(score.astype(np.float32))
    for _ in range(2):  # a near ridge is the sharper line; the skyline is the highest one with land below it
        band = (rows < line - 0.03 * height) & (rows > line - _HIGHER_MAX * height)  # not up among the clouds
        higher = _path(np.where(band, score, -60).astype(np.float32))
        columns = np.arange(grey.shape[1])
        at = np.clip(np.rint(higher).astype(int), 0, height - 1)
        darker, rougher = _fall(grey)[at, columns], (below - above)[at, columns]
        if np.percentile(darker, 20) < _SKY_STEP_MIN or np.percentile(rougher, 20) < _LAND_ROUGH_MIN:
            break
        line = higher
    return line


def masts(picture: Picture, line: Floats) -> Floats:
    """Return (H, W) float32, 1 where something thin and dark stands before the sky, as masts and branches do."""
    grey = _grey(picture)
    around = cv2.GaussianBlur(cv2.medianBlur(picture, 5).astype(np.float32).mean(2), (0, 0), 14)
    rows = np.arange(grey.shape[0], dtype=np.float32)[:, None]
    dark = np.clip((around - grey - 14) / 14, 0, 1) * (rows < line - 2)
    return np.asarray(cv2.GaussianBlur(dark, (0, 0), 0.7), np.float32)


def _grey(picture: Picture) -> Floats:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _windows(values: Floats, reach: int) -> tuple[Floats, Floats]:
    """Mean of `reach` rows above and below each row."""
    mean = np.asarray(cv2.blur(values, (5, reach), borderType=cv2.BORDER_REPLICATE), np.float32)
    half = reach // 2 + 1
    padded = np.pad(mean, ((half, half), (0, 0)), mode="edge")
    return padded[: -2 * half], padded[2 * half :]


def _fall(grey: Floats) -> Floats:
    """By how many grey levels the rows below are darker than those above."""
    above, below = _windows(grey, 5)
    return above - below


def _step(grey: Floats, line: Floats) -> Floats:
    rows = np.clip(np.rint(line).astype(int), 0, grey.shape[0] - 1)
    local = _fall(grey)[rows, np.arange(grey.shape[1])]
    return np.asarray(cv2.blur(local[None], (15, 1))[0], np.float32)


def _path(score: Floats) -> Floats:
    """Find the line from left to right with the highest sum of scores that bends little (dynamic programming)."""
    height, width = score.shape
    narrow = cv2.resize(score, (max(2, width // _SHRINK), height), interpolation=cv2.INTER_AREA)
    best = narrow[:, 0].copy()
    came = np.zeros(narrow.shape, np.int64)
    shifts = range(-_BEND_MAX_ROWS, _BEND_MAX_ROWS + 1)
    rows = np.arange(height)
    for column in range(1, narrow.shape[1]):
        padded = np.pad(best, _BEND_MAX_ROWS, constant_values=-np.inf)
        choices = np.stack(
            [padded[_BEND_MAX_ROWS + s : _BEND_MAX_ROWS + s + height] - _BEND_COST * abs(s) for s in shifts]
        )
        chosen = choices.argmax(0)
        came[:, column] = rows + chosen - _BEND_MAX_ROWS
        best = choices[chosen, rows] + narrow[:, column]
    line = np.empty(narrow.shape[1])
    row = int(best.argmax())
    for column in range(narrow.shape[1] - 1, -1, -1):
        line[column] = row
        row = int(came[row, column]) if column else row
    smooth = cv2.GaussianBlur(line[None].astype(np.float32), (0, 0), 0.8)
    return np.asarray(cv2.resize(smooth, (width, 1), interpolation=cv2.INTER_LINEAR)[0], np.float32)


def _sky_above(picture: Picture, line: Floats) -> Floats:
    """Median colour of the strip of sky above the skyline."""
    height = picture.shape[0]
    rows = np.arange(height, dtype=np.float32)[:, None]
    strip: NDArray[np.bool_] = (rows < line - 3) & (rows > line - 0.08 * height)
    inner = strip.copy()
    inner[:, : picture.shape[1] // 8] = inner[:, -(picture.shape[1] // 8) :] = False
    pixels = picture[inner] if inner.any() else picture.reshape(-1, 3)
    colour = np.median(pixels, axis=0)
    return np.asarray(0.5 * colour + 0.5 * colour @ np.array(_LUMA), np.float32)


def _white(grey: Floats, airlight: Floats) -> Floats:
    """A white thing is no darker than the low sky, and about as bright as the brightest things on land."""
    sky = float(airlight @ np.array(_LUMA, np.float32))
    level = min(250.0, max(0.95 * sky, min(0.85 * float(np.percentile(grey, 99)), 1.8 * sky)))
    tint = 0.4 * airlight / max(sky, 1) + 0.6
    return np.asarray(np.minimum(level * tint, 252), np.float32)


def _noise(grey: Floats) -> float:
    """Median of the local deviation in the smoothest quarter of the picture."""
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.2)
    local = np.sqrt(cv2.blur(fine * fine, (16, 16))[8::16, 8::16])
    return float(np.clip(1.3 * np.percentile(local, 25), 0.2, 8))


def _visibility_km(grey: Floats, line: Floats) -> float:
    rows = np.arange(grey.shape[0], dtype=np.float32)[:, None]
    far = grey[(rows > line + 2) & (rows < line + 0.2 * grey.shape[0])]
    if not far.size:
        return 45.0
    low, high = np.percentile(far, (5, 95))
    return float(45.0 * np.clip((high - low) / 70.0, 0.03, 1))
