"""The committed result of the checks: each with its date, commit and machine, so that one can be run again alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine

SCHEMA = 1


def merge(path: Path, results: Mapping[str, Any]) -> None:
    """Put results into a file, in place of older ones of the same checks.

    Raises:
        ValueError: the file is something else.
    """
    known = json.loads(path.read_text()) if path.exists() else {"schema": SCHEMA, "checks": {}}
    if known.get("schema") != SCHEMA:
        raise ValueError(f"{path}: schema {known.get('schema')}, expected {SCHEMA}; give another --json")
    context = {**machine.describe(), "qemu": _qemu()}
    known["checks"] |= {name: {**found, "run_on": context} for name, found in results.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1) + "\n")


def _qemu() -> str:
    said = subprocess.run(["qemu-aarch64", "--version"], capture_output=True, text=True, check=True).stdout
    return said.splitlines()[0]
