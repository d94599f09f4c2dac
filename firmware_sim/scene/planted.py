"""A fire planted in a sequence: pictures, the cells that are smoke, ignition, and how well it can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.compose import ALPHA_MIN, Place, behind, cell_alpha, lay_smoke, smoke_cells
from firmware_sim.scene.cut import CutFire, CutPlume
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.fire import CONDITIONS, GREY_LEVELS, SMALL_PX, Fire
from firmware_sim.scene.layer import Effect, Floats, Picture, Pictures, Stage, moved, rounded, through
from firmware_sim.scene.light import Light, masts, read_light
from firmware_sim.scene.plume import DrawnPlume, Plume, Shape

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_DENSITY = (0.02, 2.6)  # thicker smoke looks like wool
_GROW_S = (420.0, 1200.0)


@dataclass(frozen=True, slots=True)
class PlantedFrame:
    """One frame.

    Attributes:
        picture: (H, W, 3) uint8 RGB with smoke and weather.
        without: the same with the weather alone, to the last lot of noise.
        alpha: (H, W) float32 coverage where it now lies; nothing before it in the air is counted.
    """

    picture: Picture
    without: Picture
    alpha: Floats

    @property
    def contrast(self) -> float | None:
        """Mean of |picture − without| in grey levels of the pixels that show smoke; None where none does."""
        shown = self.alpha >= ALPHA_MIN
        if not shown.any():
            return None
        difference = self.picture[shown].astype(np.float32) - self.without[shown]
        return float(np.abs(difference @ _LUMA).mean())

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(x0, y0, x1, y1) px, ends excluded, around the pixels that show smoke; None where none does."""
        rows, cols = np.nonzero(self.alpha >= ALPHA_MIN)
        if not rows.size:
            return None
        return int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1


@dataclass(frozen=True, slots=True)
class Planted:
    """A whole sequence.

    Attributes:
        fire: what was asked for.
        pictures: with smoke and weather, in the given times.
        without: the same weather without the fire.
        cells: (frames, 30, 40) bool, which cells are smoke (`compose.smoke_cells`).
        alpha: (frames, 30, 40) float32, mean coverage of each cell.
        ignition_s: in the times of the pictures.
        first_frame: the first frame after ignition.
        contrasts: of each frame in grey levels, after the weather, None where no smoke shows.
        boxes: of each frame, None where no smoke shows.
        distance_km: of the fire, by the guessed visibility of the background.
        aimed: grey levels of the grown plume that were reached without weather; less than asked for where even the
            thickest smoke differs no more from what it hides.
    """

    fire: Fire
    pictures: Pictures
    without: Pictures
    cells: NDArray[np.bool_]
    alpha: Floats
    ignition_s: float
    first_frame: int
    contrasts: tuple[float | None, ...]
    boxes: tuple[tuple[int, int, int, int] | None, ...]
    distance_km: float
    aimed: float


class Planting:
    """A fire on its background, frame by frame, in any order.

    Args:
        pictures: of the background, without smoke.
        fire: which.
        cuts: fires that plumes are cut from, by name.
        hidden: (H, W) float32, 1 where something stands before the smoke; found in the picture if absent.
        base_px: (row, column) of the fire; chosen if absent.
    Raises:
        SceneError: no frame lies after ignition, the cut is not given, or the mask does not fit.
    """

    def __init__(
        self,
        pictures: Pictures,
        fire: Fire,
        *,
        cuts: Mapping[str, CutFire] | None = None,
        hidden: Floats | None = None,
        base_px: tuple[float, float] | None = None,
    ) -> None:
        self._pictures, self._fire = pictures, fire
        plume_rng, place_rng, *weather = np.random.default_rng((fire.seed, 2)).spawn(8)
        times = np.asarray(pictures.times_s, np.float64)
        self.ignition_s = float(times[0] + fire.ignition * (times[-1] - times[0]))
        after = np.flatnonzero(times > self.ignition_s)
        if not after.size:
            raise SceneError(f"fire {fire.seed}: no frame lies after ignition; expected a longer sequence")
        self.first_frame = int(after[0])
        calm = _calm(pictures.pixels)
        self._light = read_light(calm)
        stage = Stage(pictures.size_px, times - times[0], self._light.ridges[0])
        if hidden is not None and hidden.shape != pictures.size_px:
            raise SceneError(f"fire {fire.seed}: a mask of {hidden.shape}; expected {pictures.size_px}")
        self.where = _place(place_rng, calm, self._light, fire, hidden, base_px)
        first_s = float(times[self.first_frame] - self.ignition_s)
        self._plume = _plume(plume_rng, fire, first_s, cuts or {})
        last_s = float(times[-1] - self.ignition_s)
        self._density, self.aimed = self._matched(calm, min(last_s, first_s + 600.0))
        back, front = CONDITIONS[fire.condition]
        lots = iter(weather)
        self._back: list[Effect] = [kind(fire.severity).begin(stage, next(lots)) for kind in back]
        self._front: list[Effect] = [kind(fire.severity).begin(stage, next(lots)) for kind in front]

    def frame(self, index: int) -> PlantedFrame:
        """Render one frame."""
        bare = through(self._back, index, self._pictures.pixels[index].astype(np.float32))
        age_s = self._pictures.times_s[index] - self.ignition_s
        smoke = self._plume.smoke(age_s, self._density) if age_s > 0 else None
        if smoke is None:
            without = rounded(through(self._front, index, bare))
            return PlantedFrame(without, without, np.zeros(self._pictures.size_px, np.float32))
        pixels = bare.copy()
        rng = np.random.default_rng((self._fire.seed, 3, index))
        alpha = lay_smoke(pixels, smoke, self.where, self._light, rng)
        without = rounded(through(self._front, index, bare))
        picture = rounded(through(self._front, index, pixels))
        return PlantedFrame(picture, without, moved(self._front, index, alpha))

    def _matched(self, calm: Picture, age_s: float) -> tuple[float, float]:
        """Find the density at which the body of the grown plume has the contrast asked for; return both.

        The body is the same pixels at each density: those that show smoke at the plume's own.
        """
        body = self._laid(calm, age_s, 1.0)[1] >= ALPHA_MIN
        target, (low, high) = GREY_LEVELS[self._fire.contrast], _DENSITY
        density, reached = high, self._contrast(calm, age_s, high, body)
        if reached <= target:
            return density, reached
        for _ in range(7):
            density = float(np.sqrt(low * high))
            reached = self._contrast(calm, age_s, density, body)
            low, high = (density, high) if reached < target else (low, density)
        return density, reached

    def _contrast(self, calm: Picture, age_s: float, density: float, body: NDArray[np.bool_]) -> float:
        pixels, _ = self._laid(calm, age_s, density)
        if not body.any():
            return 0.0
        return float(np.abs((pixels[body] - calm[body]) @ _LUMA).mean())

    def _laid(self, calm: Picture, age_s: float, density: float) -> tuple[Floats, Floats]:
        pixels = calm.astype(np.float32)
        smoke = self._plume.smoke(age_s, density)
        if smoke is None:
            return pixels, np.zeros(calm.shape[:2], np.float32)
        still = replace(self._light, noise=0.0)
        return pixels, lay_smoke(pixels, smoke, self.where, still, np.random.default_rng(0))


