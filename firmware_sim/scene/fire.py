"""Specifications of planted fires, as data: which fire, on which background, in which weather, how hard to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from firmware_sim.scene.air import CloudShadow, Fog, Rain
from firmware_sim.scene.camera import ExposureJump, Infrared, Night, Noise, Shake, Turn, WhiteBalanceJump
from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.layer import Weather
from firmware_sim.scene.lens import Dirt, Drops, Glare, Headlights
from firmware_sim.scene.night import InfraredNight, LitNight
from firmware_sim.scene.plume import Colour
from firmware_sim.scene.side import Side, seed_of

Contrast: TypeAlias = Literal["faint", "middle", "strong"]
GREY_LEVELS: dict[Contrast, float] = {"faint": 7.0, "middle": 16.0, "strong": 34.0}
COLOURS: tuple[Colour, ...] = ("white", "grey", "brown")
SMALL_PX = 20  # below it at first: one fire in SMALL_EVERY
SMALL_EVERY = 5
_CUT_EVERY = 6

# what lies behind the smoke, and what lies before it, in their order
CONDITIONS: dict[str, tuple[tuple[type[Weather], ...], tuple[type[Weather], ...]]] = {
    "clear": ((), ()),
    "exposure": ((), (ExposureJump,)),
    "white_balance": ((), (WhiteBalanceJump,)),
    "cloud_shadow": ((CloudShadow,), ()),
    "fog": ((), (Fog,)),
    "glare": ((), (Glare,)),
    "rain": ((), (Rain, Drops)),
    "dirt": ((), (Dirt,)),
    "headlights": ((), (Night, Headlights)),
    "infrared": ((), (Infrared,)),
    "night": ((), (Night, Noise)),
    "shake": ((), (Shake,)),
    "turn": ((), (Turn,)),
    "lit_night": ((), (LitNight,)),
    "infrared_night": ((), (InfraredNight,)),
}
DEALT = tuple(name for name in CONDITIONS if name not in {"lit_night", "infrared_night"})  # by `fires`


@dataclass(frozen=True, slots=True)
class Fire:
    """One planted fire before it is rendered.

    Attributes:
        seed: of everything that is not stated here; its range says whose fire it is.
        background: name of the sequence that it is planted in.
        condition: a key of CONDITIONS.
        severity: of its weather, 0..1.
        contrast: how hard it is to see, before the weather; GREY_LEVELS says what is aimed at.
        colour: of a drawn plume.
        cut: name of the fire that its plume is cut from, None for a drawn one.
        first_px: larger side of the whole plume in the first frame after ignition; what a ridge hides, or is too thin
            to show, makes it smaller.
        full_px: height to which a drawn one grows.
        lean: width over height when grown, positive to the right.
        haze: distance over the background's visibility, for a fire at the skyline; nearer ones have less.
        hidden: whether it rises from behind a ridge line.
        ignition: share of the sequence's time that has gone at ignition.
    """

    seed: int
    background: str
    condition: str
    severity: float
    contrast: Contrast
    colour: Colour
    cut: str | None
    first_px: float
    full_px: float
    lean: float
    haze: float
    hidden: bool
    ignition: float

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise SceneError(f"condition '{self.condition}'; expected one of {', '.join(CONDITIONS)}")
        if not (0 < self.first_px <= self.full_px and 0 < self.ignition < 1):
            raise SceneError(
                f"fire {self.seed}: expected 0 < first_px <= full_px and an ignition within 0..1"
            )


def fire(
    seed: int,
    background: str,
    condition: str,
    *,
    contrast: Contrast = "middle",
    colour: Colour = "grey",
    small: bool = False,
    cut: str | None = None,
) -> Fire:
    """Choose what is left open by the seed.

    Raises:
        SceneError: an unknown condition.
    """
    rng = np.random.default_rng((seed, 1))
    first_px = rng.uniform(8, 12) if small else rng.uniform(24, 48)
    full_px = max(first_px * 1.5, rng.lognormal(4.2, 0.45))
    return Fire(
        seed,
        background,
        condition,
        round(float(rng.uniform(0.35, 0.85)), 3),
        contrast,
        colour,
        cut,
        round(float(first_px), 1),
        round(float(min(full_px, 180.0)), 1),
        round(float(rng.choice((-1, 1)) * rng.gamma(2.0, 0.5)), 2),
        round(float(rng.uniform(0.03, 0.28)), 3),
        bool(rng.random() < 0.55),
        round(float(rng.uniform(0.35, 0.45)), 3),
    )


def fires(
    side: Side, backgrounds: Sequence[str], count: int = 312, *, cuts: Sequence[str] = (), first: int = 0
) -> Iterator[Fire]:
    """List fires that are spread evenly over conditions, contrasts, colours and backgrounds; nothing is rendered.

    Thirteen fires go through all of DEALT, thirty-nine through all of it at all contrasts. Every fifth is
    below SMALL_PX at first, every sixth is cut from `cuts`. The same arguments give the same fires.

    Args:
        side: who may use them.
        backgrounds: names, each with about the same number of fires.
        count: how many.
        cuts: names of cut fires; without any all plumes are drawn.
        first: number of the first seed of this side.
    Raises:
        SceneError: no background, or the side has too few seeds.
    """
    if not backgrounds:
        raise SceneError("no background; name at least one")
    contrasts, conditions = tuple(GREY_LEVELS), DEALT
    for number in range(count):
        lap = number // len(conditions)
        yield fire(
            seed_of(side, first + number),
            backgrounds[(number + lap // len(contrasts)) % len(backgrounds)],
            conditions[number % len(conditions)],
            contrast=contrasts[lap % len(contrasts)],
            colour=COLOURS[(number + lap // len(contrasts)) % len(COLOURS)],
            small=number % SMALL_EVERY == 0,
            cut=cuts[number // _CUT_EVERY % len(cuts)] if cuts and number % _CUT_EVERY == 3 else None,
        )
