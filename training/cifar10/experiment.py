"""`python -m training cifar10`: teacher → logits → baseline → student → PTQ → QAT → export → evaluate → report.

Each step's folder under --work is named by the digest of its inputs; a step that is done is skipped, a run that was
interrupted at any point goes on with the same command. One command at a time works on a step; another one waits.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from training.cifar10 import logits, qat, recipe, train
from training.cifar10.correction import corrections
from training.cifar10.report import collect, file, latency, measure, page
from training.cifar10.report.form import MIXED_BUDGET, Form
from training.cifar10.report.measure import Row
from training.cifar10.report.replayed import replay
from training.cifar10.run import Taught, Trained, label_runs, pairs_split, student_of
from training.cifar10.workshop import Workshop
from training.distill import images
from training.distill.process import processes
from training.quantize.fold import FoldedResNet
from training.step.step import Step

logger = logging.getLogger(__name__)

WORK = Path(".work/cifar10")
_EXAMPLES = """examples:
  python -m training cifar10 --recipe tiny                      a minute or two; torchvision downloads CIFAR-10
  python -m training cifar10 --recipe cpu --data DIR            hours; stop it and start it again as you like
  accelerate launch -m training cifar10 --recipe full           several GPUs and machines, with one --work"""

Plan = tuple[Row, Callable[[], FoldedResNet]]
"""A row, and what makes its network."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The networks on labels alone, the ensemble's members among them, their logits, and how teachers compare."""

    networks: dict[str, Trained]
    soft: Step
    compared: Step


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "cifar10",
        help="the controlled experiment: what distillation and quantization bring and cost",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
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
    parser.set_defaults(handler=handle)


def add_common(parser: argparse.ArgumentParser) -> None:
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
        "--work", type=Path, default=WORK, metavar="DIR", help="all steps; resumes from here (%(default)s)"
    )


def open_workshop(options: argparse.Namespace) -> Workshop:
    """Read recipe and images.

    Raises:
        ValueError, OSError: the recipe or the images are unfit or cannot be read.
    """
    if options.compile and not any(map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))):
        raise ValueError("--compile needs a C++ compiler: install g++, or leave it out")
    chosen = recipe.read(options.recipe)
    with processes().main_process_first():  # one process downloads
        cifar10 = images.load(options.data, chosen.validation_images, options.work / "download", chosen.limit)
    for split in (cifar10.training, cifar10.validation):
        images.check_apart(split, cifar10.test)
    return Workshop(cifar10, chosen, options.work, compiled=options.compile)


def handle(options: argparse.Namespace) -> int:
    """Run every step that is still to do; return the exit code."""
    if options.watts_per_busy_core is not None and not options.watts_per_busy_core > 0:
        raise ValueError("--watts-per-busy-core: expected a positive number")
    shop = open_workshop(options)
    ensemble = teach(shop)
    students = dict(students_of(shop, ensemble))
    if options.until == "train":
        return 0
    siblings = {pair: sibling_of(shop, pair, ensemble, students) for pair in shop.recipe.pairs}
    plans = list(_plans(shop, ensemble, students, siblings))
    if not shop.leave():
        return 0
    shown = tqdm(plans, desc="rows", unit="row", disable=None)
    steps = {row.name: (row, measure.measure(shop, row, network)) for row, network in shown}
    if options.until == "evaluate":
        return 0
    replayed = replay(shop, steps[f"{_best(shop, students, siblings).run.name}-int8-qat"][1])
    times = latency.measure(shop, [step for _, step in steps.values()])
    sources = collect.Sources(
        ensemble.networks,
        ensemble.soft,
        ensemble.compared,
        students,
        siblings,
        list(steps.values()),
        times,
        replayed,
    )
    result = collect.collect(shop, sources, options)
    if options.result is not None:
        file.write(options.result, result)
    if options.page is not None:
        page.write(result, options.page, options.result)
    print(msgspec.json.encode({"summary": result.summary}).decode())
    return 0


