"""`firetower bench torture`: every attack in turn, and what became of it."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec

from benchmarks import machine
from benchmarks.torture import bomb, camera, clock, damage, disk, kill, stranger
from benchmarks.torture.attack import Attack, Ground, Outcome, Record, Report
from edge.errors import SettingsError
from edge.scratch import temporary_folder

ATTACKS: tuple[Attack, ...] = tuple(
    attack for room in (camera, stranger, bomb, damage, kill, disk, clock) for attack in room.ATTACKS
)
KINDS = tuple(dict.fromkeys(attack.kind for attack in ATTACKS))
_HELP = """\
Run the real daemon against cameras under fire, strangers, bombs, kills, disks and clocks, one attack after the other.

Each attack says how often it tried, how often the daemon survived, and what was lost, doubled or wrong. What cannot be
tried here (a tmpfs takes root, a clock that jumps takes gcc) is left out and says so. The last line of stdout is JSON;
exit 1 where an attack did not hold. Times are of two idle cores: a busy machine is slower, and fails no attack but
those of the full run that state a time.
"""


def command(argv: Sequence[str]) -> int:
    """Run the command line.

    Args:
        argv: without the program's name.
    Returns:
        0 where every attack that was tried held, 1 where one did not, 2 for wrong usage.
    Raises:
        SettingsError: the file for the result cannot be written.
    """
    options = _parser().parse_args(argv)
    check_place(options.json)
    logging.basicConfig(level=logging.ERROR)  # a real camera's server logs who looks at it
    about, began_s = machine.describe(), time.monotonic()
    chosen = choose(ATTACKS, options.only, short=options.short)
    records = []
    for number, attack in enumerate(chosen):
        left_s = sum(one.seconds[0 if options.short else 1] for one in chosen[number:])
        _tell(f"{number + 1}/{len(chosen)} {attack.name}: {attack.does}; about {left_s} s left in all")
        records.append(run(attack, options.seed, short=options.short))
        _tell(f"{attack.name}: {describe(records[-1])}")
    report = Report(
        machine=about,
        seed=options.seed,
        short=options.short,
        seconds=round(time.monotonic() - began_s, 1),
        attacks=records,
    )
    write(report, options.json)
    verdicts = {record.name: record.verdict for record in records}
    print(json.dumps({"verdicts": verdicts, "seconds": report.seconds}))
    return int("failed" in verdicts.values())


def check_place(path: Path | None) -> None:
    """See that a result can be written there, before minutes are spent on it; None: it is not wanted.

    Raises:
        SettingsError: it cannot.
    """
    if path is not None and not path.parent.is_dir():
        raise SettingsError(f"--json: no folder {path.parent}")


def write(report: Report, path: Path | None) -> None:
    """Write a result; None: it is not wanted.

    Raises:
        SettingsError: it cannot be written.
    """
    if path is None:
        return
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    except OSError as error:
        raise SettingsError(f"--json: {path}: {error.strerror}") from error


def choose(attacks: Sequence[Attack], kinds: Sequence[str] | None, *, short: bool) -> list[Attack]:
    """Return the attacks of some kinds, or all; of a short run, those that it has time for."""
    return [
        attack
        for attack in attacks
        if (kinds is None or attack.kind in kinds) and (attack.seconds[0] or not short)
    ]


def run(attack: Attack, seed: int, *, short: bool) -> Record:
    """Run one attack in a folder of its own; whatever ends it before its time is a verdict, too."""
    began_s = time.monotonic()
    with temporary_folder("torture-") as folder:
        ground = Ground(folder, Random(f"{seed} {attack.name}"), short, partial(_tell, attack.name))  # noqa: S311
        try:
            outcome = attack.run(ground)
        except Exception as error:  # noqa: BLE001 — told in the result, and the next attack goes on
            outcome = Outcome(tried=1, why=[f"{type(error).__name__}: {error}"])
    return Record(
        kind=attack.kind,
        name=attack.name,
        does=attack.does,
        verdict=outcome.verdict(),
        counts=outcome.counts,
        measured=outcome.measured,
        why=outcome.why,
        left_out=outcome.left_out,
        seconds=round(time.monotonic() - began_s, 1),
    )


def describe(record: Record) -> str:
    """Return the verdict of an attack in one line, and why."""
    if record.left_out is not None:
        return f"LEFT OUT: {record.left_out}"
    counts = record.counts
    text = (
        f"{record.verdict.upper()}: {counts.tried} tried, {counts.survived} survived, {counts.lost} lost, "
        f"{counts.doubled} doubled, {counts.wrong} wrong, {record.seconds:.0f} s"
    )
    return text + "".join(f"\n    {reason}" for reason in record.why)


def _tell(*words: str) -> None:
    print("torture: " + ": ".join(words), file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firetower bench torture",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="the subset of CI, about three minutes")
    parser.add_argument("--only", choices=KINDS, nargs="+", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument(
        "--seed", type=int, default=16, metavar="N", help="of all that chance decides (default: 16)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    return parser
