"""`python -m training inspect`: counts and contact sheets."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.text import plain
from scoring.truth import TruthError
from training.smoke.data import sheet
from training.smoke.data.count import counts, table
from training.smoke.data.group import by_mast
from training.smoke.data.read import Dataset, picture_digests, read_told
from training.step.step import write_json

SCHEMA = "firetower.data/1"
_COLUMNS = 8


def handle(options: argparse.Namespace) -> int:
    """Count, draw, and check if asked; return 1 where a check failed."""
    found: list[dict[str, Any]] = []
    drawn: list[Path] = []
    failed = False
    for path, dataset in zip(options.data, read_told(options), strict=True):
        sequences = by_mast(dataset.sequences) if options.by_mast else list(dataset.sequences)
        counted = counts(dataset, sequences)
        print(plain_lines(table(counted, dataset.passed_lines)), file=sys.stderr)
        described = msgspec.to_builtins(counted)
        if options.check:
            described["checks"] = _checks(dataset)
            failed |= any(described["checks"].values())
        where = path.resolve()
        name = where.name if where.is_dir() else f"{where.parent.name}-{where.stem}"
        written = _sheets(options, dataset, name, drawn)
        drawn += written
        described["sheets"] = [str(sheet_path) for sheet_path in written]
        found.append(described)
    result = {"schema": SCHEMA, "data": found}
    if options.sequence and not drawn:
        raise TruthError(f"no sequence has the id '{options.sequence}'")
    if options.json is not None:
        write_json(options.json, result)
    print(msgspec.json.encode(result).decode())
    return int(failed)


def plain_lines(text: str) -> str:
    """Return lines of printable characters."""
    return "\n".join(map(plain, text.splitlines()))


def _checks(dataset: Dataset) -> dict[str, int]:
    broken = list(sheet.damaged(dataset.folder, dataset.sequences))
    for line in broken:
        print(plain(f"  damaged      {line}"), file=sys.stderr)
    group_of = {sequence.id: sequence.group for sequence in dataset.sequences}
    owners: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for (sequence, file), digest in picture_digests(dataset).items():
        owners.setdefault(digest, set()).add(group_of[sequence])
        names[digest] = file
    shared = [digest for digest, groups in owners.items() if len(groups) > 1]
    for digest in shared:
        line = f"  twice        {names[digest]} is also in another group: {', '.join(sorted(owners[digest]))}"
        print(plain(line), file=sys.stderr)
    return {"damaged_pictures": len(broken), "pictures_in_two_groups": len(shared)}


def _sheets(options: argparse.Namespace, dataset: Dataset, name: str, drawn: list[Path]) -> list[Path]:
    chosen = [s for s in dataset.sequences if options.sequence in {None, s.id}]
    if not chosen:
        return []
    alone = options.sequence is not None
    path: Path = options.out
    if path.suffix.lower() not in {".jpg", ".png"}:
        path /= f"{(options.sequence if alone else name).replace('/', '-')}.jpg"
    while path in drawn:  # by another data set of this name
        path = path.with_stem(f"{path.stem}-")
    count = options.frames or (_COLUMNS * 8 if alone else _COLUMNS)
    shown = sheet.strips(chosen, count)
    columns = min(_COLUMNS, max(len(strip.frames) for strip in shown))
    written = sheet.write(path, dataset.folder, shown, columns)
    for one in written:
        print(plain(f"  sheet        {one}"), file=sys.stderr)
    return written
