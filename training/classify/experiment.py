"""`python -m training cifar10`: teacher → logits → baseline → student → PTQ → QAT → export → evaluate → report.

Each step's folder under --work is named by the digest of its inputs; a step that is done is skipped, a run that was
interrupted at any point goes on with the same command.
"""

from __future__ import annotations

import argparse
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from training.classify import images, latency, measure, qat, recipe, report, train
from training.classify.correction import corrections
from training.classify.measure import Form, Row
from training.classify.process import processes
from training.classify.replayed import replay
from training.classify.step import Step
from training.classify.train import Trained, Workshop

logger = logging.getLogger(__name__)

WORK = Path(".work/cifar10")
_MIXED_BUDGET = 0.02  # added cross entropy that the mixed-precision choice may spend on the validation split
_EXAMPLES = """examples:
  python -m training cifar10 --recipe tiny                      a minute; torchvision downloads CIFAR-10
  python -m training cifar10 --recipe cpu --data DIR            hours; stop it and start it again as you like
  accelerate launch -m training cifar10 --recipe full           several GPUs and machines"""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The networks on labels alone, the ensemble's members among them, and its logits."""

    networks: dict[str, Trained]
    members: tuple[str, ...]
    soft: Step


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
        "--recipe", default="tiny", metavar="NAME", help="tiny, cpu, full, or a file (%(default)s)"
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
        help="train through torch.compile: 10 to 15%% faster here, but a minute or more to begin; needs a C++ compiler",
    )
    parser.add_argument(
        "--work", type=Path, default=WORK, metavar="DIR", help="all steps; resumes from here (%(default)s)"
    )


def open_workshop(options: argparse.Namespace) -> Workshop:
    """Read recipe and images."""
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
    plans = list(_plans(shop, ensemble, students))
    if not shop.processes.is_main_process:
        return 0
    steps = {row.name: (row, measure.measure(shop, row, network())) for row, network in plans}
    if options.until == "evaluate":
        return 0
    replayed = replay(shop, _best(shop, students, steps))
    times = latency.measure(shop, [step for _, step in steps.values()])
    made = report.Made(ensemble.networks, ensemble.soft, students, list(steps.values()), times, replayed)
    result = report.collect(shop, made, options.watts_per_busy_core)
    if options.result is not None:
        options.result.parent.mkdir(parents=True, exist_ok=True)
        options.result.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    if options.page is not None:
        report.write_page(result, options.page)
    print(msgspec.json.encode({"summary": result["summary"]}).decode())
    return 0


def teach(shop: Workshop) -> Ensemble:
    """Train the ensemble's members, extract their logits, train the other teachers and baselines."""
    runs = train.runs(shop.recipe)
    order = [*shop.recipe.members, *(name for name in runs if name not in shop.recipe.members)]
    members = {
        name: Trained(runs[name], train.train(shop, runs[name])) for name in order[: len(shop.recipe.members)]
    }
    split: train.Split = "all" if shop.recipe.pairs_on_all else "training"
    soft = train.soft_label(shop, list(members.values()), split)
    rest = {name: Trained(runs[name], train.train(shop, runs[name])) for name in order[len(members) :]}
    return Ensemble(members | rest, shop.recipe.members, soft)


def students_of(shop: Workshop, ensemble: Ensemble) -> Iterator[tuple[str, Trained]]:
    """Train a student for each baseline; yield `PAIR/SEED` and the student."""
    for pair, settings in shop.recipe.pairs.items():
        for seed in settings.seeds:
            name = f"{pair}/{seed}"
            run = train.student_of(ensemble.networks[name].run, pair, ensemble.soft, shop.recipe.distillation)
            yield name, Trained(run, train.train(shop, run))


def _best(shop: Workshop, students: dict[str, Trained], steps: dict[str, tuple[Row, Step]]) -> Step:
    """Return the INT8 QAT student that is best on the validation split, as it was measured."""

    def accuracy(name: str) -> float:
        pair, one = name.partition("/")[0], students[name]
        record = qat.qat(shop, one.run, one.made, 8, shop.recipe.pairs[pair].quantization).record()
        assert record is not None
        return record["validation_accuracy"] or 0.0

    best = max(students, key=accuracy)
    return steps[f"{students[best].run.name}-int8-qat"][1]


def _plans(shop: Workshop, ensemble: Ensemble, students: dict[str, Trained]) -> Iterator[tuple[Row, Any]]:
    """Yield each row with a function that makes its network; trains and chooses all that is to be trained and chosen.

    The list of them is complete before the first test image is scored.
    """
    for name in shop.recipe.teachers:
        yield from _untrained(shop, ensemble.networks[name])
    for pair, settings in shop.recipe.pairs.items():
        for seed, (kind, one) in itertools.product(
            settings.seeds, (("baseline", ensemble.networks), ("student", students))
        ):
            trained, method = one[f"{pair}/{seed}"], settings.quantization
            yield from _untrained(shop, trained)
            yield _retrained(shop, trained, "int8-qat", 8, method)
            if seed in settings.seeds[: method.low_bit_seeds]:
                yield _retrained(shop, trained, "int4", 4, method)
                yield _retrained(shop, trained, "int4-litert", 4, method)
                yield _retrained(shop, trained, "int2", 2, method)
                if kind == "student":
                    corrections(shop, trained)
                    bits = qat.mixed(qat.sensitivity(shop, trained.run, trained.made), _MIXED_BUDGET)
                    yield _retrained(shop, trained, "mixed", bits, method)


def _untrained(shop: Workshop, trained: Trained) -> Iterator[tuple[Row, Any]]:
    """Yield the rows that need no training: FP32 and PTQ."""
    run, made = trained.run, trained.made
    ranges = qat.ptq(shop, run, made)
    yield Row(run.name, "fp32", (made.key,)), lambda: qat.folded(run, made)
    yield Row(run.name, "int8-ptq", (made.key, ranges.key)), lambda: qat.calibrated(shop, run, made)


def _retrained(
    shop: Workshop, trained: Trained, form: Form, bits: qat.Bits, method: recipe.Quantization
) -> tuple[Row, Any]:
    """Train on with fake quantization and return the row."""
    step = qat.qat(shop, trained.run, trained.made, bits, method)
    row = Row(trained.run.name, form, (step.key,))
    return row, lambda: qat.quantized(shop, trained.run, trained.made, step)
