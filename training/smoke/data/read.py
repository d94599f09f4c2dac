"""One way to read data, whatever layout they have: it is recognised, read, grouped and corrected."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

from scoring import truth
from scoring.truth import TruthError, TruthSequence
from training.smoke.data import coco, correction, figlib, table, yolo
from training.smoke.data.correction import Look
from training.smoke.data.group import regrouped
from training.smoke.data.tree import Passed, Tree, inside, size_of, some
from training.step.step import picture_digest

Kind: TypeAlias = Literal["sequences", "coco", "yolo", "figlib", "stills"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_LOOKED_FOR = (
    f"{truth.FILE_NAME}; a COCO .json; pictures with YOLO .txt files (images/ and labels/, or side by side); "
    "FIgLib pictures named <epoch>_<±offset>.jpg"
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Sequences that were read.

    Attributes:
        folder: that the frames' files are relative to.
        kind: of layout.
        digest: sha256 of sequences.json, or of ids, files, times, labels and boxes; not of corrections.
        sequences: with corrections.
        passed: how many files or boxes were passed over or bent, by cause.
        passed_lines: the same with a few names, for people.
        corrected: frames that differ from the data by a correction.
        looked: (sequence, frame) that somebody looked at.
        burns: whether something does, as the data themselves say; else all are quiet streams.
    """

    folder: Path
    kind: Kind
    digest: str
    sequences: tuple[TruthSequence, ...]
    passed: dict[str, int]
    passed_lines: tuple[str, ...]
    corrected: int
    looked: frozenset[tuple[str, str]]
    burns: bool


class How(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader cannot see by itself.

    Attributes:
        kind: of layout; recognised if None.
        groups: a file that states groups (`group.regrouped`).
        smoke_after_s: FIgLib: seconds after ignition from which frames show smoke; nobody knows if None.
        smoke_classes: YOLO, COCO: names of the classes that mean smoke; those with `smoke` in their names if empty.
    """

    kind: Kind | None = None
    groups: Path | None = None
    smoke_after_s: float | None = None
    smoke_classes: tuple[str, ...] = ()


def read(path: Path, how: How | None = None, looks: Sequence[Look] | None = None) -> Dataset:
    """Read a data set.

    Args:
        path: of its folder; of a COCO file or a table of stills.
        how: what cannot be seen.
        looks: what people saw; the shipped ones if None.

    Raises:
        TruthError: it is of no known layout or of several, or is malformed; names the file.
    """
    how = how or How()
    if not path.exists():
        raise TruthError(f"{path}: there is no such folder or file; name one that is there")
    passed = Passed()
    tree = Tree(path if path.is_dir() else path.parent, passed)
    kind = how.kind or _kind(path, tree)
    found = _read(kind, path, tree, how)
    if not found:
        told = f"; {'; '.join(passed.lines())}" if passed.lines() else ""
        raise TruthError(f"{path}: nothing to read as {kind}{told}")
    if kind != "sequences":
        _check(path, found)
    digest = _digest(kind, tree, found)
    if how.groups is not None:
        found = regrouped(found, how.groups)
    corrected = correction.apply(found, correction.read_looks() if looks is None else looks, digest)
    return Dataset(
        tree.folder,
        kind,
        digest,
        corrected.sequences,
        passed.counts(),
        passed.lines(),
        corrected.changed,
        corrected.looked,
        any(map(_burns, found)),
    )


def read_told(options: argparse.Namespace) -> Iterator[Dataset]:
    """Read every data set of a command line, one after the other: `--data` and what `command.told` adds.

    Raises:
        TruthError: as `read`, or of the corrections.
    """
    how = How(
        kind=options.kind,
        groups=options.groups,
        smoke_after_s=options.smoke_after_s,
        smoke_classes=tuple(options.smoke_class),
    )
    looks = correction.read_looks(options.corrections) if options.corrections else correction.read_looks()
    for path in options.data:
        yield read(path, how, looks)


def picture_digests(dataset: Dataset) -> dict[tuple[str, str], str]:
    """Return the sha256 of every frame's file, by sequence and file: for `split.check_apart`."""
    return {
        (sequence.id, frame.file): picture_digest(dataset.folder / frame.file)
        for sequence in dataset.sequences
        for frame in sequence.frames
    }


def _kind(path: Path, tree: Tree) -> Kind:
    if not path.is_dir():
        by_suffix: dict[str, Kind] = {
            ".csv": "stills",
            ".json": "sequences" if path.name == truth.FILE_NAME else "coco",
        }
        if path.suffix.lower() in by_suffix and path.is_file():
            return by_suffix[path.suffix.lower()]
        raise TruthError(f"{path}: expected a folder, a COCO .json or a .csv of stills; there is no such")
    if truth.FILE_NAME in tree.names:
        return "sequences"
    found: list[Kind] = []
    if coco.coco_files(tree):
        found.append("coco")
    if yolo.label_files(tree):
        found.append("yolo")
    if any(map(figlib.is_figlib, tree.pictures())):
        found.append("figlib")
    if len(found) == 1:
        return found[0]
    if found:
        raise TruthError(
            f"{path}: looks like {' and '.join(found)}; say which by --kind, or name a part of it"
        )
    raise TruthError(
        f"{path}: no data of a known layout among its {len(tree.files)} files; looked for {_LOOKED_FOR}"
    )


def _check(path: Path, sequences: Sequence[TruthSequence]) -> None:
    """See that other layouts hold to the rules of ours."""
    try:
        truth.decode(msgspec.json.encode({"sequences": sequences}))
    except TruthError as error:
        raise TruthError(f"{path}: {error}") from error


def _burns(sequence: TruthSequence) -> bool:
    return sequence.ignition_epoch is not None or any(frame.label == "smoke" for frame in sequence.frames)


def _digest(kind: Kind, tree: Tree, sequences: Sequence[TruthSequence]) -> str:
    if kind == "sequences":
        return hashlib.sha256((tree.folder / truth.FILE_NAME).read_bytes()).hexdigest()
    stated = [[s.id, [[f.file, f.epoch, f.label, f.boxes] for f in s.frames]] for s in sequences]
    return hashlib.sha256(msgspec.json.encode(stated)).hexdigest()


def _read(kind: Kind, path: Path, tree: Tree, how: How) -> list[TruthSequence]:
    if kind == "sequences":
        return _own(tree)
    if kind == "figlib":
        return figlib.read(tree, how.smoke_after_s)
    if kind == "yolo":
        return yolo.read(tree, how.smoke_classes)
    if kind == "stills":
        return table.read(tree, path)
    files = coco.coco_files(tree) if path.is_dir() else [path.name]
    return coco.read(tree, files, how.smoke_classes)


def _own(tree: Tree) -> list[TruthSequence]:
    """Read our own format, and see that its pictures are there, inside, whole and as large as stated."""
    sequences = truth.read(tree.folder)
    real, wrong = tree.folder.resolve(), []
    for sequence in sequences:
        for frame in sequence.frames:
            if not inside(real, tree.folder / frame.file):
                raise TruthError(f"{tree.folder}: '{frame.file}' of '{sequence.id}' leads out of the folder")
            size = size_of(tree.folder, frame.file)
            if (size.width, size.height) != (sequence.width, sequence.height):
                wrong.append(
                    f"{frame.file} {size.width}x{size.height}, stated {sequence.width}x{sequence.height}"
                )
    if wrong:
        raise TruthError(
            f"{tree.folder}: {len(wrong)} pictures are of another size than stated: {some(wrong)}"
        )
    return list(sequences)
