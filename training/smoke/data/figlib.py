"""FIgLib folders: one folder a view of a fire, its pictures named `<epoch>_<±seconds after ignition>.jpg`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median_low

from scoring.truth import OFFSET_SLACK_S, Label, TruthError, TruthFrame, TruthSequence
from training.smoke.data.group import by_view, camera_of
from training.smoke.data.tree import Size, Tree

NAME = re.compile(r"(?P<epoch>\d{9,10})_(?P<offset_s>[+-]?\d{1,6})", re.ASCII)
_FOLDER = re.compile(
    r"(?P<fire>\d{8}[_-].+?)[_-](?P<camera>[a-z0-9]+-[a-z0-9]+(?:-(?:mobo|iqeye)(?:-[cm])?)?)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Picture:
    file: str
    size: Size
    epoch: int
    offset_s: int

    @property
    def ignition_epoch(self) -> int:
        return self.epoch - self.offset_s


def is_figlib(file: str) -> bool:
    """Say whether a file is named as FIgLib's pictures are."""
    return NAME.fullmatch(PurePosixPath(file).stem) is not None


def read(tree: Tree, smoke_after_s: float | None = None) -> list[TruthSequence]:
    """Read every folder under a tree that holds such pictures.

    Ignition is epoch − offset. Nobody drew boxes: frames after it are `uncertain`, unless `smoke_after_s` says from how
    many seconds after ignition they show smoke. Pictures of other names, of the time of another or of another size than
    most of their folder are passed over and counted.

    Raises:
        TruthError: a picture's name puts ignition elsewhere than most of its folder do.
    """
    folders: dict[str, list[_Picture]] = {}
    for file in tree.pictures():
        known = NAME.fullmatch(PurePosixPath(file).stem)
        if known is None:
            tree.passed.add("pictures passed over, not named <epoch>_<±offset>", file)
        elif (size := tree.size(file)) is not None:
            picture = _Picture(file, size, int(known["epoch"]), int(known["offset_s"]))
            folders.setdefault(str(PurePosixPath(file).parent), []).append(picture)
    return by_view([_sequence(tree, name, pictures, smoke_after_s) for name, pictures in folders.items()])


def _sequence(
    tree: Tree, folder: str, pictures: list[_Picture], smoke_after_s: float | None
) -> TruthSequence:
    ignition = median_low(picture.ignition_epoch for picture in pictures)
    for picture in pictures:
        if abs(picture.ignition_epoch - ignition) > OFFSET_SLACK_S:
            raise TruthError(
                f"{tree.folder / picture.file}: its name puts ignition at {picture.ignition_epoch}, others of "
                f"its folder at {ignition}; rename it, or take it out"
            )
    size = Counter(picture.size for picture in pictures).most_common(1)[0][0]
    kept: dict[int, _Picture] = {}
    for picture in pictures:
        if picture.size != size:
            tree.passed.add("pictures passed over, of another size than most of their folder", picture.file)
        elif kept.setdefault(picture.epoch, picture) is not picture:
            tree.passed.add("pictures passed over, of the time of another", picture.file)
    identity = tree.folder.resolve().name if folder == "." else folder
    name = PurePosixPath(identity).name
    known = _FOLDER.fullmatch(name)
    camera = None if known is None else camera_of(known["camera"])
    frames = tuple(
        TruthFrame(p.file, _label(p.epoch - ignition, smoke_after_s), float(p.epoch), float(p.offset_s))
        for _, p in sorted(kept.items())
    )
    return TruthSequence(
        id=identity,
        camera=camera or name,
        fire=known["fire"] if known is not None and camera is not None else name,
        group=camera or name,
        width=size.width,
        height=size.height,
        frames=frames,
        ignition_epoch=float(ignition),
    )


def _label(offset_s: float, smoke_after_s: float | None) -> Label:
    if offset_s < 0:
        return "no_smoke"
    return "uncertain" if smoke_after_s is None or offset_s < smoke_after_s else "smoke"
