"""`python -m training cross-validate`: its arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.smoke.lesson.command import STUDENTS, add_data, add_student
from training.step.argument import positive

_CROSS_VALIDATE = """Say what a recipe is worth on cameras that it has never seen.

Five fixed outer folds by camera group: thresholds from inner folds of the training side, each fold's own INT8 bundle,
judged through the daemon's own pipeline as `evaluate` does. A data set in which nothing burns is made of quiet streams:
each of its groups is left out once more. What a left-out side must not touch is refused by the digests of its pictures.

What is done is skipped: the same command resumes. Each run over the folds is a line in the ledger, which the result
quotes. Figures are shown when all asked folds are judged, not before.

How long: the result says it of each fold (docs/results/smoke-fold-time.json: one alone, on 33 sequences); the next
ones find its features made."""
RECIPES = ("shipped", *STUDENTS)
_EXAMPLE = "example: python -m training cross-validate --data wildfire --data quiet --result folds.json"


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parser."""
    parser = commands.add_parser(
        "cross-validate",
        help="say what a recipe is worth on cameras that it has never seen",
        description=_CROSS_VALIDATE,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data(parser)
    parser.add_argument(
        "--result", type=Path, required=True, metavar="FILE", help="figures and raw values as JSON"
    )
    parser.add_argument("--seed", type=int, default=0, help="of training and bootstraps (%(default)s)")
    add_student(parser, RECIPES, "what is trained: the one that ships, or a student on the pool")
    parser.add_argument(
        "--fold", action="append", default=[], metavar="K",
        help="judge this one alone: 1 to 5, or a quiet stream's group; may be given several times",
    )  # fmt: skip
    parser.add_argument("--by-mast", action="store_true", help="all cameras of one mast are one group")
    parser.add_argument(
        "--bundle-out", type=Path, metavar="DIR", help="copy each fold's bundle there, as fold-K"
    )
    parser.add_argument(
        "--ledger", type=Path, default=Path("docs/results/smoke-ledger.jsonl"), metavar="FILE",
        help="of all looks at outer folds; appended (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--processes",
        type=positive,
        default=2,
        metavar="N",
        help="at work at once while judging (%(default)s)",
    )
    parser.set_defaults(handler=_handle)


def _handle(options: argparse.Namespace) -> int:
    from training.smoke.fold import main  # noqa: PLC0415 — needs the extra

    return main.handle(options)
