"""Runs the project's own benchmark on a bundle, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge.scratch import temporary_folder


def benchmark(bundle: Path, verb: str, *more: object) -> dict[str, Any]:
    """Run `python -m benchmarks VERB` on one bundle; return its JSON.

    Args:
        bundle: folder or .zip.
        verb: `latency` or `board`.
        more: further arguments.

    Raises:
        ValueError: it failed; its own last line.
    """
    with temporary_folder("benchmark-") as folder:
        out = folder / "out.json"
        words = [sys.executable, "-m", "benchmarks", verb, *more, "--bundle", bundle, "--json", out]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
            raise ValueError(f"{bundle}: the benchmark failed: {said}")
        result: dict[str, Any] = json.loads(out.read_text())
    return result
