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

from arm64 import elf, golden, need, userland
from arm64.board import BOARDS
from arm64.guest import Guest

PROJECT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.13")


def check_golden(work: Path) -> tuple[bool, Any]:
    """Compare every board with this machine."""
    need.enable_binfmt()
    made, out = userland.make(work, PROJECT), work / "out"
    out.mkdir(exist_ok=True)
    golden.write_frames(out / "frames.npy")
    expected, records = golden.native(PROJECT, out / "frames.npy"), []
    for board in BOARDS:
        guest = Guest(made, board, PROJECT, out, work / f"views-{board.name}")
        for record in golden.compare(expected, golden.emulated(guest, "frames.npy")):
            records.append({"board": board.name, "cpu": board.cpu, **record})
            _tell(
                f"golden {board.cpu} {record['backend']}: {record['equal']} of {record['frames']} frames bit-equal"
            )
    return all(record["equal"] == record["frames"] for record in records), records


def check_wheels(work: Path) -> tuple[bool, Any]:
    """Look at every shared object."""
    records = []
    for python in PYTHONS:
        site = userland.install(work, userland.dependencies(PROJECT), python)
        looked = {str(path.relative_to(site)): elf.faults(path) for path in elf.shared_objects(site)}
        bad = {name: found for name, found in looked.items() if found}
        records.append({"python": python, "shared_objects": len(looked), "faults": bad})
        _tell(f"wheels {python}: {len(looked)} shared objects, {len(bad)} at fault")
        for name, found in bad.items():
            _tell(f"  {name}: {'; '.join(found)}")
    return all(record["shared_objects"] and not record["faults"] for record in records), records


CHECKS: dict[str, Callable[[Path], tuple[bool, Any]]] = {"golden": check_golden, "wheels": check_wheels}


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
            _tell(problem)
        return 2
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in options.checks or CHECKS:
        try:
            good, records = CHECKS[name](work)
        except (RuntimeError, subprocess.SubprocessError, OSError) as error:
            good, records = False, {"error": str(error)}
            _tell(f"{name}: {error}")
        results[name] = {"good": good, "records": records}
    print(json.dumps(results))
    return 0 if all(result["good"] for result in results.values()) else 1


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
