"""`firetower bench` and `python -m benchmarks`: numbers with their machine, their warm-up and their raw values.

Without a verb, or with `board`, it measures the bundle on this board: latency, memory, energy, heat.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from benchmarks import board, compare, energy, latency, machine, result
from edge.clock import SystemClock
from edge.device.linux import LinuxDevice
from edge.device.meter import EnergySource, choose_meter
from edge.device.power import EnergyMeter
from edge.errors import DeviceError, EdgeError, MissingExtraError, SettingsError
from edge.model.bundle import Bundle, bundled_path
from edge.model.registry import BACKENDS
from edge.text import plain

_BOARD = """Measure the bundle on this board, with the sensors that it has. Nothing else needs to be installed.

First the board idles, and its power is read where a sensor measures it. Then each backend that is installed and each
thread count gets fresh processes that take turns; each warms up, and times every inference. Then as many processes
infer without a pause for a while each, and the energy is read beside them. Temperature and throttling flags are read
before and after.

Times in the table are milliseconds of the backend's own call; `total` adds preprocessing and dequantization; `spread`
is how far the processes' medians are apart; memory is MB without the model, with it, and at its peak; W and mJ are the
power while inferring without a pause and the energy of one inference. `?` is unknown. The source of the energy stands
below: measured:… is a sensor, modelled:… is CPU time times published or stated watts. The JSON keeps raw values."""

_LATENCY = """Time single inferences of a bundle, on noise of the model's input size.

Each backend and thread count gets several fresh processes, which take turns; each warms up, then times every
inference. Times in the table are milliseconds of the backend's own call; `total` adds preprocessing and
dequantization; `spread` is how far the processes' medians are apart. The JSON keeps every raw value, and the
machine. A figure from a busy machine is worth little: close other work first."""

_COMPARE = """Put two result files side by side: medians, B / A, and a 95% bootstrap interval of the ratio.

