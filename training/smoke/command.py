"""`python -m training smoke`, `compare-smoke`, `realism` and `prune`: their arguments, known without the extra."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.smoke.recipe import Recipe
from training.step.argument import positive

_SMOKE = """From a folder of tower sequences to the bundle that a tower runs.

Features once by the frozen backbone → inner folds choose the threshold → one head on all training groups → export
and quantization → the bundle, measured on validation groups that nothing above has seen. What is done is skipped; the
same command resumes."""
_COMPARE = """Score bundles on the same frames through the daemon's pipeline, and say how far each two are apart.

Differences are in quantization steps of the first one's scores."""
_REALISM = """Say how well a small classifier tells rendered smoke from real smoke.

Real crops are cut around the boxes; rendered ones from the same cameras before ignition, with as large plumes. The
classifier is judged on groups that it has not seen. AUC .5: it cannot tell; 1: it always can. `place` is the AUC
of the same places without smoke: what the choice of places alone gives away."""

_PRUNE = """Take channels out of the backbone and let it learn what the whole one gives.

Channels inside the blocks go, by what their loss costs on real frames once the others have made up for it; then the
network is trained on crops of the pictures to give the whole one's features. Every eighth picture only shows the error.
What is done is skipped. What was made from pictures of a camera must not be judged on that camera."""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parsers."""
    parser = commands.add_parser(
        "smoke",
        help="train, quantize and measure the smoke model",
        description=_SMOKE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(parser, "held-out groups; chosen by size if absent")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the bundle; an older one is replaced"
    )
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures and raw values as JSON")
    parser.add_argument(
        "--work", type=Path, default=Path(".work/smoke"), help="all steps; resumes from here (%(default)s)"
    )
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="of the optimizer (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(handler=_smoke)
    parser = commands.add_parser(
        "compare-smoke",
        help="say how far smoke bundles' scores are apart",
        description=_COMPARE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE", help="two or more")
    _add_data(parser, "whose frames are scored; the first bundle's own validation groups if absent")
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures and raw values as JSON")
    parser.set_defaults(handler=_compare)
    parser = commands.add_parser(
        "realism",
        help="say how well rendered smoke is told from real smoke",
        description=_REALISM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with sequences.json")
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures as JSON")
    parser.add_argument(
        "--every", type=int, default=3, metavar="N", help="take every Nth frame with a box (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(handler=_realism)
    parser = commands.add_parser(
        "prune",
        help="make the backbone smaller, under distillation",
        description=_PRUNE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--preset", choices=("third", "slim", "coarse"), default="third", help="what is kept (%(default)s)"
    )
    parser.add_argument(
        "--pictures", type=Path, required=True, action="append", metavar="DIR",
        help="folder of pictures of towers, looked through; may be given several times",
    )  # fmt: skip
    parser.add_argument("--work", type=Path, default=Path(".work/smoke"), help="all steps (%(default)s)")
    parser.add_argument("--steps", type=positive, default=400, help="of the optimizer (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(handler=_prune)


def _add_data(parser: argparse.ArgumentParser, groups: str) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with sequences.json")
    parser.add_argument("--validation-groups", metavar="G,G", help=groups)


def _smoke(options: argparse.Namespace) -> int:
    from training.smoke import experiment  # noqa: PLC0415 — needs the extra

    return experiment.handle(options)


def _compare(options: argparse.Namespace) -> int:
    from training.smoke import compare  # noqa: PLC0415 — needs the extra

    return compare.handle(options)


def _realism(options: argparse.Namespace) -> int:
    from training.smoke import realism  # noqa: PLC0415 — needs the extra

    return realism.handle(options)


def _prune(options: argparse.Namespace) -> int:
    from training.smoke import prune  # noqa: PLC0415 — needs the extra

    return prune.handle(options)
