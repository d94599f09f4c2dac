"""Clouds that drift with the wind: seen in the sky, and as shadows on the land below them."""

from __future__ import annotations

import cv2
import numpy as np

from firmware_sim.scene.layer import Floats
from firmware_sim.scene.outlook import Outlook, field_noise

COARSE = 4  # soft things are made at a quarter of the size
_TILE_PX, _PX_KM = 512, 8.0  # the deck goes round after 64 km
_HEIGHT_KM = 1.8
_FAR_KM = 45.0  # farther away the deck is a band of haze
_EDGE = 3.2


class Deck:
    """One layer of clouds over one camera.

    Args:
        outlook: of the camera.
        distance_km: (rows, columns) of the land at a quarter of the size, from `first_row` on.
        first_row: of the land.
        rng: chooses clouds and wind.

    Attributes:
        rows: of the quarter picture that may show sky.
    """

    def __init__(
        self, outlook: Outlook, distance_km: Floats, first_row: int, rng: np.random.Generator
    ) -> None:
        fields = rng.spawn(2)
        self._tiles = [_wrapped(field_noise(one, (_TILE_PX, _TILE_PX), (12, 12), 6)) for one in fields]
        self._wind_km_h = rng.uniform(8, 30, 2) * rng.choice((-1, 1), 2) * (1, 0.5)
        heading = np.radians(outlook.heading_deg + outlook.bearings_deg(COARSE))[None]
        elevation = np.radians(outlook.elevations_deg(COARSE))[:, None]
        self.rows = int(np.ceil((outlook.horizon_row + 0.02 * outlook.size_px[0]) / COARSE))
        self.rows = max(self.rows, -(-first_row // COARSE) + 1)
        above = np.maximum(np.tan(elevation[: self.rows]), _HEIGHT_KM / (1.5 * _FAR_KM))
        away_km = _HEIGHT_KM / above
        self._sky = _plane(away_km, heading)
        self._thin = np.asarray(np.clip(1.6 - away_km / _FAR_KM, 0, 1), np.float32)
        self._land = _plane(distance_km, heading)

    def sky(self, epoch_s: float, cover: float) -> Floats:
        """Return how thick clouds stand in the quarter picture's upper rows, (rows, columns) float32 in 0..1."""
        return np.asarray(self._thickness(self._sky, epoch_s, cover) * self._thin, np.float32)

    def shadow(self, epoch_s: float, cover: float) -> Floats:
        """Return how much of the sun the clouds take from the land, (rows, columns) float32 in 0..1."""
        return np.asarray(np.minimum(1.4 * self._thickness(self._land, epoch_s, cover), 0.9), np.float32)

    def _thickness(self, plane: tuple[Floats, Floats], epoch_s: float, cover: float) -> Floats:
        if cover <= 0.01:
            return np.zeros(np.broadcast_shapes(plane[0].shape, plane[1].shape), np.float32)
        hours = epoch_s / 3600
        noise = []
        for tile, share in zip(self._tiles, (1.0, 0.7), strict=True):
            east, north = (float(wind * hours * share * _PX_KM % _TILE_PX) for wind in self._wind_km_h)
            noise.append(
                cv2.remap(
                    tile,
                    plane[0] + np.float32(east),
                    plane[1] + np.float32(north),
                    interpolation=cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_WRAP,
                )
            )
        both = np.asarray(0.6 * noise[0] + 0.4 * noise[1], np.float32)
        # about `cover` of the noise lies above this
        return np.asarray(np.clip((both - np.float32(0.82 - 0.66 * cover)) * _EDGE, 0, 1), np.float32)


def _plane(away_km: Floats | np.ndarray, heading: np.ndarray) -> tuple[Floats, Floats]:
    """Return the pixels of the endless tile, (east, north), under each pixel of the picture."""
    east, north = away_km * np.sin(heading) * _PX_KM, away_km * np.cos(heading) * _PX_KM
    return np.ascontiguousarray(east, np.float32), np.ascontiguousarray(north, np.float32)


def _wrapped(tile: Floats) -> Floats:
    """Blend a tile with itself half a turn away, so that its edges meet."""
    ramp = np.abs(np.linspace(-1, 1, _TILE_PX, dtype=np.float32))
    weight = np.clip(3 * np.maximum(ramp[:, None], ramp[None]) - 2, 0, 1)
    rolled = np.roll(tile, (_TILE_PX // 2, _TILE_PX // 2), (0, 1))
    return np.asarray(tile + weight * (rolled - tile), np.float32)
