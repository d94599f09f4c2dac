"""YOLO folders: per picture a text file, `class centre_x centre_y width height` a line in shares of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from edge.document import read_text
from scoring.truth import Box, Label, TruthError, TruthSequence
from training.smoke.data.still import check_finite, smoke_classes, still
from training.smoke.data.tree import Size, Tree

CLASS_FILES = ("classes.txt", "obj.names", "labels/classes.txt")
_BYTES_MAX = 4 << 20
_BOX, _POLYGON_LEAST = 5, 7


def label_files(tree: Tree) -> dict[str, str]:
    """Return each picture's label file: beside it, or where `labels` stands for the last `images` of its path."""
    found = {}
    for file in tree.pictures():
        beside = PurePosixPath(file).with_suffix(".txt")
        parts = list(beside.parts)
        if "images" in parts:
            parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
        for candidate in (str(PurePosixPath(*parts)), str(beside)):
            if candidate in tree.names:
                found[file] = candidate
                break
    return found


def read(tree: Tree, told: Sequence[str] = ()) -> list[TruthSequence]:
    """Read the pictures under a tree and their label files.

    An empty label file says that there is no smoke; a picture without one is `unlabelled`. A picture with boxes
    of other classes alone (fire) is `uncertain`. Without a file of class names there may be one class only, and it is
    smoke.

    Args:
        tree: of the folder.
        told: names of the classes that mean smoke.

    Raises:
        TruthError: a label file is malformed, its number is no class's, or nobody says which class is smoke.
    """
    labels = label_files(tree)
    lines = {file: _lines(tree, label) for file, label in labels.items()}
    used = {line[0] for found in lines.values() for line in found}
    smoky = _smoky(tree, used, told)
    taken, sequences = set(labels.values()), []
    for file in tree.files:
        if file.endswith(".txt") and file not in taken and file not in CLASS_FILES and "labels/" in file:
            tree.passed.add("label files without a picture", file)
    for file in tree.pictures():
        size = tree.size(file)
        if size is None:
            continue
        if file not in labels:
            tree.passed.add("pictures without a label file, unlabelled", file)
            sequences.append(still(tree, file, size, (), "unlabelled"))
            continue
        boxes = [_box(line, size) for line in lines[file] if int(line[0]) in smoky]
        other: Label = "uncertain" if lines[file] else "no_smoke"
        sequences.append(still(tree, file, size, boxes, "smoke" if boxes else other))
    return sequences


def _smoky(tree: Tree, used: set[float], told: Sequence[str]) -> frozenset[int]:
    where = next((name for name in CLASS_FILES if name in tree.names), None)
    numbers = sorted(map(int, used))
    if where is None:
        if len(numbers) > 1:
            raise TruthError(
                f"{tree.folder}: its labels have the classes {', '.join(map(str, numbers))}, and nothing says which is "
                "smoke; write their names into classes.txt, one a line"
            )
        return frozenset(numbers)
    names = _names(tree, where)
    if strange := [number for number in numbers if number not in names]:
        raise TruthError(f"{tree.folder / where}: names {len(names)} classes, but labels have {strange}")
    return smoke_classes(names, told, str(tree.folder / where))


def _names(tree: Tree, where: str) -> Mapping[int, str]:
    return dict(enumerate(name.strip() for name in _text(tree, where).splitlines() if name.strip()))


def _text(tree: Tree, file: str) -> str:
    try:
        return read_text(tree.folder / file, _BYTES_MAX)
    except OSError as error:
        raise TruthError(f"{tree.folder / file}: {error.strerror}") from error


def _lines(tree: Tree, file: str) -> list[list[float]]:
    """Read a label file: (class, then shares) a line; a polygon becomes the box around it."""
    found = []
    for number, text in enumerate(_text(tree, file).splitlines(), 1):
        if not text.strip():
            continue
        where = f"{tree.folder / file}, line {number}"
        try:
            values = [float(word) for word in text.split()]
        except ValueError:
            raise TruthError(f"{where}: expected numbers, got '{text.strip()[:60]}'") from None
        check_finite(values, where)
        if values[0] < 0 or values[0] != int(values[0]):
            raise TruthError(f"{where}: expected a class's number first, got {values[0]:g}")
        if len(values) >= _POLYGON_LEAST and len(values) % 2:
            xs, ys = values[1::2], values[2::2]
            sides = (max(xs) - min(xs), max(ys) - min(ys))
            values = [values[0], min(xs) + sides[0] / 2, min(ys) + sides[1] / 2, *sides]
        if len(values) != _BOX:
            raise TruthError(
                f"{where}: expected class, centre and size (5 numbers) or a polygon, got {len(values)} numbers"
            )
        if not all(0 <= share <= 1 for share in values[1:3]) or max(values[3:]) > 2:
            raise TruthError(
                f"{where}: expected shares of the picture, 0 to 1, got {values[1:]}; are these pixels?"
            )
        found.append(values)
    return found


def _box(line: Sequence[float], size: Size) -> Box:
    x, y, width, height = (
        line[1] * size.width,
        line[2] * size.height,
        line[3] * size.width,
        line[4] * size.height,
    )
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
