"""Data of six burning groups and two quiet streams, and recipes that train nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge.model.manifest import MANIFEST_NAME
from tests.training.gate import made
from training.smoke.side import TrainingSide

CELLS = Path(__file__).parents[3] / "model/fixtures/cells"
CAMERAS = (
    "aa-n-mobo-c",
    "aa-e-mobo-c",
    "bb-n-mobo-c",
    "cc-n-mobo-c",
    "dd-n-mobo-c",
    "ee-n-mobo-c",
    "ff-n-mobo-c",
)
FRAMES = 8


def fires(folder: Path, cameras: tuple[str, ...] = CAMERAS) -> Path:
    """Write a sequence of each camera: a bright cell comes with frame 4 of 8. Two cameras stand on one mast."""
    sequences = []
    for number, camera in enumerate(cameras):
        pictures = [
            made.picture(1000 * number + i, (0, 0) if i >= FRAMES // 2 else None, size=128)
            for i in range(FRAMES)
        ]
        begin = made.EPOCH + 86_400 * number
        sequences.append(
            made.write(
                folder, f"s{number}", "nnnnssss", pictures, begin=begin, camera=camera, group=f"g{number}"
            )
        )
    made.save(folder, sequences)
    return folder


def quiet(folder: Path) -> Path:
    """Write two quiet streams, one of them laid closer than taken."""
    sequences = []
    for number, (name, fast) in enumerate((("road", False), ("site", True))):
        pictures = [made.picture(90_000 + 100 * number + i, size=128) for i in range(FRAMES)]
        sequences.append(
            made.write(folder, name, "n" * FRAMES, pictures, camera=name, group=name, accelerated=fast)
        )
    made.save(folder, sequences)
    return folder


@dataclass
class Copied:
    """Its bundle is the small one of the fixtures, named after what was handed out; it counts its trainings."""

    trains_on_quiet: bool = False
    chosen_on: Any = "nothing"
    version: int = 1
    trained: list[tuple[str, ...]] = field(default_factory=list)
    die_at: int | None = None
    name: str = "copied"
    chosen: str = "nothing"

    def stated(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version}

    def choose(self, side: TrainingSide) -> Copied:
        return self

    def train(self, side: TrainingSide) -> Path:
        if len(self.trained) == self.die_at:
            self.die_at = None
            raise KeyboardInterrupt
        groups = tuple(sorted({sequence.group for sequence in side.sequences}))
        self.trained.append(groups)
        for sequence in side.sequences:
            side.pictures(sequence, "training")
        return bundle(side.out, groups)


def bundle(folder: Path, groups: tuple[str, ...]) -> Path:
    """Copy the small bundle; its manifest names the groups, so that each side's has a digest of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(CELLS, folder)
    manifest = msgspec.json.decode((folder / MANIFEST_NAME).read_bytes())
    manifest["provenance"] = {"groups": groups}
    (folder / MANIFEST_NAME).write_bytes(msgspec.json.encode(manifest))
    return folder
