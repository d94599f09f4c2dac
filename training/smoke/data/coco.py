"""COCO files: one JSON with pictures, categories and boxes `[x, y, width, height]` in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from edge.document import open_plain, read_plain, text_of
from scoring.truth import Box, Label, TruthError, TruthSequence
from training.smoke.data.still import check_finite, smoke_classes, still
from training.smoke.data.tree import Tree

_BYTES_MAX = 512 << 20
_HEAD_BYTES = 1 << 16
_KEYS = (b'"images"', b'"annotations"', b'"categories"', b'"info"')


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str
    width: float | None = None
    height: float | None = None


class _Annotation(msgspec.Struct, frozen=True):
    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str


class _File(msgspec.Struct, frozen=True):
    images: tuple[_Image, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


def coco_files(tree: Tree) -> list[str]:
    """Return the JSON files under a tree that begin as COCO's do."""
    return [file for file in tree.files if file.lower().endswith(".json") and _is_coco(tree.folder / file)]


def _is_coco(path: Path) -> bool:
    try:
        with open_plain(path) as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return any(key in head for key in _KEYS) and b'"sequences"' not in head


def read(tree: Tree, files: Sequence[str], told: Sequence[str] = ()) -> list[TruthSequence]:
    """Read COCO files and the pictures that they name.

    A picture without an annotation shows no smoke; one with boxes of other categories alone is `uncertain`. A crowd
    (`iscrowd`) is a box like others: cells are judged, not single plumes.

    Args:
        tree: of the folder; pictures are looked for beside the file, in the folder, in its `images`, and in a folder
            called as the file is after its last `_`.
        files: under the tree.
        told: names of the categories that mean smoke.

    Raises:
        TruthError: malformed or contradictory; names the file and the picture.
    """
    sequences: dict[str, TruthSequence] = {}
    for file in files:
        path = tree.folder / file
        try:
            found = msgspec.json.decode(text_of(read_plain(path, _BYTES_MAX)), type=_File)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise TruthError(f"{path}: {why}; expected a COCO file") from error
        for sequence in _sequences(tree, file, found, told):
            if sequences.setdefault(sequence.id, sequence) is not sequence:
                raise TruthError(
                    f"{path}: picture '{sequence.id}' stands there twice, or in two of the files"
                )
    return list(sequences.values())


def _sequences(tree: Tree, file: str, found: _File, told: Sequence[str]) -> list[TruthSequence]:
    path = tree.folder / file
    names = {category.id: category.name for category in found.categories}
    smoky = smoke_classes(names, told, str(path)) if found.annotations else frozenset()
    known = {image.id for image in found.images}
    if len(known) < len(found.images):
        raise TruthError(f"{path}: two pictures have the same id; give each its own")
    by_image: dict[int | str, list[_Annotation]] = {}
    for annotation in found.annotations:
        where = f"{path}: annotation of picture {annotation.image_id}"
        if annotation.image_id not in known or annotation.category_id not in names:
            raise TruthError(f"{where}, category {annotation.category_id}: no such picture or category")
        check_finite(annotation.bbox, where)
        by_image.setdefault(annotation.image_id, []).append(annotation)
    made = [_still(tree, file, image, by_image.get(image.id, []), smoky) for image in found.images]
    return [sequence for sequence in made if sequence is not None]


def _still(
    tree: Tree, json_file: str, image: _Image, annotations: Sequence[_Annotation], smoky: frozenset[int]
) -> TruthSequence | None:
    file = _place(tree, json_file, image.file_name)
    if file is None:
        tree.passed.add("pictures passed over, named but not there", image.file_name)
        return None
    size = tree.size(file)
    if size is None:
        return None
    stated = (image.width, image.height)
    if None not in stated and stated != (size.width, size.height):
        raise TruthError(
            f"{tree.folder / json_file}: '{image.file_name}' is stated as {image.width:g}x{image.height:g} px, but is "
            f"{size.width}x{size.height}; its boxes would lie elsewhere"
        )
    boxes: list[Box] = []
    for annotation in annotations:
        x, y, width, height = annotation.bbox
        if annotation.category_id in smoky:
            boxes.append((x, y, x + width, y + height))
    other: Label = "uncertain" if annotations else "no_smoke"
    return still(tree, file, size, boxes, "smoke" if boxes else other)


def _place(tree: Tree, json_file: str, name: str) -> str | None:
    """Find a picture; None where it is not, or would be outside of the folder."""
    at, split = PurePosixPath(json_file).parent, PurePosixPath(json_file).stem.rpartition("_")[2]
    for folder in (
        at,
        PurePosixPath(),
        PurePosixPath("images"),
        PurePosixPath(split),
        PurePosixPath("images", split),
    ):
        candidate = str(folder / name.replace("\\", "/"))
        if candidate in tree.names:
            return candidate
    return None
