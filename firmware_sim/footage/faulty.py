"""Any footage through a camera that has faults on schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.footage import glass
from firmware_sim.footage.fault import PICTURE_KINDS, Fault
from firmware_sim.footage.shot import Footage, Ignition, Shot, Sighting, sighting_of
from firmware_sim.scene.layer import Picture

_EFFECTS: dict[str, glass.Effect] = {
    "rain": glass.rain,
    "snow": glass.snow,
    "dirt": glass.dirt,
    "blur": glass.blur,
    "infrared": glass.infrared,
    "black": glass.black,
}
_MOVED = 0.25  # of the picture's width at full strength
_BLACK = 0.9  # strength from which nothing is to be seen


class Faulty:
    """Footage with faults of the picture; those of the stream are its source's.

    The truth's boxes are of the picture as it is shown: moved with a moved view, of the old picture while it is
    frozen, none in black. `burning` stays that of the moment.

    Args:
        footage: what the camera would show.
        faults: of this camera.
        start_s: seconds since 1970 UTC that the faults' times count from.
        seed: of the camera.
    """

    def __init__(self, footage: Footage, faults: Sequence[Fault], start_s: float, seed: int = 0) -> None:
        self._footage, self._start_s, self._seed = footage, start_s, seed
        self._freezes = sorted((one for one in faults if one.kind == "freeze"), key=lambda one: one.from_s)
        rank: dict[str, int] = {kind: number for number, kind in enumerate(PICTURE_KINDS)}
        self._faults = sorted(
            (one for one in faults if one.kind in rank and one.kind != "freeze"),
            key=lambda one: rank[one.kind],
        )

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width) of its pictures."""
        return self._footage.size_px

    @property
    def rendered(self) -> bool:
        """Whether its pictures are drawn."""
        return self._footage.rendered

    @property
    def ignitions(self) -> tuple[Ignition, ...]:
        """Its fires."""
        return self._footage.ignitions

    def at(self, epoch_s: float) -> Shot | None:
        """Return what the camera shows at a moment, None where it has nothing to show.

        Raises:
            FootageError: a file of it cannot be read.
        """
        seen_s, strongest = self._frozen(epoch_s - self._start_s)
        if strongest is None:
            return self._through(epoch_s)
        held = self._through(self._start_s + seen_s)
        if held is None:
            return None
        burning = tuple(one.fire for one in self.ignitions if one.burns(epoch_s))
        truth = replace(held.truth, burning=burning, faults=("freeze", *held.truth.faults))
        pixels = held.pixels
        if strongest < 1:
            pixels = glass.encoded_anew(pixels, glass.Moment(strongest, epoch_s, self._seed))
        return Shot(pixels, epoch_s, truth)

    def close(self) -> None:
        """Free the footage."""
        self._footage.close()

    def _frozen(self, now_s: float) -> tuple[float, float | None]:
        """Return the moment that is shown, and the strength of what holds it; None where nothing does."""
        strength: float | None = None
        for fault in reversed(self._freezes):  # one that begins while another holds shows that one's picture
            if fault.holds(now_s):
                now_s = fault.from_s
                strength = fault.strength if strength is None else min(strength, fault.strength)
        return now_s, strength

    def _through(self, epoch_s: float) -> Shot | None:
        shot = self._footage.at(epoch_s)
        held = [fault for fault in self._faults if fault.holds(epoch_s - self._start_s)]
        if shot is None or not held:
            return shot
        pixels, sightings = shot.pixels, shot.truth.sightings
        for fault in held:
            if fault.kind == "moved_view":
                pixels, sightings = _moved(pixels, sightings, fault.strength, self._seed)
            else:
                pixels = _EFFECTS[fault.kind](pixels, glass.Moment(fault.strength, epoch_s, self._seed))
            if fault.kind == "black" and fault.strength >= _BLACK:
                sightings = ()
        kinds = tuple(dict.fromkeys(fault.kind for fault in held))
        label = shot.truth.label
        if label == "smoke" and not sightings:
            label = "uncertain"
        truth = replace(shot.truth, label=label, sightings=sightings, faults=(*shot.truth.faults, *kinds))
        return Shot(pixels, shot.taken_s, truth)


def _moved(
    pixels: Picture, sightings: tuple[Sighting, ...], strength: float, seed: int
) -> tuple[Picture, tuple[Sighting, ...]]:
    """Turn the camera; what comes into view is unknown, so it is mirrored."""
    height, width = pixels.shape[:2]
    rng = np.random.default_rng((seed, 31))
    far = _MOVED * strength * width * float(rng.choice((-1, 1)))
    matrix = np.asarray(
        cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-2, 2)) * strength, 1.0),
        np.float64,
    )
    matrix[:, 2] += (far, 0.2 * far * float(rng.uniform(-1, 1)))
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REFLECT
    turned = cv2.warpAffine(pixels, matrix, (width, height), flags=flags, borderMode=border)
    moved = (_moved_sighting(one, matrix, (height, width)) for one in sightings)
    return np.asarray(turned, np.uint8), tuple(one for one in moved if one is not None)


def _moved_sighting(one: Sighting, matrix: NDArray[np.float64], size_px: tuple[int, int]) -> Sighting | None:
    height, width = size_px
    if one.alpha is not None:
        alpha = cv2.warpAffine(one.alpha, matrix, (width, height), flags=cv2.INTER_LINEAR)
        return sighting_of(one.fire, np.asarray(alpha, np.float32))
    x0, y0, x1, y1 = one.box
    corners = matrix @ np.array([(x, y, 1.0) for x in (x0, x1) for y in (y0, y1)]).T
    (left, top), (right, bottom) = corners.min(1), corners.max(1)
    box = (max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    return Sighting(one.fire, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
