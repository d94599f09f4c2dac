"""`python -m training detector`, `conditions` and `cadences`: their arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.smoke.lesson.command import STUDENTS, add_data, add_student
from training.step.argument import count

_DETECTOR = """Make the bundle that ships: the recipe of a cross-validation, trained on all sequences.

The student of each fold, as `cross-validate` trains it, scores what its fold leaves out; these scores together set the
thresholds. Then the student learns from all groups and is exported. What is done is skipped: the same command resumes,
and what a cross-validation with the same --work has made is found. The pool must be there (`pool`)."""
_CONDITIONS = """Say how well students tell night, fog and other conditions on cameras that they have never seen.

The student of each fold, as `cross-validate` trains it, tells the conditions of all sequences that its fold leaves out,
real and rendered. Balanced accuracy by frame, and as the device decides; raw counts by sequence."""

_CADENCES = """Say how long fires stay unseen when a camera is watched more or less often.

The student of each fold, as `cross-validate` trains it, scores every k-th frame of the real sequences that its fold
leaves out, from each first frame, and the daemon's own decision follows at the fold's operating point. 30 s come from
planted fires with rendered motion between the real frames. The result holds the range of cadences whose delay is near
enough to that at 60 s: `detector --cadences` states it."""
FIRES = 20


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parsers."""
    parser = _parser(commands, "detector", "make the bundle that ships", _DETECTOR)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the bundle; an older one is replaced"
    )
    parser.add_argument(
        "--folds", type=Path, action="append", default=[], metavar="FILE",
        help="result of cross-validate of the same recipe and data, any seed, for the card; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--cadences", type=Path, metavar="FILE",
        help="result of cadences of the same recipe and data, any seed: the range that the manifest states",
    )  # fmt: skip
    parser.set_defaults(handler=_detector)
    parser = _parser(
        commands, "conditions", "say how well conditions of the scene are told on unseen cameras", _CONDITIONS
    )
    parser.set_defaults(handler=_conditions)
    parser = _parser(
        commands, "cadences", "say how delay depends on the cadence, on unseen cameras", _CADENCES
    )
    parser.add_argument(
        "--fires", type=count, default=FIRES, metavar="N",
        help="planted fires at 30 s, by rendered motion; 0: none (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(handler=_cadences)


def _parser(commands: Any, name: str, said: str, description: str) -> argparse.ArgumentParser:  # noqa: ANN401 — as above
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=said, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data(parser)
    parser.add_argument(
        "--result", type=Path, required=True, metavar="FILE", help="figures and raw values as JSON"
    )
    parser.add_argument("--seed", type=int, default=0, help="of training (%(default)s)")
    add_student(parser, STUDENTS, "what the student learns from")
    return parser


def _detector(options: argparse.Namespace) -> int:
    from training.smoke.detector import main  # noqa: PLC0415 — needs the extra

    return main.handle(options)


def _conditions(options: argparse.Namespace) -> int:
    from training.smoke.detector import condition  # noqa: PLC0415 — needs the extra

    return condition.handle(options)


def _cadences(options: argparse.Namespace) -> int:
    from training.smoke.detector import cadence  # noqa: PLC0415 — needs the extra

    return cadence.handle(options)
