"""Instructions of one inference and of one frame, on one thread, against the committed budget.

An inference is from the written input to scores and the next state; a frame from decoded pixels of a tower camera's
size to regions. A count is exact and repeats; it is no measure of time.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import cv2
import numpy as np

from arm64 import budget, clip, golden, userland
from arm64.board import BOARDS
from arm64.budget import Budget, Counts
from arm64.guest import Guest
from arm64.program.count import DECODED, FOUND, SCORED, WRITTEN
from arm64.say import say
from edge.model.bundle import Bundle, bundled_path

CLASSES = ("total", "dot_product", "multiply_long", "load_store")  # as in arm64/instruction.h
MOMENTS = (DECODED, WRITTEN, SCORED, FOUND)
SCOPES = {"inference": (WRITTEN, SCORED), "frame": (DECODED, FOUND)}
WHEELS = ("numpy", "opencv-python-headless")  # and those of the backends
REPETITIONS = 2  # a process each: whether a count repeats
BUDGET = Path(__file__).with_name("budget.json")
_STRICT = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
_TIMEOUT_S = 1800


@dataclass(frozen=True, slots=True)
class Row:
    """What was counted of one board, backend and scope.

    Attributes:
        key: board, backend and scope, as the budget has them.
        raw: a list of frames for each repetition.
        counts: mean over the frames, median over the repetitions.
        spread: of the repetitions' totals.
    """

    key: str
    raw: list[list[Counts]]
    counts: Counts
    spread: float


def check(project: Path, work: Path) -> tuple[bool, dict[str, Any]]:
    """Count, compare with the budget, and leave what was counted in the cache, ready to be the next budget."""
    made, out = userland.make(work, project), work / "count"
    out.mkdir(exist_ok=True)
    names = [backend.name for backend in Bundle.open(bundled_path()).backends()]
    write_frames(out / "frames.npy")
    plugin = compile_shared(out / "plugin.so", "plugin.c", "instruction.c")
    processes = [
        (Guest(made, board, project, out, out / f"{board.name}-{backend}-{number}"), backend)
        for board, backend, number in itertools.product(BOARDS, names, range(REPETITIONS))
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = list(pool.map(lambda one: _count(one[0], one[1], plugin), processes))
    rows: list[Row] = []
    for start in range(0, len(processes), REPETITIONS):
        guest, backend = processes[start]
        rows += summarize(f"{guest.board.name} {backend}", counted[start : start + REPETITIONS])
    found = Budget(counted_with(made.site), {row.key: row.counts for row in rows})
    budget.write(found, out / BUDGET.name)
    return compare(rows, found, budget.read(BUDGET), out / BUDGET.name)


def write_frames(path: Path) -> None:
    """Write every sixth frame of the golden scene, enlarged: quiet ones first, a region in the last."""
    large = [
        cv2.resize(pixels, clip.SIZE_PX[::-1], interpolation=cv2.INTER_LINEAR_EXACT)
        for pixels in golden.scene()[4::6]
    ]
    np.save(path, np.stack(large))


def compile_shared(path: Path, *names: str) -> Path:
    """Compile C sources of this folder to a shared object.

    Raises:
        RuntimeError: gcc refuses; what it says.
    """
    sources = [str(BUDGET.with_name(name)) for name in names]
    command = ["gcc", *_STRICT, "-fPIC", "-shared", "-o", str(path), *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"gcc: {done.stderr.strip()[-600:]}")
    return path


def _count(guest: Guest, backend: str, plugin: Path) -> list[dict[str, Counts]]:
    """Score the frames in one process; return the counts of each frame by scope.

    Raises:
        RuntimeError: the program failed, or found no region: then a frame is not all that it is in service.
    """
    marks = guest.views.with_suffix(".marks")
    program = [str(guest.project / "arm64/program/count.py"), str(guest.out / "frames.npy"), backend]
    done = guest.run_plugged(f"{plugin},out={marks}", ["/usr/bin/python3", *program], _TIMEOUT_S)
    if done.returncode != 0:
        raise RuntimeError(f"{guest.board.name} {backend}: counting failed: {done.stderr.strip()[-600:]}")
    if not int(done.stdout):
        raise RuntimeError(f"{guest.board.name} {backend}: no frame has a region: choose other frames")
    return list(read_frames(marks.read_text()))[1:]  # the first was to warm up


def read_frames(text: str) -> Iterator[dict[str, Counts]]:
    """Yield each frame's counts by scope.

    Args:
        text: what the plugin wrote: a line a mark, its moment and the counts since the start by class.

    Raises:
        ValueError: a frame's marks are not all there, in turn.
    """
    lines = [tuple(map(int, line.split())) for line in text.splitlines()]
    for start in range(0, len(lines), len(MOMENTS)):
        frame = lines[start : start + len(MOMENTS)]
        if tuple(moment for moment, *_ in frame) != MOMENTS:
            raise ValueError(f"marks {start} on: {frame}, expected moments {MOMENTS} in turn")
        yield {
            scope: {
                name: after - before
                for name, before, after in zip(CLASSES, frame[first][1:], frame[last][1:], strict=True)
            }
            for scope, (first, last) in SCOPES.items()
        }


def summarize(which: str, counted: Sequence[Sequence[dict[str, Counts]]]) -> Iterator[Row]:
    """Yield a row a scope.

    Args:
        which: board and backend.
        counted: by repetition and frame.
    """
    for scope in SCOPES:
        raw = [[frame[scope] for frame in frames] for frames in counted]
        means = [{name: mean(frame[name] for frame in frames) for name in CLASSES} for frames in raw]
        counts = {name: round(median(one[name] for one in means)) for name in CLASSES}
        yield Row(f"{which} {scope}", raw, counts, budget.spread([one["total"] for one in means]))


def counted_with(site: Path) -> dict[str, str]:
    """Return what decides the counts: the versions of the userland's wheels, and the bundled model."""
    bundle = Bundle.open(bundled_path())
    names = {*WHEELS, *(backend.distribution for backend in bundle.backends())}
    return {"bundle": bundle.digest[:12], **versions(site, names)}


