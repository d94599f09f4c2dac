"""Progress, for whoever runs the checks by hand."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

_EVERY_S = 60.0


def say(line: str) -> None:
    """Write one line to standard error at once."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(name: str, usual_s: float | None, every_s: float = _EVERY_S) -> Iterator[None]:
    """Say that a check begins and how long it takes, and each minute how long it has run.

    Args:
        name: the check's.
        usual_s: how long it took when it was last kept; None if it never was.
        every_s: between the lines.
    """
    usual = "" if usual_s is None else f" of about {duration(usual_s)}"
    started, over = time.monotonic(), threading.Event()

    def tell() -> None:
        while not over.wait(every_s):
            say(f"{name}: {duration(time.monotonic() - started)}{usual}")

    say(f"{name} begins" + ("" if usual_s is None else f": about {duration(usual_s)}"))
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        say(f"{name} took {duration(time.monotonic() - started)}")


def duration(seconds: float) -> str:
    """Return it for people: `50 s`, `14 min`."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
