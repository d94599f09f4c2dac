"""Stills listed in a CSV: `file,label,boxes_xyxy,camera,group` a line."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from edge.document import read_text
from scoring.truth import Box, Label, TruthError, TruthSequence
from training.smoke.data.still import check_finite, still
from training.smoke.data.tree import Tree

_BYTES_MAX = 64 << 20
_LABELS: dict[str, Label] = {
    "no_smoke": "no_smoke",
    "smoke": "smoke",
    "uncertain": "uncertain",
    "unlabelled": "unlabelled",
    "fire": "uncertain",  # flames in boxes, and nobody says whether there is smoke
}
_COLUMNS = {"file", "label", "boxes_xyxy", "camera", "group"}


def read(tree: Tree, path: Path) -> list[TruthSequence]:
    """Read a table; pictures that are not there are passed over.

    Args:
        tree: of the table's folder, which its files are relative to.
        path: of the table.

    Raises:
        TruthError: malformed; names the line.
    """
    try:
        rows = csv.DictReader(read_text(path, _BYTES_MAX).splitlines())
        if missing := _COLUMNS - set(rows.fieldnames or ()):
            raise TruthError(
                f"expected the columns {', '.join(sorted(_COLUMNS))}; {', '.join(sorted(missing))} not there"
            )
        found: dict[str, TruthSequence] = {}
        for number, row in enumerate(rows, 2):
            sequence = _still(tree, row, f"line {number}")
            if sequence is not None and found.setdefault(sequence.id, sequence) is not sequence:
                raise TruthError(f"line {number}: file '{sequence.id}' stands there twice")
    except (OSError, ValueError, csv.Error) as error:
        raise TruthError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from error
    return list(found.values())


def _still(tree: Tree, row: dict[str, str | None], where: str) -> TruthSequence | None:
    file, label = row["file"] or "", _LABELS.get(row["label"] or "")
    if label is None:
        raise TruthError(f"{where}: expected a label {', '.join(_LABELS)}, got '{row['label']}'")
    if not row["camera"] or not row["group"]:
        raise TruthError(f"{where}: expected a camera and a group")
    try:
        boxes = msgspec.json.decode(row["boxes_xyxy"] or "[]", type=list[Box])
    except msgspec.MsgspecError as error:
        raise TruthError(f"{where}: expected boxes [[x0, y0, x1, y1], …]: {error}") from error
    for box in boxes:
        check_finite(box, where)
    if file not in tree.names:
        tree.passed.add("pictures passed over, named but not there", file)
        return None
    size = tree.size(file)
    if size is None:
        return None
    sequence = still(tree, file, size, boxes if label == "smoke" else (), label, row["camera"])
    return msgspec.structs.replace(sequence, group=row["group"])
