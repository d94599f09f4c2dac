"""Layers over a sequence of pictures: what each does to a picture, and how it moves what lies in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.errors import SceneError

Picture: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pictures:
    """A sequence of one camera.

    Attributes:
        pixels: of each frame (H, W, 3) uint8 RGB, all of one size, at least 32 px a side.
        times_s: seconds of each frame from any start, ascending.
    Raises:
        SceneError: no picture, other shapes or dtypes, or times that do not fit.
    """

    pixels: Sequence[Picture]
    times_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.pixels or len(self.pixels) != len(self.times_s):
            raise SceneError(f"{len(self.pixels)} pictures, {len(self.times_s)} times; expected one each")
        shape = self.pixels[0].shape
        if len(shape) != 3 or shape[2] != 3 or min(shape[:2]) < 32:
            raise SceneError(f"a picture is {shape}; expected (H, W, 3) of at least 32 px a side")
        if any(p.shape != shape or p.dtype != np.uint8 for p in self.pixels):
            raise SceneError(f"pictures differ; expected all of them uint8 {shape}")
        times = np.asarray(self.times_s)
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise SceneError("times do not ascend; expected seconds, each later than the one before")

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels[0].shape[0], self.pixels[0].shape[1]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where layers play.

    Attributes:
        size_px: (height, width).
        times_s: seconds of each frame from the first one.
        skyline: (W,) row at which the land begins.
    """

    size_px: tuple[int, int]
    times_s: NDArray[np.float64]
    skyline: Floats


def unmoved(_index: int) -> None:
    """Nothing moves in any frame."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A layer that has drawn its lots for one sequence.

    Attributes:
        picture: changes frame `index`, (H, W, 3) float32 RGB in 0..255, possibly in place, and returns it. The same
            index gives the same change, in any order.
        move: (2, 3) float64 affine map of this frame from old to new (x, y), None where nothing moves.
    """

    picture: Callable[[int, Floats], Floats]
    move: Callable[[int], NDArray[np.float64] | None] = unmoved


class Layer(Protocol):
    """Weather, light or the camera's own doing."""

    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the lots for one sequence."""
        ...


@dataclass(frozen=True, slots=True)
class Weather(ABC):
    """A layer with a severity; base of all in `air`, `lens`, `camera` and `night`.

    Attributes:
        severity: 0 changes nothing worth mention, 1 is the worst that a camera is left to watch in.
    Raises:
        SceneError: severity outside 0..1.
    """

    severity: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 1:
            raise SceneError(f"severity {self.severity}; expected 0 to 1")

    @abstractmethod
    def begin(self, stage: Stage, rng: np.random.Generator) -> Effect:
        """Draw the lots for one sequence."""

    def apply(self, pictures: Pictures, rng: np.random.Generator) -> Pictures:
        """Lay this weather over a sequence; the given pictures stay as they are."""
        return lay(pictures, (self,), rng)


def stage_of(pictures: Pictures) -> Stage:
    """Return the stage of a sequence, its skyline read off the first picture."""
    from firmware_sim.scene.light import skyline  # noqa: PLC0415 — which needs the types above

    times = np.asarray(pictures.times_s, np.float64)
    return Stage(pictures.size_px, times - times[0], skyline(pictures.pixels[0]))


def lay(pictures: Pictures, layers: Sequence[Layer], rng: np.random.Generator) -> Pictures:
    """Lay layers in their order over a sequence, rounding once at the end."""
    stage = stage_of(pictures)
    effects = [layer.begin(stage, child) for layer, child in zip(layers, rng.spawn(len(layers)), strict=True)]
    return Pictures(list(_each(pictures, effects)), pictures.times_s)


def _each(pictures: Pictures, effects: Sequence[Effect]) -> Iterator[Picture]:
    for index, picture in enumerate(pictures.pixels):
        yield rounded(through(effects, index, picture.astype(np.float32)))


def through(effects: Sequence[Effect], index: int, pixels: Floats) -> Floats:
    """Pass frame `index` through the effects; `pixels` may be changed in place."""
    for effect in effects:
        pixels = effect.picture(index, pixels)
    return pixels


def moved(effects: Sequence[Effect], index: int, alpha: Floats) -> Floats:
    """Move the coverage of a plume, (H, W) float32, as the effects move the picture."""
    for effect in effects:
        if (matrix := effect.move(index)) is not None:
            size = (alpha.shape[1], alpha.shape[0])
            alpha = np.asarray(cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR), np.float32)
    return alpha


def rounded(pixels: Floats) -> Picture:
    """Round (H, W, 3) float32 to uint8, clipped to 0..255."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(pixels, 0)), np.uint8)


def eased(times_s: NDArray[np.float64], at_s: float, over_s: float) -> NDArray[np.float64]:
    """Return 0 before `at_s`, 1 from `at_s` + `over_s` on, smooth between, for each time."""
    share = np.clip((times_s - at_s) / max(over_s, 1e-6), 0, 1)
    result: NDArray[np.float64] = share * share * (3 - 2 * share)
    return result
