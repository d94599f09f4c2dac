"""A rendered landscape as footage."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_sim.footage.shot import Ignition, Shot, Truth, sighting_of
from firmware_sim.scene.blaze import Blaze
from firmware_sim.scene.day import AirAt
from firmware_sim.scene.landscape import Landscape, Scenery
from firmware_sim.scene.sun import SunAt
from scoring.truth import Label

SMOULDER_S = 900.0  # over which the smoke thins out after a fire's end


class RenderedFootage:
    """A landscape from nothing; arguments and errors are those of `Landscape`."""

    rendered = True

    def __init__(
        self,
        scenery: Scenery,
        blazes: Sequence[Blaze] = (),
        start_s: float = 0.0,
        *,
        sun_at: SunAt | None = None,
        air_at: AirAt | None = None,
    ) -> None:
        self._landscape = Landscape(scenery, blazes, start_s, sun_at=sun_at, air_at=air_at)
        self.size_px = self._landscape.outlook.size_px
        ordered = sorted(blazes, key=lambda blaze: blaze.at_s)
        self.ignitions = tuple(
            Ignition(
                blaze.fire,
                start_s + blaze.at_s,
                start_s + blaze.at_s + blaze.lasts_s + SMOULDER_S,
                rendered=True,
            )
            for blaze in ordered
        )

    def at(self, epoch_s: float) -> Shot:
        """Return the picture of a moment."""
        moment = self._landscape.at(epoch_s)
        found = (sighting_of(fire, alpha) for fire, alpha in moment.smoke.items())
        sightings = tuple(sighting for sighting in found if sighting is not None)
        burning = tuple(one.fire for one in self.ignitions if one.burns(epoch_s))
        label: Label = "smoke" if sightings else "uncertain" if burning else "no_smoke"
        return Shot(moment.picture, epoch_s, Truth(label, burning, sightings))

    def close(self) -> None:
        """Free nothing."""
