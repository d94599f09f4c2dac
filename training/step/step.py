"""Steps that are skipped when nothing that they depend on has changed.

A step's folder is named by the digest of its inputs; its record is written last: a folder with a record is done. One
process at a time works on a step.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import functools
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from training.step.provenance import commit, machine

logger = logging.getLogger(__name__)

_RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an experiment.

    Attributes:
        name: for people.
        folder: where its files are.
        key: digest of its inputs.
    """

    name: str
    folder: Path
    key: str

    def record(self) -> dict[str, Any] | None:
        """Return what the step found when it was done, None if it is still to do.

        Raises:
            ValueError: its record is damaged.
        """
        path = self.folder / _RECORD
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ValueError(
                f"{path}: damaged ({error}); remove {self.folder} to make the step again"
            ) from error

    def read(self) -> dict[str, Any]:
        """Return what the step found.

        Raises:
            ValueError: it is not finished.
        """
        record = self.record()
        if record is None:
            raise ValueError(f"{self.name}: not done; run the command again")
        return record

    def file(self, name: str) -> Path:
        """Return one of the files of a finished step, as it was written.

        Raises:
            ValueError: the step is not finished, or the file is damaged or gone.
        """
        path = self.folder / name
        if not path.exists() or sha256(path) != self.read().get("files", {}).get(name):
            raise ValueError(
                f"{path}: damaged or gone; put it back, or remove {self.folder} and the folders of what was made from "
                "it, and run the command again"
            )
        return path

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record, with what it was made by, and so mark the step as done."""
        made = {
            "commit": commit(),
            "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "machine": machine(),
        }
        write_json(self.folder / _RECORD, {"made": made, **record})

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the step; another process that wants it waits, and then finds it done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                logger.info("%s: another process is at work on it; waiting", self.name)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def find_step(work: Path, kind: str, name: str, inputs: dict[str, Any]) -> Step:
    """Find a step by its inputs, whatever it was called when it was begun.

    Args:
        work: the folder of all steps.
        kind: of work; part of the digest.
        name: for people; part of a new folder's name, not of the digest.
        inputs: everything that the result depends on: settings, seeds, digests of data and of earlier steps.
    """
    key = hashlib.sha256(msgspec.json.encode([kind, inputs], order="deterministic")).hexdigest()
    begun = next(work.glob(f"*-{key[:16]}"), None)
    return Step(name, begun or work / f"{name.replace('/', '-')}-{key[:16]}", key)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place and then give it its name, so that no half of one is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    write(partial)
    partial.replace(path)


def digests(folder: Path, *names: str) -> dict[str, str]:
    """Return the digests of a step's files, for its record: `files`."""
    return {name: sha256(folder / name) for name in names}


def sha256(path: Path) -> str:
    """Return a file's digest."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def picture_digest(path: Path) -> str:
    """Return a picture's sha256; a file that did not change is read once a process."""
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@functools.cache
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    return sha256(path)


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that people can read, whole or not at all."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
    write_whole(path, lambda partial: partial.write_bytes(data))
