"""Which side a seed, a background or a plume is on: what trains, or what judges. Nothing may be on both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.errors import MixError, SceneError

Side: TypeAlias = Literal["train", "judge"]
SEEDS: dict[Side, range] = {"train": range(1 << 30), "judge": range(1 << 30, 1 << 31)}


@dataclass(frozen=True, slots=True)
class Sources:
    """What one side is made of.

    Attributes:
        side: whose it is.
        seeds: of planted fires and weather.
        groups: of cameras whose pictures or plumes it uses.
        names: of backgrounds and plumes.
        digests: sha256 of their pictures.
    """

    side: Side
    seeds: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()

    def __or__(self, other: Sources) -> Sources:
        """Join what one side uses.

        Raises:
            MixError: the sides differ.
        """
        if self.side != other.side:
            raise MixError(f"sources of '{self.side}' and of '{other.side}' were joined; keep them apart")
        return Sources(
            self.side,
            self.seeds | other.seeds,
            self.groups | other.groups,
            self.names | other.names,
            self.digests | other.digests,
        )


def seed_of(side: Side, number: int) -> int:
    """Return the side's seed `number`.

    Raises:
        SceneError: a negative number, or one above what a side has.
    """
    seeds = SEEDS[side]
    if not 0 <= number < len(seeds):
        raise SceneError(f"seed {number} of '{side}'; expected 0 to {len(seeds) - 1}")
    return seeds[number]


def side_of(seed: int) -> Side:
    """Return whose seed this is.

    Raises:
        SceneError: nobody's.
    """
    for side, seeds in SEEDS.items():
        if seed in seeds:
            return side
    raise SceneError(f"seed {seed} belongs to no side; expected 0 to {SEEDS['judge'].stop - 1}")


def digest(pictures: Iterable[NDArray[np.uint8]]) -> str:
    """Return the sha256 of pictures with their shapes, in their order."""
    made = hashlib.sha256()
    for picture in pictures:
        made.update(repr(picture.shape).encode())
        made.update(np.ascontiguousarray(picture).tobytes())
    return made.hexdigest()


def refuse_mix(train: Sources, judge: Sources) -> None:
    """See that nothing is on both sides.

    Raises:
        MixError: sources were given the wrong way round, a seed is in the other side's range, or a seed, group, name
            or digest is on both sides; the message names what met.
    """
    for sources, side in ((train, "train"), (judge, "judge")):
        if sources.side != side:
            raise MixError(f"sources of '{sources.side}' stand for '{side}'")
        strange = sorted(seed for seed in sources.seeds if side_of(seed) != side)
        if strange:
            raise MixError(f"seeds of '{side}' are of the other side's range: {_shown(map(str, strange))}")
    for kind in ("seeds", "groups", "names", "digests"):
        both = getattr(train, kind) & getattr(judge, kind)
        if both:
            raise MixError(
                f"{kind} both train and judge: {_shown(map(str, both))}; leave them out of one side"
            )


def _shown(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
