"""Progress, for whoever runs the checks by hand."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Write one line to standard error at once."""
    print(line, file=sys.stderr, flush=True)
