"""Wheels for the board, fetched on the host by a pip that looks for another Python and another machine.

Which ones, and the digests of their files, says the lock inside firetower's own wheel; pip takes no others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.board import GLIBC_LEAST, MACHINES, Board
from deploy.errors import WheelError
from deploy.pip import run_pip
from deploy.wheel import Wheel, locked, read_wheel
from edge.scratch import temporary_folder

_GLIBC_MOST = 40
_GLIBC_LEAST = {"aarch64": 17, "x86_64": 5}  # the oldest manylinux of each machine
_SUMS = "sha256.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the wheels are for.

    Attributes:
        python: such as "3.11".
        platforms: tags, the newest first.
        extras: of firetower, such as ("onnx",).
    """

    python: str
    platforms: tuple[str, ...]
    extras: tuple[str, ...] = ()


def wanted_by(board: Board, extras: tuple[str, ...]) -> Wanted:
    """Return what a board wants; it has been judged fit."""
    return Wanted(
        board.python_minor, platforms(MACHINES[board.architecture], board.glibc or GLIBC_LEAST), extras
    )


def platforms(machine: str, glibc: int) -> tuple[str, ...]:
    """Return the tags of wheels that run with glibc 2.`glibc` and before, the newest first."""
    newest = min(glibc, _GLIBC_MOST)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, _GLIBC_LEAST[machine] - 1, -1)]
    return (*tags, f"manylinux2014_{machine}")


def fetch(own: Wheel, wanted: Wanted, folder: Path | None, cache: Path) -> tuple[Wheel, ...]:
    """Return every wheel that the board needs: firetower's own, those it was locked with, and pip's, by name.

    Args:
        own: firetower's.
        wanted: for which Python and machine.
        folder: take them from here and ask no index.
        cache: else from here, a folder for each lock; filled when it is not there.

    Raises:
        WheelError: one is missing or another file than it was, or the index cannot be reached.
    """
    lock = locked(own, "-".join(wanted.extras) or "device") + locked(own, "pip")
    if folder is not None:
        with temporary_folder("wheels-") as scratch:
            _download(lock, wanted, scratch, ("--isolated", "--no-index", "--find-links", str(folder)))
            chosen = sorted(folder / path.name for path in scratch.glob("*.whl"))
        return _sorted([own, *map(read_wheel, chosen)])
    kept = cache_folder(lock, wanted, cache)
    if not _whole(kept):
        cache.mkdir(parents=True, exist_ok=True)
        with temporary_folder("fetching-", cache) as scratch:
            new = scratch / kept.name
            _download(lock, wanted, new, ())
            sums = {path.name: read_wheel(path).sha256 for path in new.glob("*.whl")}
            (new / _SUMS).write_text(json.dumps(sums, indent=0) + "\n")
            shutil.rmtree(kept, ignore_errors=True)
            new.rename(kept)
    return _sorted([own, *map(read_wheel, kept.glob("*.whl"))])


def cache_folder(lock: str, wanted: Wanted, cache: Path) -> Path:
    """Return where the wheels of a lock are kept."""
    key = [lock, wanted.python, wanted.platforms]
    return cache / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def pip_options(python: str, platforms: Sequence[str]) -> list[str]:
    """Return what makes a pip on this machine choose wheels for another one, and only those of a lock."""
    return ["--require-hashes", *pip_target(python, platforms)]


def pip_target(python: str, platforms: Sequence[str]) -> list[str]:
    """Return what makes a pip on this machine choose wheels for another one."""
    tags = [word for tag in platforms for word in ("--platform", tag)]
    return ["--only-binary=:all:", "--no-deps", *tags, "--python-version", python, "--implementation", "cp"]


def _download(lock: str, wanted: Wanted, out: Path, source: Sequence[str]) -> None:
    out.mkdir(exist_ok=True)
    file = out / "requirements.txt"
    file.write_text(lock, encoding="utf-8")
    options = pip_options(wanted.python, wanted.platforms)
    try:
        run_pip("download", *source, "--dest", str(out), *options, "--requirement", str(file))
    except WheelError as error:
        hint = (
            f"; the folder must hold the very wheels that this firetower was locked with, for Python {wanted.python} "
            f"and {wanted.platforms[0]}, pip's too: collect them as docs/deploy.md, Without internet, says"
            if source
            else "; without a network, give a folder of wheels with --wheels"
        )
        raise WheelError(f"{error}{hint}") from error


def _whole(kept: Path) -> bool:
    """Say whether a cached set is there and every byte of it what was fetched."""
    try:
        sums = json.loads((kept / _SUMS).read_text(encoding="utf-8"))
        found = {path.name: read_wheel(path).sha256 for path in kept.glob("*.whl")}
    except (OSError, ValueError):
        return False
    return bool(sums == found)


def _sorted(wheels: list[Wheel]) -> tuple[Wheel, ...]:
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))