def teach(shop: Workshop) -> Ensemble:
    """Train the ensemble's members, extract their logits, train the other teachers and baselines."""
    runs = label_runs(shop.recipe)
    members = {name: train.train(shop, runs[name]) for name in shop.recipe.members}
    soft = logits.extract(shop, list(members.values()), pairs_split(shop.recipe))
    rest = {name: train.train(shop, one) for name, one in runs.items() if name not in members}
    others = [rest[name] for name in shop.recipe.teachers if name in rest]
    return Ensemble(members | rest, soft, logits.compare(shop, list(members.values()), others))


def students_of(shop: Workshop, ensemble: Ensemble) -> Iterator[tuple[str, Trained]]:
    """Train a student for each baseline; yield `PAIR/SEED` and the student."""
    for pair, settings in shop.recipe.pairs.items():
        for seed in settings.seeds:
            name = f"{pair}/{seed}"
            baseline = ensemble.networks[name].run
            student = student_of(baseline, pair, Taught(ensemble.soft, shop.recipe.distillation))
            yield name, train.train(shop, student)


def sibling_of(shop: Workshop, pair: str, ensemble: Ensemble, students: dict[str, Trained]) -> Trained:
    """Return the network on which a pair's choices are made, which has not seen the validation split."""
    settings = shop.recipe.pairs[pair]
    if settings.sibling is not None:
        return ensemble.networks[settings.sibling]
    return students[f"{pair}/{settings.seeds[0]}"]


def _best(shop: Workshop, students: dict[str, Trained], siblings: dict[str, Trained]) -> Trained:
    """Return the first student of the pair whose sibling is best on the validation split."""

    def accuracy(pair: str) -> float:
        return siblings[pair].step.read()["validation_accuracy"] or 0.0

    best = max(siblings, key=accuracy)
    return students[f"{best}/{shop.recipe.pairs[best].seeds[0]}"]


def _plans(
    shop: Workshop, ensemble: Ensemble, students: dict[str, Trained], siblings: dict[str, Trained]
) -> Iterator[Plan]:
    """Yield each row with what makes its network; trains and chooses all that is to be trained and chosen.

    The list of them is complete before the first test image is scored.
    """
    for name in shop.recipe.teachers:
        one = ensemble.networks[name]
        yield from _untrained(shop, "teacher", name, one, qat.best_method(shop, one))
    for pair, settings in shop.recipe.pairs.items():
        method = qat.best_method(shop, siblings[pair])
        bits: dict[str, int] = {}
        if settings.quantization.low_bit_seeds:
            corrections(shop, siblings[pair])
            bits = qat.mixed(qat.sensitivity(shop, siblings[pair], method), MIXED_BUDGET)
        for seed in settings.seeds:
            low = seed in settings.seeds[: settings.quantization.low_bit_seeds]
            for role, one in (
                ("baseline", ensemble.networks[f"{pair}/{seed}"]),
                ("student", students[f"{pair}/{seed}"]),
            ):
                yield from _untrained(shop, role, pair, one, method)
                grids: dict[Form, qat.Bits] = {"int8-qat": 8}
                grids |= {"int4": 4, "int4-litert": 4, "int2": 2} if low else {}
                grids |= {"mixed": bits} if low and role == "student" else {}
                for form, grid in grids.items():
                    step = qat.qat(shop, one, method, grid, settings.quantization)
                    row = Row(role, pair, one, form, (step,))
                    yield row, lambda one=one, step=step: qat.quantized(one, step)


def _untrained(shop: Workshop, role: str, group: str, one: Trained, method: str) -> Iterator[Plan]:
    """Yield the rows that need no training: FP32 and PTQ."""
    ranges = qat.ptq(shop, one)
    yield Row(role, group, one, "fp32", (one.step,)), lambda: qat.folded(one)
    row = Row(role, group, one, "int8-ptq", (one.step, ranges), method)
    yield row, lambda: qat.calibrated(shop, one, method)
