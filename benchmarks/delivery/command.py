"""`firetower bench torture-delivery`: what a tower commits against what its receivers have, under every attack."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import msgspec

from benchmarks import machine
from benchmarks.delivery import days, kills, link, memory, store, thin
from benchmarks.delivery.station import missing
from benchmarks.torture.attack import Attack, Outcome, Record, Report
from benchmarks.torture.command import check_place, choose, describe, run, write

# The kills take as long as all others, which mostly wait: those two rows go at the same time.
_FIRST = (*kills.ATTACKS,)
_SECOND = (*days.ATTACKS, *link.ATTACKS, *store.ATTACKS, *thin.ATTACKS, *memory.ATTACKS)
ATTACKS: tuple[Attack, ...] = (*_FIRST, *_SECOND)
KINDS = tuple(dict.fromkeys(attack.kind for attack in ATTACKS))
_WORDS = ("committed", "delivered", "redelivered", "lost", "shed", "unheard", "expired", "coalesced")
_HELP = """\
Run the real daemon with a real broker and a real HTTPS receiver; kill, cut, refuse, slow, fill and damage all of it.

Each receiver must have every committed message once, by its key, with the times of its commit; what it does not have
is what the tower's own list says: coalesced, shed, expired unheard. What a damaged database held is excused. The last
line of stdout is JSON; exit 1 where an attack did not hold. What cannot be tried here is left out and says so: a broker
takes mosquitto, a disk and a thin link take root, a clock that jumps takes gcc.
"""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All attacks together.

    Attributes:
        cases: how often a fault was begun and ended.
        committed: revisions, once for each sink.
        delivered: messages that a receiver has, pictures and notes too.
        redelivered: those that came once more.
        lost: neither there nor on the tower's list.
        shed, unheard, expired, coalesced: by the tower's own list; what nobody heard at first may be delivered.
        recovery_p50_s, recovery_max_s: from the end of a fault until the last of what was owed then arrived, in real
            time; None where nothing was owed.
    """

    cases: int
    committed: int
    delivered: int
    redelivered: int
    lost: int
    shed: int
    unheard: int
    expired: int
    coalesced: int
    recovery_p50_s: float | None
    recovery_max_s: float | None


class DeliveryReport(Report, frozen=True, kw_only=True):
    """A result file."""

    schema: str = "firetower-torture-delivery/1.0"
    summary: Summary


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
    about, began_s = machine.describe(), time.monotonic()
    records = _run_all(choose(ATTACKS, options.only, short=options.short), options.seed, short=options.short)
    report = DeliveryReport(
        machine=about,
        seed=options.seed,
        short=options.short,
        seconds=round(time.monotonic() - began_s, 1),
        attacks=records,
        summary=summarize(records),
    )
    write(report, options.json)
    verdicts = {record.name: record.verdict for record in records}
    summary = msgspec.to_builtins(report.summary)
    print(json.dumps({"verdicts": verdicts, "seconds": report.seconds, **summary}))
    return int("failed" in verdicts.values())


def lanes(chosen: Sequence[Attack]) -> list[list[Attack]]:
    """Return the two rows that go at the same time."""
    return [[attack for attack in chosen if attack in row] for row in (_FIRST, _SECOND)]


def summarize(records: Sequence[Record]) -> Summary:
    """Return all attacks together."""
    took = sorted(seconds for record in records for seconds in record.measured.get("recovery_s", ()))
    return Summary(
        cases=sum(record.counts.tried for record in records),
        recovery_p50_s=round(median(took), 3) if took else None,
        recovery_max_s=took[-1] if took else None,
        **{word: sum(record.measured.get(word, 0) for record in records) for word in _WORDS},
    )


def _run_all(chosen: Sequence[Attack], seed: int, *, short: bool) -> list[Record]:
    why = missing()

    def row(attacks: Sequence[Attack]) -> list[Record]:
        records = []
        for attack in attacks:
            _tell(f"{attack.name}: {attack.does}; about {attack.seconds[0 if short else 1]} s")
            if why is None:
                records.append(run(attack, seed, short=short))
            else:
                records.append(_left_out(attack, why))
            _tell(f"{attack.name}: {describe(records[-1])}")
        return records

    rows = lanes(chosen)
    with ThreadPoolExecutor(len(rows)) as pool:
        return [record for found in pool.map(row, rows) for record in found]


def _left_out(attack: Attack, why: str) -> Record:
    outcome = Outcome(left_out=why)
    return Record(
        kind=attack.kind, name=attack.name, does=attack.does, verdict=outcome.verdict(), counts=outcome.counts,
        measured={}, why=[], left_out=why, seconds=0.0,
    )  # fmt: skip


def _tell(text: str) -> None:
    print(f"torture: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firetower bench torture-delivery",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--short", action="store_true", help="the subset of CI, about three minutes, with 20 kills"
    )
    parser.add_argument("--only", choices=KINDS, nargs="+", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument(
        "--seed", type=int, default=19, metavar="N", help="of all that chance decides (default: 19)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    return parser
