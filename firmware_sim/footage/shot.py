"""What any footage gives: the picture of a moment, and what is true in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.compose import ALPHA_MIN, smoke_cells
from firmware_sim.scene.layer import Floats, Picture
from scoring.truth import Box, Label


@dataclass(frozen=True, slots=True)
class Ignition:
    """One fire of some footage.

    Attributes:
        fire: its name; the same in all cameras that see it.
        epoch_s: seconds since 1970 UTC at which it begins to smoke.
        end_s: when its smoke is gone; None where that is unknown.
        rendered: whether it is drawn; a find of such a one is no evidence about real fires.
    """

    fire: str
    epoch_s: float
    end_s: float | None = None
    rendered: bool = False

    def burns(self, epoch_s: float) -> bool:
        """Say whether it burns at a moment."""
        return self.epoch_s <= epoch_s and (self.end_s is None or epoch_s < self.end_s)


@dataclass(frozen=True, slots=True)
class Sighting:
    """The smoke of one fire in one picture.

    Attributes:
        fire: its name.
        box: (x0, y0, x1, y1) px of the picture, ends excluded.
        alpha: (H, W) float32 coverage where it is known to the pixel, else None.
    """

    fire: str
    box: Box
    alpha: Floats | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one picture.

    Attributes:
        label: as in `scoring.truth`; `uncertain` after an ignition where no smoke shows, or nobody drew a box.
        burning: names of the fires that burn then, whether or not they show.
        sightings: what shows.
        faults: kinds of the faults that lie over the picture.
    """

    label: Label
    burning: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Of all smoke that shows."""
        return tuple(sighting.box for sighting in self.sightings)

    @property
    def cells(self) -> NDArray[np.bool_] | None:
        """(30, 40) bool, which cells of the model's grid are smoke; None where it is not known to the pixel."""
        alphas = [sighting.alpha for sighting in self.sightings if sighting.alpha is not None]
        if len(alphas) < len(self.sightings) or not alphas:
            return None
        return smoke_cells(np.asarray(np.max(alphas, axis=0), np.float32))


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; not to be changed.
        taken_s: when it was taken, in seconds since 1970 UTC; a recording holds it until its next one.
        truth: what is true of it.
    """

    pixels: Picture
    taken_s: float
    truth: Truth


class Footage(Protocol):
    """What one camera shows.

    The same moment gives the same picture, whatever was asked before.
    """

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width) of its pictures."""
        ...

    @property
    def rendered(self) -> bool:
        """Whether its pictures are drawn."""
        ...

    @property
    def ignitions(self) -> tuple[Ignition, ...]:
        """Its fires, as far as they are known, in the order of their times."""
        ...

    def at(self, epoch_s: float) -> Shot | None:
        """Return what it shows at a moment, None where it has nothing to show then.

        Raises:
            FootageError: a file of it cannot be read.
        """
        ...

    def close(self) -> None:
        """Free it; never raises, may be called twice."""
        ...


def sighting_of(fire: str, alpha: Floats) -> Sighting | None:
    """Return the smoke of a fire by its coverage, (H, W) float32; None where no pixel shows it."""
    shown = alpha >= ALPHA_MIN
    rows, cols = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    if not rows.size:
        return None
    box = (float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1))
    return Sighting(fire, box, alpha)
