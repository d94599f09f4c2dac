"""What each camera of a scenario shows, opened: its footage with its faults."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from edge.errors import EdgeError
from firmware_sim.footage.clip import ClipFootage
from firmware_sim.footage.fault import PICTURE_KINDS, Fault, StreamFaults
from firmware_sim.footage.faulty import Faulty
from firmware_sim.footage.rendered import RenderedFootage
from firmware_sim.footage.shot import Footage
from firmware_sim.footage.still import open_folder, place_sequence
from firmware_sim.scene.blaze import Blaze
from firmware_sim.scene.day import AirAt
from firmware_sim.scene.landscape import Scenery
from firmware_sim.scene.sun import SunAt
from firmware_sim.tower.cast import Camera, Scene
from firmware_sim.tower.errors import ScenarioError
from firmware_sim.tower.plan import View
from firmware_sim.tower.run import Kind
from firmware_sim.tower.scenario import Scenario
from scoring.truth import TruthError, TruthSequence, read

_SEEDS = 1 << 30
_STRIDE = 100_003  # between the landscapes of one seed of the scenario and of the next
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Gallery:
    """Opens what the cameras of one scenario show.

    Attributes:
        scenario: whose.
        data: folder of real sequences; None: there is none.
        sun_at, air_at: over its landscapes.
    """

    scenario: Scenario
    data: Path | None
    sun_at: SunAt
    air_at: AirAt

    def views(self, stack: ExitStack) -> dict[str, View]:
        """Open them all; the stack closes them.

        Raises:
            ScenarioError: one cannot be opened, or `--data` is missing; names the camera.
        """
        views: dict[str, View] = {}
        for name, camera, opened in self._openings():
            try:
                footage = opened()
            except EdgeError as error:
                raise ScenarioError(f"cameras.{name}: {error}") from error
            stack.callback(footage.close)
            views[name] = self._view(name, camera, footage)
        return views

    def _openings(self) -> Iterator[tuple[str, Camera, Callable[[], Footage]]]:
        for name, camera in self.scenario.cameras.items():
            yield name, camera, partial(self._footage, camera)
        wanted = self.scenario.sequences
        if wanted is None:
            return
        known = [
            one for one in self._sequences if one.timed and one.reliable and one.ignition_epoch is not None
        ]
        if not known:
            raise ScenarioError("sequences: the folder of --data has none whose ignition is known")
        for sequence in sorted(known, key=lambda one: one.id)[: wanted.most]:
            camera = Camera(sequence=sequence.id, ignition=wanted.ignition)
            yield _UNFIT.sub("-", sequence.id)[:64], camera, partial(self._footage, camera)

    def _footage(self, camera: Camera) -> Footage:
        begin_s, ignition_s = self.scenario.begin_s, camera.ignition
        if camera.scene is not None:
            return self._landscape(camera.scene)
        if camera.clip is not None:
            end: Literal["loop", "hold"] = "loop" if ignition_s is None else "hold"
            return ClipFootage(self._path(camera.clip), begin_s, end=end, ignition_s=ignition_s)
        if camera.folder is not None:
            return open_folder(self._path(camera.folder), begin_s, loop=True)
        found = [one for one in self._sequences if one.id == camera.sequence]
        if not found or self.data is None:
            raise ScenarioError(f"the folder of --data has no sequence '{camera.sequence}'")
        if ignition_s is None:
            return place_sequence(self.data, found[0], start_s=begin_s)
        return place_sequence(self.data, found[0], ignition_s=begin_s + ignition_s)

    def _landscape(self, scene: Scene) -> RenderedFootage:
        scenario, where = self.scenario, self.scenario.where
        scenery = Scenery(
            seed=(scene.seed + _STRIDE * (scenario.seed - 1)) % _SEEDS,
            width=scene.width_px,
            height=scene.height_px,
            heading_deg=scene.heading_deg,
            field_deg=scene.field_deg,
            latitude_deg=where.latitude_deg,
            longitude_deg=where.longitude_deg,
        )
        blazes = [
            Blaze(
                fire=fire.name,
                at_s=fire.at,
                lasts_s=fire.lasts,
                bearing_deg=scene.off_deg(fire.bearing_deg),
                distance_km=fire.distance_km,
                colour=fire.colour,
                full_px=fire.full_px,
                density=fire.density,
            )
            for fire in scenario.fires
            if scene.sees(fire.bearing_deg)
        ]
        return RenderedFootage(scenery, blazes, scenario.begin_s, sun_at=self.sun_at, air_at=self.air_at)

    def _view(self, name: str, camera: Camera, footage: Footage) -> View:
        begin_s = self.scenario.begin_s
        seed = zlib.crc32(f"{self.scenario.seed} {name}".encode())
        faults = tuple(
            Fault(kind=one.kind, from_s=one.from_, to_s=one.to, strength=one.strength)
            for one in camera.faults
        )
        if any(one.kind in PICTURE_KINDS for one in faults):
            footage = Faulty(footage, faults, begin_s, seed)
        kind: Kind = "rendered" if camera.scene else "real" if camera.sequence else "clip"
        return View(footage=footage, kind=kind, faults=StreamFaults(faults, begin_s, seed))

    def _path(self, text: str) -> Path:
        return self.scenario.folder / Path(text).expanduser()

    @cached_property
    def _sequences(self) -> list[TruthSequence]:
        if self.data is None:
            raise ScenarioError(
                "it plays real sequences, which firetower may not hand on; name a folder with sequences.json"
                " by --data FOLDER (docs/data.md)"
            )
        try:
            return list(read(self.data))
        except TruthError as error:
            raise ScenarioError(str(error)) from error
