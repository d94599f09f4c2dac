"""`python -m arm64`: what emulated arm64 shows of the device (docs/arm64.md). As root, on x86-64 Debian.

suite         the edge test suite as A72, what exercises the model also as A53 and A76
golden        scores of the bundled model over golden frames, bit for bit, as A53, A72 and A76, both backends
instructions  instructions of an inference and of a frame, likewise, against arm64/budget.json
wheels        every shared object of the device's wheels for Python 3.11 and 3.13: aarch64, 16 KiB pages

Only where named or with --all, for they take long:

image         the container image: built, weighed, and run on a clip with 512 and 256 MiB of memory
system        a whole board from that image: systemd, deployment over ssh, sensors, a camera, a hang, power cuts

`instructions FILE.tflite … --json FILE` counts an inference of each file as A72 and A76 instead, against no budget.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arm64 import elf, golden, image, inference, instruction, need, result, suite, userland
from arm64.say import duration, progress, say
from arm64.system import check as system

PROJECT = Path(__file__).parents[1]
RESULT = PROJECT / "docs/results/arm64.json"
SUFFIX = ".tflite"
Check = Callable[[Path, Path], tuple[bool, Any]]

CHECKS: dict[str, Check] = {
    "suite": suite.check,
    "golden": golden.check,
    "instructions": instruction.check,
    "wheels": elf.check,
}
LONG: dict[str, Check] = {"image": image.check, "system": system.check}


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 if all are good, 1 if one is not, 2 if something is missing."""
    parser = _parser()
    options = parser.parse_args(arguments)
    files = [Path(name) for name in options.checks if name.endswith(SUFFIX)]
    if files:
        return _count(parser, options, files)
    known = CHECKS | LONG
    if unknown := set(options.checks) - set(known):
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    names = list(known) if options.all else options.checks or list(CHECKS)
    if not _ready(full=not LONG.keys().isdisjoint(names)):
        return 2
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if options.fetch:
        with progress("fetch", None):
            fetch(PROJECT, work)
        return 0
    if options.json is not None:
        try:
            result.read(options.json)
        except ValueError as error:
            parser.error(str(error))
    run_on, usual, bad = result.context(), usual_s(), list[str]()
    say(f"arm64: {', '.join(names)}: {duration(sum(usual.get(name, 0) for name in names))} on two idle cores")
    for name in names:
        found = _run(known[name], name, work, usual.get(name))
        if options.json is not None:  # at once: the next may take an hour
            result.merge(options.json, name, found, run_on)
        if not found["good"]:
            bad.append(name)
    say(f"arm64: {', '.join(bad)} failed" if bad else f"arm64: {', '.join(names)}: all good")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m arm64", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("checks", nargs="*", metavar="CHECK", help=f"{', '.join(CHECKS)} if absent; {', '.join(LONG)}")
    add("--all", action="store_true", help="all of them")
    add(
        "--fetch",
        action="store_true",
        help="only fetch and make what the short checks need, and check nothing",
    )
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="put the results here, in place of older ones of the same checks",
    )
    add("--work", type=Path, default=Path(".work/arm64"), help="the cache (default: %(default)s)")
    return parser


def _count(parser: argparse.ArgumentParser, options: argparse.Namespace, files: Sequence[Path]) -> int:
    """Count the instructions of files; exit codes as `main`."""
    if options.all or [name for name in options.checks if not name.endswith(SUFFIX)] != ["instructions"]:
        parser.error(f"{files[0]}: files are counted by `instructions FILE{SUFFIX} … --json FILE` alone")
    if options.json is None:
        parser.error("--json: counts of files need somewhere to go; name a file")
    if not _ready(full=False):
        return 2
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        with progress("instructions", None):
            return 0 if inference.count(files, PROJECT, work, options.json) else 1
    except (RuntimeError, ValueError, subprocess.SubprocessError, OSError) as error:
        say(f"instructions: {error}")
        return 1


def _ready(*, full: bool) -> bool:
    """Make this machine ready, or say what stands in the way."""
    lacking = need.prepare(full=full)
    for problem in lacking:
        say(problem)
    return not lacking


def usual_s() -> dict[str, float]:
    """Return how long each check took in the committed result, by name."""
    return {name: float(found["seconds"]) for name, found in result.read(RESULT)["checks"].items()}


def fetch(project: Path, work: Path) -> None:
    """Make or find the userland, and the wheels that a device installs: what the short checks begin with."""
    userland.make(work, project)
    for python in elf.PYTHONS:
        userland.install(work, project / userland.DEVICE, python)


def _run(check: Check, name: str, work: Path, usual_s: float | None) -> dict[str, Any]:
    started = time.monotonic()
    try:
        with progress(name, usual_s):
            good, records = check(PROJECT, work)
    except (RuntimeError, ValueError, subprocess.SubprocessError, OSError) as error:
        good, records = False, {"error": str(error)}
        say(f"{name}: {error}")
    return {"good": good, "seconds": round(time.monotonic() - started), "records": records}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
