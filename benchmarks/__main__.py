"""`python -m benchmarks` and `firetower bench`: numbers with their machine, their warm-up and their raw values."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import latency, machine
from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.model.bundle import Bundle, bundled_path

_LATENCY = """Time single inferences of a bundle, on noise of the model's input size.

Each backend and thread count gets several fresh processes, which take turns; each warms up, then times every
inference. Times in the table are milliseconds of the backend's own call; `total` adds preprocessing and
dequantization; `spread` is how far the processes' medians are apart. The JSON keeps every raw value, and the
machine. A figure from a busy machine is worth little: close other work first."""

_EXAMPLES = """examples:
  python -m benchmarks latency                                      the bundled model, all that it can run on
  python -m benchmarks latency --bundle my-bundle --threads 1,2,4 --json out.json
  python -m benchmarks latency --backends litert --runs 50 --processes 3        a quick look"""


def command(argv: Sequence[str]) -> int:
    """Run one benchmark.

    Args:
        argv: without the program's name.
    Returns:
        The exit code: 0 good, 2 usage.
    Raises:
        EdgeError: the bundle or a backend cannot be used.
    """
    arguments = _parser().parse_args(argv)
    path = bundled_path() if arguments.bundle is None else arguments.bundle
    files = Bundle.open(path).manifest.model_files().values()
    plan = latency.Plan(
        bundle=path.resolve(),
        backends=arguments.backends or tuple(sorted(str(spec.backend) for spec in files)),
        threads=arguments.threads,
        runs=arguments.runs,
        warmup=arguments.warmup,
        processes=arguments.processes,
    )
    if arguments.json is not None and not arguments.json.parent.is_dir():
        raise SettingsError(f"--json: no folder {arguments.json.parent}")
    about = machine.describe()
    timings = latency.measure(plan, latency.run_worker, lambda line: print(line, file=sys.stderr))
    result = latency.report(plan, timings, about)
    print(
        f"{result['bundle']['name']} {result['bundle']['version']} on {about['cpu']}, {about['cores']} cores\n"
    )
    print(latency.table(latency.summarize(timings)))
    for warning in result["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result) + "\n")
    print(json.dumps(result["summary"]))
    return 0


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="firetower bench", description=__doc__, epilog=_EXAMPLES, formatter_class=raw
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="latency")
    add = verbs.add_parser(
        "latency",
        help="how long an inference takes",
        description=_LATENCY,
        epilog=_EXAMPLES,
        formatter_class=raw,
    ).add_argument
    add("--bundle", type=Path, help="folder or .zip (default: the bundled one)")
    add(
        "--backends",
        type=_words,
        metavar="B,…",
        help="litert, onnx (default: those the bundle has a file for)",
    )
    add("--threads", type=_counts, default=(1,), metavar="N,…", help="threads of one inference (default: 1)")
    add("--runs", type=_count, default=100, metavar="N", help="timed inferences of a process (default: 100)")
    add("--warmup", type=_count, default=20, metavar="N", help="inferences thrown away before (default: 20)")
    add("--processes", type=_count, default=5, metavar="P", help="for each row of the table (default: 5)")
    add("--json", type=Path, metavar="FILE", help="write everything here")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return count


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    words = tuple(text.split(","))
    if set(words) - {"litert", "onnx"}:
        raise argparse.ArgumentTypeError(f"expected litert, onnx or both with a comma, got {text!r}")
    return words


def main() -> int:
    """Run one command line; errors raised on purpose become one line."""
    try:
        return command(sys.argv[1:])
    except EdgeError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError | MissingExtraError) else 1


if __name__ == "__main__":
    sys.exit(main())
