"""Plumes cut from real frames with boxes, at run time: they are never stored with the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.layer import Floats, Picture
from firmware_sim.scene.light import read_light
from firmware_sim.scene.plume import Smoke
from firmware_sim.scene.side import Side, Sources, digest

_BEFORE_MIN = 3
_FLOOR_DEVIATIONS = 2.5  # a difference below is the sensor's and the wind's in the trees
_CONTRAST_MIN = 6.0  # grey levels of the smoke against what it hides
_SIDE_MIN_PX, _SIDE_MAX_PX = 6, 150  # a larger box holds sky, clouds and land that changed, too
_BLIND_MAX = 0.3  # share of a box in which smoke would look like what it hides
_FILLED_MIN = 0.4  # share of each side of the box that the plume spans
_AROUND_MAX = 0.5  # change around the box over that of the smoke


@dataclass(frozen=True, slots=True)
class Boxed:
    """A frame in which people drew smoke.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        age_s: seconds after the first frame with a box.
        box: (x0, y0, x1, y1) px around all of it.
    """

    picture: Picture
    age_s: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Texture:
    """A plume without its background.

    Attributes:
        age_s: as of its frame.
        top: row of its first pixel in its picture.
        left: and column.
        alpha: (h, w) float32, estimated coverage.
        shade: (h, w, 3) float32, its colour over full white light in its picture.
    """

    age_s: float
    top: int
    left: int
    alpha: Floats
    shade: Floats


@dataclass(frozen=True, slots=True)
class CutFire:
    """The textures of one fire, in order of age.

    Attributes:
        name: of the sequence that it was cut from.
        group: of its cameras.
        digest: sha256 of the frames that it was cut from.
        textures: at least one.
    """

    name: str
    group: str
    digest: str
    textures: tuple[Texture, ...]

    def sources(self, side: Side) -> Sources:
        """Return it as what a side uses."""
        return Sources(
            side,
            groups=frozenset((self.group,)),
            names=frozenset((self.name,)),
            digests=frozenset((self.digest,)),
        )


def cut_fire(before: Sequence[Picture], boxed: Sequence[Boxed], name: str, group: str) -> CutFire:
    """Cut a fire's plume out of its frames; frames in which too little can be told from the background are left out.

    Args:
        before: frames before ignition, at least 3, of the same size.
        boxed: frames with boxes.
        name: of the sequence.
        group: of its cameras.
    Raises:
        SceneError: too few frames, sizes that differ, or no frame gives a texture.
    """
    if len(before) < _BEFORE_MIN or not boxed:
        raise SceneError(
            f"'{name}': {len(before)} frames before and {len(boxed)} with boxes; expected 3 and 1"
        )
    if len({p.shape for p in (*before, *(b.picture for b in boxed))}) > 1:
        raise SceneError(f"'{name}': its frames differ in size")
    background = np.median(np.stack(before), axis=0).astype(np.float32)
    spread = np.median([np.abs(p.astype(np.float32) - background).mean(2) for p in before], axis=0)
    white = read_light(np.asarray(background, np.uint8)).white
    textures = [_cut(background, np.asarray(spread, np.float32), white, frame) for frame in boxed]
    found = tuple(sorted((t for t in textures if t is not None), key=lambda t: t.age_s))
    if not found:
        raise SceneError(f"'{name}': no frame has smoke that differs from the frames before")
    return CutFire(name, group, digest([*before, *(b.picture for b in boxed)]), found)


def _cut(background: Floats, spread: Floats, white: Floats, frame: Boxed) -> Texture | None:
    """Estimate coverage and colour: picture = (1 − α) background + α smoke, with one smoke colour a frame."""
    height, width = spread.shape
    x0, y0, x1, y1 = (round(v) for v in frame.box)
    grow = 3 + round(0.06 * max(x1 - x0, y1 - y0))
    top, left = max(0, y0 - grow), max(0, x0 - grow)
    bottom, right = min(height, y1 + grow), min(width, x1 + grow)
    if min(x1 - x0, y1 - y0) < _SIDE_MIN_PX or max(x1 - x0, y1 - y0) > _SIDE_MAX_PX:
        return None
    inside = (slice(top, bottom), slice(left, right))
    picture = frame.picture.astype(np.float32)
    near = _ring(inside, (height, width))
    gain = np.median((picture[near] + 1) / (background[near] + 1), axis=0)
    around = float(np.percentile(np.abs(picture[near] - background[near] * gain).mean(1), 90))
    there, hid = picture[inside], background[inside] * gain
    change = there - hid
    size = np.abs(change).mean(2)
    floor = _FLOOR_DEVIATIONS * cv2.blur(spread[inside], (5, 5)) + 2
    sure = cv2.blur(size, (3, 3)) > floor + _CONTRAST_MIN
    if sure.mean() < 0.02 or sure.sum() < 12:
        return None
    strongest = size >= np.percentile(size[sure], 80)
    smoke = np.median(there[sure & strongest], axis=0)
    reach = smoke - hid
    if (np.abs(reach).mean(2) < 12).mean() > _BLIND_MAX or around > _AROUND_MAX * np.median(
        size[sure & strongest]
    ):
        return None
    alpha = (change * reach).sum(2) / np.maximum((reach * reach).sum(2), 15.0**2)
    alpha -= np.minimum(floor / np.maximum(np.abs(reach).mean(2), 15), 0.6) * (~sure)
    alpha = cv2.bilateralFilter(np.clip(alpha, 0, 1).astype(np.float32), 5, 0.2, 2) * _feather(
        alpha.shape, grow
    )
    part, spans = _main_part(alpha)
    if spans[0] < _FILLED_MIN * (y1 - y0) or spans[1] < _FILLED_MIN * (x1 - x0):
        return None  # a cable, a car, a corner of a cloud
    if spans[1] > x1 - x0 + grow:
        return None  # a band of sky: smoke ends within its box
    alpha = cv2.GaussianBlur(alpha * part, (0, 0), 0.9)
    colour = np.where(alpha[..., None] > 0.3, hid + change / np.maximum(alpha[..., None], 0.3), smoke)
    colour = cv2.GaussianBlur(np.clip(colour, 0, 255).astype(np.float32), (0, 0), 1.2)
    return Texture(
        frame.age_s, top, left, np.asarray(alpha, np.float32), np.asarray(colour / white, np.float32)
    )


def _ring(inside: tuple[slice, slice], size: tuple[int, int]) -> NDArray[np.bool_]:
    """What lies around the cut, for the exposure."""
    near = np.zeros(size, bool)
    (rows, cols), reach = inside, 40
    near[max(0, rows.start - reach) : rows.stop + reach, max(0, cols.start - reach) : cols.stop + reach] = (
        True
    )
    near[inside] = False
    return near


def _feather(shape: tuple[int, ...], over: int) -> Floats:
    """1 within, 0 at the edge."""
    down, right = (np.minimum(np.arange(n), np.arange(n)[::-1]) / max(over, 1) for n in shape[:2])
    return np.asarray(np.minimum(1, np.minimum(down[:, None], right[None])), np.float32)


def _main_part(alpha: Floats) -> tuple[Floats, tuple[int, int]]:
    """Keep the largest connected part and what is near it: the rest is clouds, cars and leaves. With its sides."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (alpha > 0.15).astype(np.uint8), connectivity=8
    )
    if count < 2:
        return np.ones_like(alpha), (0, 0)
    chosen = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    largest = (labels == chosen).astype(np.uint8)
    spans = int(stats[chosen, cv2.CC_STAT_HEIGHT]), int(stats[chosen, cv2.CC_STAT_WIDTH])
    side = 2 * max(2, round(0.06 * max(alpha.shape))) + 1
    wide = cv2.dilate(largest, np.ones((side, side), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), side / 4), np.float32), spans


