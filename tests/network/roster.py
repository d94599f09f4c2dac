"""Every command of this project as people type it, found in its code: programs, and the verbs that each has."""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from unittest import mock

from edge import cli

ROOT = Path(__file__).parents[2]
_RUNS = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)


def programs() -> set[str]:
    """Return the modules that `python -m` runs; those of a package stand under its name."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = {Path(line) for line in listed if not line.startswith("tests/")}
    return {
        ".".join(file.with_suffix("").parts).removesuffix(".__main__")
        for file in files
        if file.name == "__main__.py" or _RUNS.search((ROOT / file).read_text(encoding="utf-8"))
    }


def commands() -> set[str]:
    """Return every command: `firetower bench latency`, `python -m benchmarks.fit`."""
    typed = {"edge": "firetower", "edge.cli": "firetower"}
    for point in entry_points(group=cli.COMMAND_GROUP):
        typed[point.module.removesuffix(".__main__")] = f"firetower {point.name}"
    listed = programs()
    found = {name for program, name in typed.items() if program not in listed and program != "edge.cli"}
    for program in listed:
        name = typed.get(program, f"python -m {program}")
        packaged = (ROOT / program.replace(".", "/") / "__main__.py").exists()
        found |= {" ".join((name, *verbs)) for verbs in (verbs_of(program) if packaged else [()])}
    brought = {name for name in typed.values() if name != "firetower"}
    return found - {"firetower", *(name for name in brought if any(x.startswith(f"{name} ") for x in found))}


def verbs_of(package: str) -> list[tuple[str, ...]]:
    """Return the verbs of a package's command line, each with those before it; an empty one where it has none."""
    module = cli if package == "edge" else import_module(f"{package}.__main__")
    entry = getattr(module, "command", None) or module.main
    with (
        mock.patch.object(argparse.ArgumentParser, "print_help", autospec=True) as helped,
        contextlib.suppress(SystemExit),
    ):
        entry(["--help"])
    return _verbs(helped.call_args.args[0])


def _verbs(parser: argparse.ArgumentParser) -> list[tuple[str, ...]]:
    branches = [
        one.choices for one in parser._actions if isinstance(one, argparse._SubParsersAction) and one.choices
    ]
    return [(name, *rest) for branch in branches for name in branch for rest in _verbs(branch[name])] or [()]
