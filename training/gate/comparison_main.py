"""What `python -m training compare-arms` does: read, compare, write, print."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from training.gate import arm, comparison_page, leg
from training.gate.comparison import compare
from training.step.step import write_json


def handle(options: argparse.Namespace) -> int:
    """Compare two arms, write what was asked for, print the verdict as a line of JSON; return the exit code.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: a file is unfit, or the comparison would not be fair.
    """
    if bool(options.planted_a) != bool(options.planted_b):
        raise ValueError(
            "--planted-a and --planted-b belong together; name the files of both arms, or of none"
        )
    a, b = arm.load(options.a), arm.load(options.b)
    planted = None
    if options.planted_a:
        planted = leg.load(a, options.planted_a), leg.load(b, options.planted_b)
    found = compare(a, b, planted, worth_min=options.worth_min, command=_command(options), seed=options.seed)
    write_json(options.result, found)
    if options.page is not None:
        comparison_page.write(found, options.page, options.result)
    print(msgspec.json.encode({"verdict": found.verdict, "events": found.verdict_events}).decode())
    return 0


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training compare-arms"]
    sides: list[tuple[str, list[Path]]] = [
        ("--a", options.a),
        ("--b", options.b),
        ("--planted-a", options.planted_a),
        ("--planted-b", options.planted_b),
    ]
    words += [word for name, paths in sides if paths for word in (name, *(path.name for path in paths))]
    return " ".join([*words, f"--worth-min {options.worth_min:g}", f"--seed {options.seed}"])
