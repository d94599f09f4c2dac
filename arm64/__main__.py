"""`python -m arm64`: what emulated arm64 shows of the device, as far as it is built. As root, on x86-64 Debian.

golden   scores of the bundled model over golden frames, bit for bit, as A53, A72 and A76, both backends
wheels   every shared object of the device's wheels for Python 3.11 and 3.13: aarch64, 16 KiB pages
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arm64 import elf, golden, need
from arm64.say import say

PROJECT = Path(__file__).parents[1]

CHECKS: dict[str, Callable[[Path, Path], tuple[bool, Any]]] = {"golden": golden.check, "wheels": elf.check}


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 if all are good, 1 if one is not, 2 if something is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m arm64", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"{', '.join(CHECKS)}; all if absent")
    parser.add_argument("--work", type=Path, default=Path(".work/arm64"), help="the cache (%(default)s)")
    options = parser.parse_args(arguments)
    if unknown := set(options.checks) - set(CHECKS):
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    if found := need.problems(need.USER_PACKAGES):
        for problem in found:
            say(problem)
        return 2
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in options.checks or CHECKS:
        try:
            good, records = CHECKS[name](PROJECT, work)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            good, records = False, {"error": str(error)}
            say(f"{name}: {error}")
        results[name] = {"good": good, "records": records}
    print(json.dumps(results))
    return 0 if all(result["good"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
