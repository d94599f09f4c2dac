"""`python -m training inspect`: its arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_INSPECT = """Say what data hold, and draw contact sheets of them: sampled frames with boxes, labels and times.

Layouts are recognised: sequences.json, FIgLib folders, YOLO, COCO, a CSV of stills (docs/data.md). Counts go to stderr,
and as JSON to stdout. Sheets hold real pictures: they are refused where git would take them up."""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parser."""
    parser = commands.add_parser(
        "inspect",
        help="count what data hold and draw contact sheets",
        description=_INSPECT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        nargs="+",
        metavar="DIR",
        help="folders; also a COCO file or a CSV of stills",
    )
    told(parser)
    parser.add_argument(
        "--by-mast", action="store_true", help="count with the cameras of one mast as one group"
    )
    parser.add_argument("--sequence", metavar="ID", help="draw this one alone, closely sampled")
    parser.add_argument("--frames", type=int, metavar="N", help="drawn of each sequence (8; 64 of one alone)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(".work/inspect"),
        metavar="PATH",
        help="a folder for the sheets, or a .jpg or .png (%(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="decode every picture, and compare groups for equal ones; exit code 1 if anything is found",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the counts as JSON")
    parser.set_defaults(handler=_inspect)


def told(parser: argparse.ArgumentParser) -> None:
    """Add what a reader cannot see by itself, and the corrections: `read.read_told` takes them."""
    parser.add_argument(
        "--kind",
        choices=("sequences", "figlib", "yolo", "coco", "stills"),
        help="of layout; recognised if absent",
    )
    parser.add_argument(
        "--groups", type=Path, metavar="FILE", help="CSV sequence,group or JSON {sequence: group}"
    )
    parser.add_argument(
        "--smoke-after-s",
        type=float,
        metavar="S",
        help="FIgLib: from then after ignition on frames show smoke; uncertain if absent",
    )
    parser.add_argument(
        "--smoke-class",
        action="append",
        default=[],
        metavar="NAME",
        help="YOLO, COCO: a class that means smoke; those with 'smoke' in their names if absent",
    )
    parser.add_argument(
        "--corrections",
        type=Path,
        metavar="FILE",
        help="what people saw in frames; the shipped ones if absent",
    )


def _inspect(options: argparse.Namespace) -> int:
    from training.smoke.data import inspect  # noqa: PLC0415 — no picture is decoded for help

    return inspect.handle(options)