def planted(
    pictures: Pictures,
    fire: Fire,
    *,
    cuts: Mapping[str, CutFire] | None = None,
    hidden: Floats | None = None,
    base_px: tuple[float, float] | None = None,
) -> Planted:
    """Plant a fire in a whole sequence; arguments and errors are those of `Planting`."""
    planting = Planting(pictures, fire, cuts=cuts, hidden=hidden, base_px=base_px)
    frames = [planting.frame(index) for index in range(len(pictures.pixels))]
    return Planted(
        fire,
        Pictures([f.picture for f in frames], pictures.times_s),
        Pictures([f.without for f in frames], pictures.times_s),
        np.stack([smoke_cells(f.alpha) for f in frames]),
        np.stack([cell_alpha(f.alpha)[0] for f in frames]),
        planting.ignition_s,
        planting.first_frame,
        tuple(f.contrast for f in frames),
        tuple(f.box for f in frames),
        planting.where.distance_km,
        planting.aimed,
    )


def _calm(pixels: Sequence[Picture]) -> Picture:
    """Median of up to five frames of the first third."""
    chosen = pixels[: max(1, len(pixels) // 3)]
    step = max(1, len(chosen) // 5)
    return np.asarray(np.median(np.stack(chosen[::step][:5]), axis=0), np.uint8)


def _plume(rng: np.random.Generator, fire: Fire, first_s: float, cuts: Mapping[str, CutFire]) -> Plume:
    if fire.cut is not None:
        if fire.cut not in cuts:
            raise SceneError(f"fire {fire.seed} is cut from '{fire.cut}', which was not given")
        cut = cuts[fire.cut]
        scale = fire.first_px / max(cut.textures[0].alpha.shape)
        scale = scale if fire.first_px < SMALL_PX else float(np.clip(scale, 0.7, 1.6))
        return CutPlume(cut, scale, mirrored=bool(rng.random() < 0.5), first_s=first_s)
    shape = Shape(
        fire.first_px,
        first_s,
        fire.full_px,
        fire.lean,
        grow_s=float(rng.uniform(*_GROW_S)),
        travel_s=float(rng.uniform(90, 240)),
        spread=float(rng.uniform(0.13, 0.25)),
    )
    return DrawnPlume(rng, shape, fire.colour, (float(rng.uniform(-1, 1)), -0.7))


def _place(
    rng: np.random.Generator,
    calm: Picture,
    light: Light,
    fire: Fire,
    hidden: Floats | None,
    base_px: tuple[float, float] | None,
) -> Place:
    """Choose a ridge that shows and a column where the sky above is clear of masts and corners."""
    height, width = calm.shape[:2]
    thin = masts(calm, light.ridges[0])
    chosen = int(rng.integers(0, len(light.ridges)))
    if np.median(np.abs(light.steps[chosen])) < 6:  # no ridge that one could see
        chosen = 0
    line = light.ridges[chosen]
    rows = np.clip(line.astype(int), 12, height - 1)
    columns = np.arange(width)
    above = np.stack([calm[rows - k, columns].mean(1) for k in (4, 8, 12)]).mean(0)
    busy = np.stack([thin[rows - k, columns] for k in range(3, 12, 2)]).mean(0)
    inner = (columns > 0.12 * width) & (columns < 0.88 * width)
    dim = np.maximum(0.6 * np.median(above) - above, 0) / 20
    weight = inner * np.exp(-4 * busy - dim - np.abs(np.gradient(line)))
    column = int(rng.choice(width, p=weight / weight.sum())) if base_px is None else round(base_px[1])
    below = 0.1 * fire.first_px if fire.hidden else rng.uniform(0.02, 0.1) * height
    base = base_px or (float(line[min(column, width - 1)] + below), float(column))
    if hidden is None:
        hidden = behind(line, height, thin) if fire.hidden else thin
    deep = max(0.0, base[0] - float(light.ridges[0][int(np.clip(column, 0, width - 1))])) / height
    return Place(base, fire.haze * light.visibility_km * float(np.exp(-deep / 0.1)), hidden)
