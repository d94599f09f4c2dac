"""`python -m training pool`: its arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.step.argument import count, positive

_POOL = """Draw the pool that smoke models are trained on, and keep its feature maps.

Each real sequence; fires planted in its quiet stretch; the same sequence under other weather (docs/pool.md). Pictures
stay in --work: they are made of the data's own, and no freer than these. What is done is skipped: the same command
resumes."""
_EXAMPLE = "example: python -m training pool --data wildfire --data quiet --work .work/pool --only pictures"


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parser."""
    parser = commands.add_parser(
        "pool",
        help="draw real and rendered sequences for training, and keep their feature maps",
        description=_POOL,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="DIR",
        help="folder of sequences; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path(".work/folds"), help="all steps; resumes from here (%(default)s)"
    )
    parser.add_argument("--seed", type=count, default=0, help="of all lots (%(default)s)")
    parser.add_argument(
        "--processes", type=positive, default=2, metavar="N", help="at work at once (%(default)s)"
    )
    parser.add_argument(
        "--only", choices=("pictures", "maps"), help="stop there; all, the changes too, if absent"
    )
    parser.add_argument(
        "--network", action="append", default=[], metavar="NAME",
        help="frozen backbone whose maps are kept (lite0, lite1, …); may be given several times; lite0 if absent",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", type=Path, action="append", default=[], metavar="DIR",
        help="folder of pictures that set the ranges of the backbones, looked through; a fold that leaves one out "
        "cannot use the maps: name some that no fold judges on",
    )  # fmt: skip
    parser.add_argument(
        "--every", type=_numbers, default=(1, 3), metavar="N,N",
        help="cadences of the changes: each so-manieth frame is scored (1,3)",
    )  # fmt: skip
    parser.add_argument(
        "--background", type=_numbers, default=(15,), metavar="N,N",
        help="scored frames that the slow background averages (15)",
    )  # fmt: skip
    parser.set_defaults(handler=_handle)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({positive(part) for part in text.split(",")}))


def _handle(options: argparse.Namespace) -> int:
    from training.smoke.pool import main  # noqa: PLC0415 — needs the extra

    return main.handle(options)
