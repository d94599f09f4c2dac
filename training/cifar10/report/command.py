"""`python -m training report`: the page of a result, without training anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "report",
        help="the page of a result of cifar10, without training",
        description=__doc__,
        epilog="example: python -m training report docs/results/cifar10.json --page docs/cifar10.md",
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="what `cifar10 --result` wrote")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        required=True,
        help="Markdown; its plots come into a folder of its name",
    )
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Write the page; return the exit code."""
    from training.cifar10.report import file, page  # noqa: PLC0415 — needs the extra

    page.write(file.read(options.result), options.page, options.result)
    print(options.page)
    return 0
