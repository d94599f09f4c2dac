"""The bundled model's scores over golden frames, natively and as each board's CPU computes them: equal to the bit?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm64 import userland
from arm64.board import BOARDS
from arm64.guest import OUT, PROJECT, Guest
from arm64.say import say
from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock

FRAMES = 6  # in sequence, so that the state counts
SCENE = "scene:plume?frames=40"
_TIMEOUT_S = 1800
_PROGRAM = "arm64/program/score.py"


def check(project: Path, work: Path) -> tuple[bool, list[dict[str, Any]]]:
    """Compare every board with this machine; return whether all is equal, and a record a board and backend."""
    made, out = userland.make(work, project), work / "out"
    out.mkdir(exist_ok=True)
    write_frames(out / "frames.npy")
    expected, records = native(project, out / "frames.npy"), []
    guests = [Guest(made, board, project, out, work / f"views-{board.name}") for board in BOARDS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        scored = list(pool.map(lambda guest: emulated(guest, "frames.npy"), guests))
    for board, found in zip(BOARDS, scored, strict=True):
        for record in compare(expected, found):
            records.append({"board": board.name, "cpu": board.cpu, **record})
            say(
                f"golden {board.cpu} {record['backend']}: {record['equal']} of {record['frames']} frames bit-equal"
            )
    return all(record["equal"] == record["frames"] for record in records), records


def write_frames(path: Path) -> None:
    """Write the last frames of the built-in scene, a plume in them, as (n, H, W, 3) uint8."""
    np.save(path, np.stack(scene()[-FRAMES:]))


def scene() -> list[NDArray[np.uint8]]:
    """Return all frames of the built-in scene, (H, W, 3) RGB: a plume grows from the middle on."""
    source = open_source(options_for(SCENE), Session(SystemClock()))
    return [picture.to_rgb() for picture in iter(source.read, None)]


def native(project: Path, frames: Path) -> dict[str, Any]:
    """Score on this machine; return what each backend found, by name."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, _PROGRAM, str(frames)]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    return _by_backend(done.stdout)


def emulated(guest: Guest, frames: str) -> dict[str, Any]:
    """Score in the userland.

    Args:
        guest: a board.
        frames: the file's name under /out.

    Raises:
        RuntimeError: the program failed there; its last lines.
    """
    done = guest.run(["/usr/bin/python3", f"{PROJECT}/{_PROGRAM}", f"{OUT}/{frames}"], _TIMEOUT_S)
    if done.returncode != 0:
        raise RuntimeError(f"{guest.board.name}: scoring failed: {done.stderr.strip()[-600:]}")
    return _by_backend(done.stdout)


def compare(expected: dict[str, Any], found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a record a backend: how many frames are equal bit for bit, and the largest difference."""
    return [
        {
            "backend": backend,
            "machine": found[backend]["machine"],
            "frames": len(one["sha256"]),
            "equal": sum(a == b for a, b in zip(one["sha256"], found[backend]["sha256"], strict=True)),
            "difference_max": float(np.abs(np.subtract(one["scores"], found[backend]["scores"])).max()),
        }
        for backend, one in expected.items()
    ]


def _by_backend(text: str) -> dict[str, Any]:
    return {line["backend"]: line for line in map(json.loads, text.splitlines())}