class CutPlume:
    """A cut fire that burns again: each age shows the newest texture, once it was that old.

    Args:
        fire: whose textures.
        scale: of its size.
        mirrored: left and right change places, and with them the light.
        first_s: seconds after the new ignition at which the first texture shows.
    """

    def __init__(self, fire: CutFire, scale: float, *, mirrored: bool, first_s: float) -> None:
        self._fire, self._scale, self._mirrored, self._first_s = fire, scale, mirrored, first_s
        first = fire.textures[0]
        rows, cols = np.nonzero(first.alpha > 0.5 * first.alpha.max())
        foot = rows >= rows.max() - 1
        self._base = (first.top + float(rows.max()), first.left + float(np.median(cols[foot])))

    @property
    def last_s(self) -> float:
        """Age of the last texture, counted from the new ignition."""
        return self._first_s + self._fire.textures[-1].age_s - self._fire.textures[0].age_s

    def smoke(self, age_s: float, density: float = 1.0) -> Smoke | None:
        """Return the smoke at `age_s` seconds after ignition, None before the first texture."""
        first = self._fire.textures[0]
        shown = [t for t in self._fire.textures if t.age_s - first.age_s <= age_s - self._first_s]
        if not shown:
            return None
        texture, scale = shown[-1], self._scale
        size = tuple(max(1, round(n * scale)) for n in texture.alpha.shape[::-1])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        alpha = np.asarray(cv2.resize(texture.alpha, size, interpolation=how), np.float32)
        shade = np.asarray(cv2.resize(texture.shade, size, interpolation=how), np.float32)
        top, left = (texture.top - self._base[0]) * scale, (texture.left - self._base[1]) * scale
        if self._mirrored:
            alpha, shade, left = alpha[:, ::-1], shade[:, ::-1], -left - size[0]
        alpha = 1 - (1 - np.clip(alpha, 0, 0.985)) ** density
        return Smoke(
            round(top), round(left), np.repeat(alpha[..., None], 3, axis=2).astype(np.float32), shade
        )
