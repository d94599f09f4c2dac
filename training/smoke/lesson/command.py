"""Arguments of the commands that teach a student, the same for all of them; known without the extra `train`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.smoke.lesson.setting import Setting
from training.step.argument import positive

STUDENTS = ("distilled", "labels")
OWN = ("temperature", "alpha", "learning_rate", "weight_decay", "batch")
"""What is left out unless it is asked for otherwise; names of options."""


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add where the data are and the folder of all steps."""
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="DIR",
        help="folder of sequences; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path(".work/folds"), help="all steps; resumes from here (%(default)s)"
    )


def add_student(parser: argparse.ArgumentParser, recipes: Sequence[str], what: str) -> None:
    """Add what a student is and how it is taught.

    Args:
        parser: of a command.
        recipes: that it knows; the first is the default.
        what: they are, for people.
    """
    setting = Setting()
    parser.add_argument("--steps", type=int, default=setting.steps, help="of the optimizer (%(default)s)")
    parser.add_argument("--recipe", choices=recipes, default=recipes[0], help=f"{what} (%(default)s)")
    parser.add_argument(
        "--stills", type=Path, action="append", default=[], metavar="DIR",
        help="folder of pictures that set the ranges of the frozen backbones, as the pool was made with; of students",
    )  # fmt: skip
    parser.add_argument("--backbone", default="lite0-third", metavar="NAME", help="of students (%(default)s)")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="of the teacher's and the student's logits (2)"
    )
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the teacher in the loss (0.7)")
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE",
        help=f"of students, its peak ({setting.learning_rate:g})",
    )  # fmt: skip
    parser.add_argument(
        "--weight-decay", type=float, metavar="RATE", help=f"of students ({setting.weight_decay:g})"
    )
    parser.add_argument(
        "--batch", type=positive, metavar="N", help=f"windows a step, of students ({setting.batch})"
    )


def words_of(options: argparse.Namespace, *, student: bool = True) -> list[str]:
    """Return the options of `add_data` and `add_student`, and the seed, without the folders of this machine."""
    words = [f"--data {folder.name}" for folder in options.data]
    words += [f"--seed {options.seed}", f"--steps {options.steps}"]
    if student:
        words += [f"--recipe {options.recipe}", *(f"--stills {folder.name}" for folder in options.stills)]
        words.append(f"--backbone {options.backbone}")
    given = {name: getattr(options, name) for name in OWN}
    return words + [
        f"--{name.replace('_', '-')} {value}" for name, value in given.items() if value is not None
    ]