The interval is drawn over processes and the raw values within them; where it holds 1, no difference is shown. Files
of different machines (processor, architecture, cores, board) or of different bundles are refused unless you say
otherwise, and so is a file that is malformed or incomplete. Exit code 2 then, else 0."""

_EXAMPLES = """examples:
  firetower bench                                     the bundled model on this board
  firetower bench --threads 1,4 --json pi.json        keep every raw value
  firetower bench --runs 20 --processes 3 --seconds 5             a quick look
  firetower bench --energy cpu-time --watts-per-busy-core 0.5     a board whose power nobody has published
  firetower bench latency --bundle my-bundle --json new.json      times alone
  firetower bench compare old.json new.json           is it faster?
  firetower bench view --data wildfire quiet          is a turned camera found?
  firetower bench torture --short                     does it hold?
  firetower bench torture-delivery --short            does what it commits arrive, once?"""
_VERBS = ("board", "latency", "compare", "view", "torture", "torture-delivery")


def command(argv: Sequence[str]) -> int:
    """Run one benchmark.

    Args:
        argv: without the program's name; the verb `board` may be left out.
    Returns:
        The exit code: 0 good, 2 usage.
    Raises:
        EdgeError: the bundle, a backend, a meter or a file cannot be used.
    """
    words = list(argv)
    if words[:1] == ["view"]:
        from benchmarks.view import command as view  # noqa: PLC0415 — the truth's reader, torture's

        return view(words[1:])
    if words[:1] == ["torture"]:
        from benchmarks.torture.command import command as torture  # noqa: PLC0415 — cameras, servers

        return torture(words[1:])
    if words[:1] == ["torture-delivery"]:
        from benchmarks.delivery.command import command as delivery  # noqa: PLC0415 — receivers, brokers

        return delivery(words[1:])
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help"}):
        words.insert(0, "board")
    arguments = _parser().parse_args(words)
    handlers = {"board": _board, "latency": _latency, "compare": _compare}
    return handlers[arguments.verb](arguments)


def _board(arguments: argparse.Namespace) -> int:
    choice, timing = _plan(arguments)
    plan = board.Plan(
        timing, choice.skipped, arguments.seconds, arguments.energy, arguments.watts_per_busy_core
    )
    about = machine.describe()
    bench = board.Bench(
        LinuxDevice(), _meter(arguments), SystemClock(), latency.run_worker, energy.run_worker, _tell
    )
    measurement = board.measure(plan, bench)
    document = board.report(plan, measurement, about)
    _show(document, about, board.table(board.summarize(measurement)))
    print("\n" + "\n".join(board.notes(plan, measurement)))
    return _finish(arguments, document, board.brief(document))


def _latency(arguments: argparse.Namespace) -> int:
    _, plan = _plan(arguments)
    about = machine.describe()
    timings = latency.measure(plan, latency.run_worker, _tell)
    document = latency.report(plan, timings, about)
    _show(document, about, latency.table(latency.summarize(timings)))
    return _finish(arguments, document, document["summary"])


def _compare(arguments: argparse.Namespace) -> int:
    one, other = result.read(arguments.a), result.read(arguments.b)
    comparison = compare.compare(
        one, other, across_machines=arguments.across_machines, across_bundles=arguments.across_bundles
    )
    for letter, path, read in (("A", arguments.a, one), ("B", arguments.b, other)):
        where = read.machine.board or read.machine.cpu or "an unknown processor"
        when = read.machine.date or "an unknown day"
        print(plain(f"{letter}: {path}: {read.bundle.name} {read.bundle.version} on {where}, {when}"))
    print("\n" + _lines(latency.columns(compare.HEAD, compare.cells(comparison.rows))))
    for warning in comparison.warnings:
        _tell(f"warning: {warning}")
    print(json.dumps({"a": str(arguments.a), "b": str(arguments.b), **msgspec.to_builtins(comparison)}))
    return 0


def _plan(arguments: argparse.Namespace) -> tuple[latency.Choice, latency.Plan]:
    """Check the arguments that both measurements have, and say which backends are left out."""
    path = bundled_path() if arguments.bundle is None else arguments.bundle
    choice = latency.choose_backends(Bundle.open(path), arguments.backends)
    if arguments.json is not None and not os.path.isdir(arguments.json.parent):  # noqa: PTH112 — raises nothing
        raise SettingsError(f"--json: no folder {arguments.json.parent}")
    for skipped in choice.skipped:
        _tell(f"{skipped.backend} is left out: {skipped.why}")
    counts = (arguments.threads, arguments.runs, arguments.warmup, arguments.processes)
    return choice, latency.Plan(path.resolve(), choice.backends, *counts)


def _meter(arguments: argparse.Namespace) -> EnergyMeter:
    try:
        return choose_meter(source=arguments.energy, watts_per_busy_core=arguments.watts_per_busy_core)
    except DeviceError as error:
        raise SettingsError(f"--energy: {str(error).removeprefix('energy.source: ')}") from error


def _tell(line: str) -> None:
    print(plain(line), file=sys.stderr, flush=True)


def _lines(text: str) -> str:
    return "\n".join(map(plain, text.split("\n")))


def _show(document: dict[str, Any], about: dict[str, Any], table: str) -> None:
    bundle, where = document["bundle"], about["board"] or about["cpu"] or "an unknown processor"
    said = plain(f"{bundle['name']} {bundle['version']} on {where}, {about['cores']} cores")
    print(f"{said}\n\n{_lines(table)}")


def _finish(arguments: argparse.Namespace, document: dict[str, Any], last: object) -> int:
    """Tell the warnings, write the file, and end with a line of JSON."""
    for warning in document["warnings"]:
        _tell(f"warning: {warning}")
    if arguments.json is not None:
        try:
            arguments.json.write_text(json.dumps(document) + "\n")
        except OSError as error:
            raise SettingsError(f"--json: {arguments.json}: {error.strerror}") from error
    print(json.dumps(last))
    return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="firetower bench", description=__doc__, epilog=_EXAMPLES, formatter_class=raw
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(_VERBS))

    def verb(name: str, summary: str, description: str) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name, help=summary, description=description, epilog=_EXAMPLES, formatter_class=raw
        )

    _add_board(verb("board", "latency, memory, energy and heat on this board (the default)", _BOARD))
    _add_timing(verb("latency", "how long an inference takes", _LATENCY))
    _add_compare(verb("compare", "two result files side by side", _COMPARE))
    verb("view", "is a changed view found, and is none told where nothing changed?", "See its own --help.")
    verb("torture", "the daemon under fire: what it survives and what it loses", "See its own --help.")
    verb("torture-delivery", "what a tower commits against what receivers have", "See its own --help.")
    return parser


def _add_timing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--bundle", type=Path, help="folder or .zip (default: the bundled one)")
    add(
        "--backends",
        type=_words,
        metavar="B,…",
        help=f"{', '.join(BACKENDS)} (default: all that the bundle and the board have)",
    )
    add("--threads", type=_counts, default=(1,), metavar="N,…", help="threads of one inference (default: 1)")
    add("--runs", type=_count, default=100, metavar="N", help="timed inferences of a process (default: 100)")
    add("--warmup", type=_count, default=20, metavar="N", help="inferences thrown away before (default: 20)")
    add("--processes", type=_count, default=5, metavar="P", help="for each row of the table (default: 5)")
    add("--json", type=Path, metavar="FILE", help="write everything here")


def _add_board(parser: argparse.ArgumentParser) -> None:
    _add_timing(parser)
    add = parser.add_argument
    add(
        "--seconds",
        type=_positive,
        default=10.0,
        metavar="S",
        help="of the idle phase, and of each process that measures energy (default: 10)",
    )
    add(
        "--energy",
        choices=get_args(EnergySource),
        default="auto",
        metavar="SOURCE",
        help=f"{', '.join(get_args(EnergySource))} (default: auto, the first that answers)",
    )
    add(
        "--watts-per-busy-core",
        type=_positive,
        metavar="W",
        help="what one busy core adds, for the model from CPU time, where you know it",
    )


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", type=Path, metavar="A.json", help="the base")
    parser.add_argument("b", type=Path, metavar="B.json", help="what is compared with it")
    parser.add_argument("--across-machines", action="store_true", help="compare unlike machines all the same")
    parser.add_argument(
        "--across-bundles", action="store_true", help="compare different bundles all the same"
    )


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return count


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number


def _words(text: str) -> tuple[str, ...]:
    words = tuple(text.split(","))
    if set(words) - set(BACKENDS):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(BACKENDS)} with commas, got {text!r}")
    return words


def main() -> int:
    """Run one command line; errors raised on purpose become one line."""
    try:
        return command(sys.argv[1:])
    except EdgeError as error:
        print(f"benchmarks: {plain(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError | MissingExtraError) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