def versions(site: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the versions of some of a userland's wheels, by name."""
    found = {one.name: one.version for one in importlib.metadata.distributions(path=[str(site)])}
    return {name: found[name] for name in sorted(names)}


def compare(rows: Sequence[Row], found: Budget, allowed: Budget, path: Path) -> tuple[bool, dict[str, Any]]:
    """Judge each row; return whether all are good, and the records.

    Args:
        rows: counted now.
        found: the same, as it would be the budget.
        allowed: the budget.
        path: where `found` is.
    """
    records = []
    for row in rows:
        limits = allowed.counts.get(row.key)
        verdict = budget.judge(row.counts, limits)
        steady = row.spread <= budget.NOISE
        records.append({**asdict(row), "budget": limits, "verdict": verdict, "steady": steady})
        grown = budget.growth(row.counts, limits) if limits else {}
        said = "".join(f", {name} {part:+.2%}" for name, part in grown.items())
        say(f"instructions {row.key}: {row.counts['total'] / 1e6:.1f} M{said}: {verdict}")
        if not steady:
            say(f"  repetitions are {row.spread:.2%} apart, more than {budget.NOISE:.1%}: no count to go by")
    differences = allowed.differences(found.counted_with)
    if not all(record["verdict"] in {"same", "changed"} for record in records):
        for line in differences:
            say(f"  the likely reason: {line}")
        say(f"  if this is meant to stay: cp {path} {BUDGET}")
    if missing := sorted(allowed.counts.keys() - {row.key for row in rows}):
        say(f"instructions: nothing counted for {', '.join(missing)}")
    good = not missing and all(record["steady"] and record["verdict"] in budget.GOOD for record in records)
    return good, {"counted_with": found.counted_with, "differences": differences, "rows": records}
