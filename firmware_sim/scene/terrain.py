"""Land from a seed: ridges one behind the other, their colours, slopes and distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.layer import Floats
from firmware_sim.scene.outlook import Outlook, field_noise

NEAREST_KM, FARTHEST_KM = 0.2, 80.0  # what the 256 steps of `depth` reach over
_NEAR_SHARE = 0.45  # of a ridge's distance is the foot of its slope


@dataclass(frozen=True, slots=True)
class _Kind:
    """One ridge before its lots are drawn.

    Attributes:
        crest: mean row of its crest below the horizon, in heights of the picture.
        relief: half the range of its crest, in heights.
        distance_km: of the crest.
        cells: hills across the picture.
        sharp: share of sharp crests, 0 round hills.
        colour: of the land without haze, RGB in full light.
    """

    crest: float
    relief: float
    distance_km: float
    cells: int
    sharp: float
    colour: tuple[float, float, float]


_KINDS = (
    _Kind(-0.045, 0.055, 38.0, 5, 0.9, (118.0, 114.0, 108.0)),
    _Kind(0.015, 0.050, 19.0, 5, 0.6, (92.0, 98.0, 80.0)),
    _Kind(0.085, 0.050, 9.0, 4, 0.4, (84.0, 94.0, 64.0)),
    _Kind(0.185, 0.065, 4.0, 4, 0.2, (86.0, 92.0, 56.0)),
    _Kind(0.370, 0.090, 1.4, 3, 0.1, (98.0, 94.0, 58.0)),
)
_MEADOW = np.array((142.0, 134.0, 88.0), np.float32)


@dataclass(frozen=True, slots=True)
class Ridge:
    """One ridge.

    Attributes:
        line: (W,) float32 row of its crest.
        distance_km: of the crest; its foot is nearer.
    """

    line: Floats
    distance_km: float


class Terrain:
    """The land before one camera; nothing in it changes with time.

    Args:
        outlook: of the camera.
        rng: chooses hills, woods and meadows.

    Attributes:
        ridges: from far to near; a nearer one hides what lies behind it.
        top: first row with land; what follows begins there, (H − top, W) float32 unless said otherwise.
        bottom: first row without sky.
        cover: 1 where land is, 0 where sky is.
        colours: the three channels of the land in full light.
        right, away, up: of the surface's normal, as the camera sees it.
        depth: uint8 steps of the distance, for `through`.
        hollow: how deep a place lies between its crest and the next one before it, 0 at the crest to 1.
    """

    def __init__(self, outlook: Outlook, rng: np.random.Generator) -> None:
        height, width = outlook.size_px
        lots = rng.spawn(len(_KINDS) + 1)
        stretch = float(lots[-1].uniform(0.8, 1.25))
        self.ridges = tuple(
            _ridge(kind, outlook, one, stretch) for kind, one in zip(_KINDS, lots, strict=False)
        )
        lines = np.stack([ridge.line for ridge in self.ridges])
        skyline = lines.min(0)
        self.top, self.bottom = int(skyline.min()) - 1, int(np.ceil(skyline.max())) + 1
        rows = np.arange(self.top, height, dtype=np.float32)[:, None]
        shape = (height - self.top, width)
        self.cover = np.asarray(np.clip(rows - skyline + 0.5, 0, 1), np.float32)
        colour: Floats = np.zeros((*shape, 3), np.float32)
        distance: Floats = np.full(shape, self.ridges[0].distance_km, np.float32)
        self.hollow: Floats = np.zeros(shape, np.float32)
        self.right: Floats = np.zeros(shape, np.float32)
        steep: Floats = np.full(shape, 0.5, np.float32)
        feet = [*lines[1:], np.full(width, float(height), np.float32)]
        for kind, ridge, foot, one in zip(_KINDS, self.ridges, feet, lots, strict=False):
            here = rows > ridge.line - 0.5
            down = np.clip((rows - ridge.line) / np.maximum(foot - ridge.line, 0.06 * height), 0, 1)
            ground, right, slope = _ground(kind, outlook, one, self.top)
            for whole, part in (
                (colour, ground),
                (distance, ridge.distance_km * (1 - (1 - _NEAR_SHARE) * down)),
                (self.hollow, down),
                (self.right, right),
                (steep, slope),
            ):
                np.copyto(whole, part.astype(np.float32), where=here[..., None] if part.ndim == 3 else here)
        self.colours = tuple(np.ascontiguousarray(colour[..., channel]) for channel in range(3))
        flat = 1 / np.sqrt(1 + self.right**2 + steep**2)
        self.right *= flat
        self.away, self.up = np.asarray(-steep * flat, np.float32), np.asarray(flat, np.float32)
        self.depth = _depth(distance)

    def nearer(self, number: int, height: int) -> Floats:
        """Return (W,) row from which a nearer ridge hides what stands behind ridge `number`; `height` if none does."""
        lines = [ridge.line for ridge in self.ridges[number + 1 :]]
        return np.min(lines, axis=0) if lines else np.full_like(self.ridges[0].line, height)


def through(visibility_km: float) -> Floats:
    """Return (256,) the share of light that comes through the haze from each step of `Terrain.depth` (Koschmieder)."""
    steps = np.arange(256) / 255
    distances_km = NEAREST_KM * (FARTHEST_KM / NEAREST_KM) ** steps
    return np.asarray(np.exp(-3.912 * distances_km / visibility_km), np.float32)


def _ridge(kind: _Kind, outlook: Outlook, rng: np.random.Generator, stretch: float) -> Ridge:
    height, width = outlook.size_px
    hills, crests = rng.spawn(4)[:2]
    octaves = 6
    smooth = field_noise(hills, (2, width), (2, kind.cells + 2), octaves)[0]
    folded = 1 - np.abs(2 * field_noise(crests, (2, width), (2, kind.cells + 3), octaves)[0] - 1)
    rise = (1 - kind.sharp) * smooth + kind.sharp * folded
    line = outlook.horizon_row + height * (kind.crest + kind.relief * stretch * (1 - 2 * rise))
    distance_km = kind.distance_km * float(rng.uniform(0.8, 1.25))
    return Ridge(np.asarray(line, np.float32), distance_km)


def _ground(
    kind: _Kind, outlook: Outlook, rng: np.random.Generator, top: int
) -> tuple[Floats, Floats, Floats]:
    """Return colours (rows, W, 3), and the slope to the right and away from the camera, both (rows, W)."""
    size = (outlook.size_px[0] - top, outlook.size_px[1])
    near = min(6, int(40 / kind.distance_km) + 1)
    lots = rng.spawn(8)[4:]
    grain = field_noise(lots[0], size, (24, 40), 2 + min(near, 4))
    patch = field_noise(lots[1], size, (4 + near, 6 + near), 5)
    folds = field_noise(lots[2], size, (7, 4 + near), 4)
    meadow = np.clip((patch - 0.62) * 8, 0, 1)[..., None] * np.float32(0.8 if kind.distance_km < 30 else 0.2)
    base = np.array(kind.colour, np.float32) * lots[3].uniform(0.9, 1.1, 3).astype(np.float32)
    colour = base + meadow * (_MEADOW - base)
    colour = colour * (0.62 + 0.62 * grain)[..., None]
    right = np.gradient(folds, axis=1) * np.float32(size[1] * 0.045)
    steep = np.float32(0.45) + np.gradient(folds, axis=0) * np.float32(size[0] * 0.03)
    return np.asarray(colour, np.float32), np.clip(right, -1.5, 1.5), np.clip(steep, 0, 1.5)


def _depth(distance_km: Floats) -> NDArray[np.uint8]:
    share = np.log(np.clip(distance_km, NEAREST_KM, FARTHEST_KM) / NEAREST_KM) / np.log(
        FARTHEST_KM / NEAREST_KM
    )
    return np.asarray(np.rint(255 * share), np.uint8)
