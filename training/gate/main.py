"""What `python -m training evaluate` does: measure, write, print."""

from __future__ import annotations

import argparse
import sys

import msgspec

from training.gate import page
from training.gate.evaluate import evaluate
from training.step.step import write_json


def handle(options: argparse.Namespace) -> int:
    """Measure a bundle, write what was asked for, print the tables and a line of JSON; return the exit code."""
    result = evaluate(options)
    if options.result is not None:
        write_json(options.result, result)
    if options.page is not None:
        page.write(result, options.page, options.result)
    print(page.render(result, None, None), file=sys.stderr)
    shown = {
        "left_out": result.left_out,
        "stress": result.stress,
        "worst": result.worst,
        "planted": result.planted,
    }
    print(msgspec.json.encode(shown).decode())
    return 0
