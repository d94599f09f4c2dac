"""`python -m training evaluate`, `gate-page` and `compare-arms`: their arguments, known without the extra `train`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.smoke.data import command as data
from training.step.argument import count, positive

_EVALUATE = """Say what a bundle is worth: fires found, delay, false alarms, time watched, candidates and alerts apart.

Sequences of one camera are played one after the other through the daemon's own pipeline, at the data's own times. The
network sees each frame once; thresholds, rules and controls are decided anew from its score maps. What is done is
skipped: the same command resumes. Whatever the bundle saw in training is told apart, as far as its manifest says so.

Planted fires: on frames without smoke that the bundle has not seen, at true times, each played with and without its
fire. Forty frames each, some sixteen of them before ignition.

A third party's classifier is judged as well: found in the whole frame, not localised, in columns of their own. Stills
are left out, and counted: an event needs frames in a row.

False alarms that nobody has looked at are listed: look, and write down what is seen (docs/data.md).

How long: the network runs once for each frame, again for those of each control, and for the 80 of each planted fire.
The folder of the work holds score maps and pictures of real frames: do not publish
it."""
_EXAMPLE = "example: python -m training evaluate --data wildfire --data quiet --result gate.json --page docs/smoke.md"

_COMPARE = """Compare two ways of training on the same folds and seeds, paired by camera group.

Primary statistic: the difference of the capped delay as alert, a less b, in minutes. Exact sign-flip test over camera
groups; bootstrap over groups with seeds drawn inside. False alarms of both stand in the same table, the worst stream
and the mean of seeds. Refused is what is no fair comparison: other data, folds, seeds, steps or numbers of trials.

A result that holds only some folds is joined with the others of its seed."""
_COMPARE_EXAMPLE = (
    "example: python -m training compare-arms --a distilled-*.json --b labels-*.json --result arms.json"
)


def _place(text: str) -> tuple[str, tuple[float, float]]:
    """Read CAMERA=LATITUDE,LONGITUDE in degrees."""
    camera, _, degrees = text.partition("=")
    try:
        latitude, longitude = (float(part) for part in degrees.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected CAMERA=LATITUDE,LONGITUDE in degrees") from None
    if not camera or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise argparse.ArgumentTypeError(f"{text!r}; expected CAMERA=LATITUDE,LONGITUDE in degrees")
    return camera, (latitude, longitude)


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the parsers."""
    parser = commands.add_parser(
        "evaluate",
        help="say what any bundle is worth on sequences, quiet days and planted fires",
        description=_EVALUATE,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="BUNDLE",
        help="folder or .zip; the one that ships with firetower if absent",
    )
    parser.add_argument(
        "--data", type=Path, required=True, action="append", metavar="DIR",
        help="folder of any layout that inspect reads; may be given several times",
    )  # fmt: skip
    data.told(parser)
    parser.add_argument("--backend", metavar="NAME", help="that runs it; the bundle's first if absent")
    parser.add_argument("--only", metavar="G,G", help="judge these groups alone")
    parser.add_argument(
        "--place", type=_place, action="append", default=[], metavar="CAMERA=LAT,LON",
        help="where a camera stands, so that the sun tells night from day; else the data or a built-in table say it, "
        "or it is unknown",
    )  # fmt: skip
    parser.add_argument(
        "--planted", type=count, default=312, metavar="N", help="planted fires, 0 for none (%(default)s)"
    )
    parser.add_argument(
        "--no-controls",
        action="store_true",
        help="leave out controls and memory, which need the network again",
    )
    parser.add_argument(
        "--folds", type=Path, action="append", default=[], metavar="FILE",
        help="result of cross-validate of the same recipe, for the result and the table of aims; may be given several "
        "times",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=Path, default=Path("arm64/budget.json"), metavar="FILE",
        help="instructions as `python -m arm64 instructions` counted them with the same bundle (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--memory", type=Path, metavar="FILE",
        help="also what a memory of the hour brings and costs, on against off, as JSON; seen streams and unseen ones",
    )  # fmt: skip
    parser.add_argument(
        "--horizon", type=Path, metavar="FILE",
        help="the same of a horizon that is found by itself",
    )  # fmt: skip
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures and raw values as JSON")
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="Markdown; its plot comes into a folder of its name"
    )
    parser.add_argument(
        "--looks",
        type=count,
        metavar="N",
        help="how often these data had been judged before, for the result; counted in the ledger if absent",
    )
    parser.add_argument(
        "--ledger", type=Path, default=Path("docs/results/smoke-ledger.jsonl"), metavar="FILE",
        help="of all looks at outer folds (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=Path(".work/gate"), help="all steps; resumes from here (%(default)s)"
    )
    parser.add_argument(
        "--processes", type=positive, default=2, metavar="N", help="at work at once (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of bootstraps and random starts (%(default)s)")
    parser.set_defaults(handler=_handle)
    parser = commands.add_parser(
        "gate-page",
        help="the page of a result of evaluate, without judging anything",
        description="Write the page of a result of `evaluate` anew.",
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="what `evaluate --result` wrote")
    parser.add_argument(
        "--page",
        type=Path,
        required=True,
        metavar="FILE",
        help="Markdown; its plot comes into a folder of its name",
    )
    parser.set_defaults(handler=_write_page)
    _register_compare(commands)


def _register_compare(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    parser = commands.add_parser(
        "compare-arms",
        help="say whether one way of training is better than another, paired by camera group",
        description=_COMPARE,
        epilog=_COMPARE_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for side, what in (("a", "the arm in question"), ("b", "the arm that it is compared with")):
        parser.add_argument(
            f"--{side}", type=Path, nargs="+", required=True, metavar="FILE",
            help=f"results of cross-validate, {what}: all its seeds",
        )  # fmt: skip
        parser.add_argument(
            f"--planted-{side}", type=Path, nargs="+", default=[], metavar="FILE",
            help=f"results of evaluate with planted fires, one for each bundle of {side}; no evidence about recall on "
            "real fires",
        )  # fmt: skip
    parser.add_argument(
        "--worth-min", type=float, default=2.0, metavar="MINUTES",
        help="the smallest effect worth having, of capped delay (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the bootstraps (%(default)s)")
    parser.add_argument(
        "--result", type=Path, required=True, metavar="FILE", help="figures and raw delays as JSON"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="Markdown")
    parser.set_defaults(handler=_compare_arms)


def _compare_arms(options: argparse.Namespace) -> int:
    from training.gate import comparison_main  # noqa: PLC0415 — needs the extra

    return comparison_main.handle(options)


def _handle(options: argparse.Namespace) -> int:
    from training.gate import main  # noqa: PLC0415 — needs the extra

    return main.handle(options)


def _write_page(options: argparse.Namespace) -> int:
    from training.gate import page, result  # noqa: PLC0415 — needs the extra

    page.write(result.read(options.result), options.page, options.result)
    print(options.page)
    return 0
