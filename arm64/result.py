"""The committed result of the checks: each with its date, commit and machine, so that one can be run again alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks import machine

SCHEMA = 1


def context() -> dict[str, Any]:
    """Return when, where and of which commit; asked before the checks, for their result file is in the checkout."""
    said = subprocess.run(["qemu-aarch64", "--version"], capture_output=True, text=True, check=True).stdout
    return {**machine.describe(), "qemu": said.splitlines()[0]}


def read(path: Path) -> dict[str, Any]:
    """Return a file's document, an empty one where there is none.

    Raises:
        ValueError: the file is something else.
    """
    known: dict[str, Any] = {"schema": SCHEMA, "checks": {}}
    if path.exists():
        known = json.loads(path.read_text())
    if known.get("schema") != SCHEMA:
        raise ValueError(f"{path}: schema {known.get('schema')}, expected {SCHEMA}; give another --json")
    return known


def merge(path: Path, name: str, found: dict[str, Any], run_on: dict[str, Any]) -> None:
    """Put the result of one check into a file, in place of an older one of the same check.

    Raises:
        ValueError: the file is something else.
    """
    known = read(path)
    known["checks"][name] = {**found, "run_on": run_on}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1) + "\n")
