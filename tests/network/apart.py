"""`python -m tests.network.apart --json docs/results/network.json`: hear the commands that take minutes.

Each runs as the tests run theirs: in a network where it is heard, by a kernel that tells what it writes. As root, or
with passwordless sudo. Exit code 1 where one was heard, or failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from tests.network.conftest import Outcome, listen
from tests.network.heard import APART, started

SCHEMA = "firetower.network/1.0"
LIVES_S = 7200


def hear(name: str) -> dict[str, Any]:
    """Run one command; return what was heard of it, its folder named HERE."""
    about = describe()  # before it is busy
    with tempfile.TemporaryDirectory(prefix="firetower-heard-") as place:
        folder = Path(place) / "configured"
        folder.mkdir()
        words = list(map(str, APART[name](folder)))
        began_s = time.monotonic()
        outcome = listen(Path(place), *started(name), *words, lives_s=LIVES_S)
        seconds = round(time.monotonic() - began_s)
        said = " ".join([name, *words]).replace(str(folder), "HERE")
        return {"command": said, "machine": about, "seconds": seconds, **_found(outcome, folder)}


def _found(outcome: Outcome, folder: Path) -> dict[str, Any]:
    seen = outcome.seen
    return {
        "code": seen.code,
        "names": seen.names,
        "calls": seen.calls,
        "written": len(seen.written),
        "written_elsewhere": outcome.outside(folder),
        "left": outcome.left,
        "last_words": "" if seen.code == 0 else seen.told[-2000:],
    }


def good(record: dict[str, Any]) -> bool:
    """Whether a command did its work, and nobody could hear it."""
    return record["code"] == 0 and not any(
        record[key] for key in ("names", "calls", "written_elsewhere", "left")
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.network.apart", description=__doc__)
    parser.add_argument("--only", choices=APART, nargs="+", metavar="COMMAND", help=f"of {', '.join(APART)}")
    told = "put the results there, in place of older ones of the same commands"
    parser.add_argument("--json", type=Path, metavar="FILE", help=told)
    options = parser.parse_args(arguments)
    known = {}
    if options.json is not None and options.json.exists():
        known = json.loads(options.json.read_text(encoding="utf-8"))["commands"]
    silent = True
    for name in options.only or APART:
        known[name] = record = hear(name)
        silent &= good(record)
        print(json.dumps(record), file=sys.stderr, flush=True)
        if options.json is not None:
            document = {"schema": SCHEMA, "commands": dict(sorted(known.items()))}
            options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if silent else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
