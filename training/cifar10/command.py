"""`python -m training cifar10` and `study`: their arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.cifar10 import recipe

_EXPERIMENT = """Teacher → logits → baseline → student → PTQ → QAT → export → evaluate → report.

Each step's folder under --work is named by the digest of its inputs; a step that is done is skipped, a run that was
interrupted at any point goes on with the same command. One command at a time works on a step; another one waits."""
_EXPERIMENT_EXAMPLES = """examples:
  python -m training cifar10 --recipe tiny                      a minute or two; torchvision downloads CIFAR-10
  python -m training cifar10 --recipe cpu --data DIR            hours; stop it and start it again as you like
  accelerate launch -m training cifar10 --recipe full           several GPUs and machines, with one --work"""
_STUDY = """Search temperature, α and the learning rate on the validation split.

Any storage that Optuna knows will do, so several machines can search together. In a database an interrupted trial is
tried again; a journal knows of no interruptions, there another trial takes its place."""
_STUDY_EXAMPLES = """examples:
  python -m training study --recipe cpu --data DIR --pair strided --epochs 6 --trials 10
  python -m training study --recipe full --pair full --storage postgresql://host/optuna   on each machine"""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parsers."""
    _register_experiment(commands)
    _register_study(commands)


def _register_experiment(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    parser = commands.add_parser(
        "cifar10",
        help="the controlled experiment: what distillation and quantization bring and cost",
        description=_EXPERIMENT,
        epilog=_EXPERIMENT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser)
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures and raw values as JSON")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the report as Markdown, plots beside it")
    parser.add_argument(
        "--until",
        choices=("train", "evaluate", "report"),
        default="report",
        help="stop after these steps (%(default)s)",
    )
    parser.add_argument(
        "--watts-per-busy-core",
        type=float,
        metavar="W",
        help="what a busy core of this machine adds, for the modelled energy; without it there is none",
    )
    parser.set_defaults(handler=_experiment)


def _register_study(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    parser = commands.add_parser(
        "study",
        help="search the student's temperature, α and learning rate",
        description=_STUDY,
        epilog=_STUDY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser)
    parser.add_argument(
        "--pair", metavar="NAME", help="whose student is trained; the recipe's first if absent"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of each trial; the pair's own if absent")
    parser.add_argument(
        "--trials",
        type=int,
        default=10,
        metavar="N",
        help="finished ones in the study at the end (%(default)s)",
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="Optuna's: a database's address, journal:PATH, redis://…, grpc://HOST:PORT; "
        "a SQLite file in --work if absent",
    )
    parser.add_argument(
        "--name", default="distillation", help="of the study; what it searches is added (%(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="of the sampler; by chance if absent, so that machines do not repeat each other",
    )
    parser.add_argument("--result", type=Path, metavar="FILE", help="all trials as JSON")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="validation accuracy over the searched values, .svg or .png"
    )
    parser.set_defaults(handler=_study)


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add what `cifar10` and `study` share."""
    parser.add_argument(
        "--recipe", default="tiny", metavar="NAME", help=f"{recipe.SHIPPED}, or a file (%(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with CIFAR-10 (README); torchvision downloads it if absent",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="train through torch.compile: minutes to begin, rounds a little otherwise; needs a C++ compiler",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".work/cifar10"),
        metavar="DIR",
        help="all steps; resumes from here (%(default)s)",
    )


def _experiment(options: argparse.Namespace) -> int:
    from training.cifar10 import experiment  # noqa: PLC0415 — needs the extra

    return experiment.handle(options)


def _study(options: argparse.Namespace) -> int:
    from training.cifar10 import study  # noqa: PLC0415 — needs the extra

    return study.handle(options)
