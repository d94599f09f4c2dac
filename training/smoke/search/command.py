"""`python -m training search`: its arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.smoke.lesson.setting import TRIALS, Setting
from training.smoke.search.space import ARMS, TODAY
from training.step.argument import count, positive

STEPS, BATCH, DESIGNS = 200, 12, 24
IMITATING_STEPS = 500  # about 2,000 frames, twice over
BACKBONE = "lite0-third"

_SEARCH = """Search the student's architecture, or what is an arm's own, on the inner folds of fold 1's training side.

Each trial trains both inner students and chooses the operating point that they give together. Of an architecture the
capped delay and the INT8 time of one inference are minimised, of an arm (--arm) the delay alone. The pool's maps must
be there (`python -m training pool`, same data and --work).

The study lies in a journal in --work: the same command resumes, and several at once share the trials."""
_EXAMPLE = (
    "example: python -m training search --data wildfire --data quiet --stills stills --backbone lite0-third "
    "--backbone lite0-coarse --result search.json --page search.md"
)


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parser."""
    parser = commands.add_parser(
        "search",
        help="search the student's architecture, or what is an arm's own",
        description=_SEARCH,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="DIR",
        help="folder of sequences; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--stills", type=Path, required=True, action="append", metavar="DIR",
        help="folder of pictures that set the ranges of the frozen backbones, as the pool was made with",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path(".work/folds"), help="all steps; resumes from here (%(default)s)"
    )
    parser.add_argument(
        "--result", type=Path, required=True, metavar="FILE", help="all trials with raw values as JSON"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="Markdown, its plot in a folder beside it")
    parser.add_argument(
        "--backbone", action="append", default=[], metavar="NAME",
        help=f"to choose from; may be given several times; {BACKBONE} if absent",
    )  # fmt: skip
    parser.add_argument(
        "--trials", type=positive, metavar="N",
        help=f"at most, of all processes together ({DESIGNS}; of an arm {TRIALS})",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=positive, metavar="N", help=f"of the optimizer ({STEPS}; of an arm {Setting().steps})"
    )
    parser.add_argument(
        "--batch", type=positive, metavar="N", help=f"windows a step ({BATCH}; of an arm {Setting().batch})"
    )
    parser.add_argument("--seed", type=count, default=0, help="of the sampler (%(default)s)")
    parser.add_argument(
        "--instructions", type=Path, metavar="FILE",
        help="of trials' files, from `python -m arm64 instructions FILE.tflite … --json FILE`; more columns, and the "
        "front with them",
    )  # fmt: skip
    parser.add_argument(
        "--resnet18", type=positive, nargs="?", const=IMITATING_STEPS, metavar="STEPS",
        help="after the trials, also try today's head behind a ResNet-18 that learns Lite0's features in so many steps "
        "(%(const)s); a labelled point, no trial; the maps of lite0 must be there",
    )  # fmt: skip
    _register_arm(parser)
    parser.set_defaults(handler=_handle)


def _register_arm(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("an arm", "its architecture is given, not searched")
    group.add_argument(
        "--arm",
        choices=ARMS,
        help="tune T and α of `distilled`, or learning rate and weight decay of `labels`; or leave out one thing at a "
        "time (`ablation`, 6 trials)",
    )
    for name, value in TODAY.items():
        if name != "plain":
            group.add_argument(f"--{name}", type=positive, metavar="N", help=f"see docs/student.md ({value})")
    group.add_argument(
        "--plain", action="store_true", help="plain convolutions, instead of depthwise and 1×1 ones"
    )


def _handle(options: argparse.Namespace) -> int:
    from training.smoke.search import main  # noqa: PLC0415 — needs the extra

    return main.handle(options)
