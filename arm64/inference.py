"""Instructions of one inference of any student's file, on the CPUs of a Pi 4 and a Pi 5: raw counts, no budget.

What is counted is `inference` of `arm64.instruction`: from the written input to scores and the next state. A file whose
count is in the result already is not counted again, unless a wheel of the userland changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from arm64 import instruction, result, userland
from arm64.board import BOARDS, Board
from arm64.budget import Counts
from arm64.guest import Guest
from arm64.program.infer import INFERENCES, WARM_UP
from arm64.say import say
from edge.document import text_of

SCHEMA = "firetower.instructions/1"
CPUS = {"cortex-a72", "cortex-a76"}
COUNTED_ON = tuple(board for board in BOARDS if board.cpu in CPUS)
WHEELS = ("ai-edge-litert", "numpy")
_TIMEOUT_S = 3600

Count = Callable[[Path, Board], list[Counts]]
"""(file, board) → the counts of each inference behind the warm-up."""


def count(files: Sequence[Path], project: Path, work: Path, path: Path) -> bool:
    """Count files that are not counted yet; each is written at once. Return whether all could be.

    Args:
        files: of students, their tensors named as the project names them.
        project: the checkout.
        work: the cache.
        path: of the result.

    Raises:
        OSError: a file or the result cannot be read or written.
        ValueError: the result is something else.
        RuntimeError, subprocess.SubprocessError: no userland, or gcc refuses the plugin.
    """
    read(path)
    made, out = userland.make(work, project), work / "inference"
    out.mkdir(exist_ok=True)
    plugin = instruction.compile_shared(out / "plugin.so", "plugin.c", "instruction.c")

    def counted(file: Path, board: Board) -> list[Counts]:
        return _count(Guest(made, board, project, out, out / board.name), file, plugin)

    wheels = instruction.versions(made.site, WHEELS)
    return count_all(files, path, counted, wheels, result.context())


def count_all(
    files: Sequence[Path], path: Path, counted: Count, wheels: dict[str, str], run_on: dict[str, Any]
) -> bool:
    """Do what `count` does, whoever counts.

    Args:
        files: as `count`.
        path: of the result.
        counted: on one board.
        wheels: versions of what counts depend on, by name.
        run_on: machine, date and commit.
    """
    good = True
    for number, file in enumerate(files, 1):
        document, digest = read(path), hashlib.sha256(file.read_bytes()).hexdigest()
        others = [one for one in document["files"] if one["sha256"] != digest]
        if any(one["sha256"] == digest and one["wheels"] == wheels for one in document["files"]):
            continue
        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                raw = list(pool.map(counted, [file.resolve()] * len(COUNTED_ON), COUNTED_ON))
        except RuntimeError as error:
            say(str(error))
            good = False
            continue
        row = describe(file, digest, raw) | {"wheels": wheels, "run_on": run_on}
        _write(path, {**document, "files": [*others, row]})
        totals = " / ".join(
            f"{row['counts'][board.cpu]['median']['total'] / 1e6:.1f}" for board in COUNTED_ON
        )
        say(f"{number} of {len(files)}: {row['file']}: {totals} M instructions on {' / '.join(sorted(CPUS))}")
    return good


def describe(file: Path, digest: str, raw: Sequence[Sequence[Counts]]) -> dict[str, Any]:
    """Return a file's row.

    Args:
        file: its last folder names it too: a step's files are all called alike.
        digest: its sha256.
        raw: counts of each inference, by board, in the order of `COUNTED_ON`.
    """
    counts = {
        board.cpu: {
            "raw": list(some),
            "median": {name: round(median(one[name] for one in some)) for name in instruction.CLASSES},
        }
        for board, some in zip(COUNTED_ON, raw, strict=True)
    }
    return {"file": f"{file.resolve().parent.name}/{file.name}", "sha256": digest, "counts": counts}


def read(path: Path) -> dict[str, Any]:
    """Return a result, an empty one where there is none.

    Raises:
        ValueError: the file is something else.
    """
    known: dict[str, Any] = {"schema": SCHEMA, "warm_up": WARM_UP, "inferences": INFERENCES, "files": []}
    if path.exists():
        try:
            known = json.loads(text_of(path.read_bytes()))
        except ValueError as error:
            raise ValueError(f"{path}: no result of counts ({error}); give another --json") from error
    if not isinstance(known, dict) or known.get("schema") != SCHEMA:
        raise ValueError(f"{path}: no result of counts, expected schema {SCHEMA}; give another --json")
    return known


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(document, indent=1) + "\n")
    partial.replace(path)


def _count(guest: Guest, file: Path, plugin: Path) -> list[Counts]:
    """Run a file in one process.

    Raises:
        RuntimeError: the program failed, or not each inference left its marks.
    """
    marks = guest.views.with_suffix(".marks")
    program = [str(guest.project / "arm64/program/infer.py"), str(file)]
    done = guest.run_plugged(f"{plugin},out={marks}", ["/usr/bin/python3", *program], _TIMEOUT_S)
    if done.returncode != 0:
        raise RuntimeError(f"{file}: as {guest.board.cpu}: {done.stderr.strip()[-600:]}")
    try:
        counted = list(instruction.read_frames(marks.read_text()))[WARM_UP:]
    except ValueError as error:
        raise RuntimeError(f"{file}: as {guest.board.cpu}: {error}") from error
    if len(counted) != INFERENCES:
        raise RuntimeError(f"{file}: as {guest.board.cpu}: {len(counted)} inferences, expected {INFERENCES}")
    return [one["inference"] for one in counted]
