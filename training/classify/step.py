"""Steps that are skipped when nothing that they depend on has changed.

A step's folder is named by the digest of its inputs; its record is written last: a folder with a record is done.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

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
        """Return what the step found when it was done, None if it is still to do."""
        path = self.folder / _RECORD
        return msgspec.json.decode(path.read_bytes()) if path.exists() else None

    def finish(self, record: dict[str, Any]) -> dict[str, Any]:
        """Write the record, and so mark the step as done."""
        path = self.folder / _RECORD
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
        partial.replace(path)
        return record


def step(work: Path, kind: str, name: str, inputs: dict[str, Any]) -> Step:
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
