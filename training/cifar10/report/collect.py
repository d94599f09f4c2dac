"""From the finished steps of an experiment to its result: every figure, and every raw value."""

from __future__ import annotations

import argparse
import base64
import datetime as dt
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from training.cifar10 import correction, qat
from training.cifar10.recipe import Recipe
from training.cifar10.report import measure
from training.cifar10.report.aim import AIMS
from training.cifar10.report.form import MIXED_BUDGET
from training.cifar10.report.measure import Row as Plan
from training.cifar10.report.origin import (
    Continued,
    Ensemble,
    Images,
    Machine,
    Network,
    NetworkSettings,
    Splits,
    Teachers,
)
from training.cifar10.report.record import SCHEMA, Ptq, Result, Row, Sensitivity
from training.cifar10.report.significance import Hits, compare
from training.cifar10.report.source import Sources, commits
from training.cifar10.report.summary import summarise
from training.cifar10.report.timing import Energy, Latency, Replay
from training.cifar10.run import Run, Trained
from training.cifar10.workshop import Workshop
from training.step.provenance import commit, machine
from training.step.step import Step

PACKAGES = (
    "torch",
    "torchvision",
    "litert-torch",
    "ai-edge-quantizer",
    "ai-edge-litert",
    "onnx",
    "onnxruntime",
    "numpy",
)


def collect(shop: Workshop, sources: Sources, options: argparse.Namespace) -> Result:
    """Gather every figure and every raw value.

    Args:
        shop: images and recipe.
        sources: everything that was made with them.
        options: of the command; `watts_per_busy_core` models energy where there was no sensor.
    """
    watts, timed = options.watts_per_busy_core, msgspec.convert(sources.times.read(), Latency)
    modelled = "unavailable" if watts is None else "modelled:busy-core"
    labels = shop.cifar10.test.labels.numpy()
    hits = {plan.name: measure.test_logits(step).argmax(axis=1) == labels for plan, step in sources.rows}
    rows = tuple(_row(plan, step, hits[plan.name], timed, watts) for plan, step in sources.rows)
    ensemble, teachers = teaching(shop.recipe, sources)
    low = {
        pair: one
        for pair, one in sources.siblings.items()
        if shop.recipe.pairs[pair].quantization.low_bit_seeds > 0
    }
    return Result(
        schema=SCHEMA,
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        commit=commit(),
        commits=commits(shop, sources, low),
        machine=msgspec.convert(machine(), Machine),
        packages={name: version(name) for name in PACKAGES},
        command=_command(options),
        recipe=shop.recipe,
        images=_images(shop),
        ensemble=ensemble,
        teachers=teachers,
        siblings={pair: one.run.name for pair, one in sources.siblings.items()},
        energy=Energy(source=timed.sensor or modelled, watts_per_busy_core=watts),
        training={
            one.run.name: _network(one) for one in [*sources.networks.values(), *sources.students.values()]
        },
        qat={
            step.name: msgspec.convert(step.read(), Continued)
            for plan, _ in sources.rows
            if plan.form != "fp32" and plan.calibration is None
            for step in plan.source
        },
        rows=rows,
        latency=timed,
        tests=tuple(compare(shop.recipe, hits)),
        sensitivity={pair: _sensitivity(shop, one) for pair, one in low.items()},
        ptq={pair: _ptq(shop, one, low=pair in low) for pair, one in sources.siblings.items()},
        replay=msgspec.convert(sources.replayed.read(), Replay),
        aims=AIMS,
        summary=summarise(rows),
    )


def teaching(recipe: Recipe, sources: Sources) -> tuple[Ensemble, Teachers]:
    """Describe ensemble and teachers, by the names that this recipe has for them: another may have made the steps."""
    members = [sources.networks[name].run for name in recipe.members]
    others = [sources.networks[name].run for name in recipe.teachers if name not in recipe.members]
    compared = msgspec.convert(sources.compared.read(), Teachers)
    if compared.validation_accuracy is not None:
        added = zip(others, compared.with_each.values(), strict=True)
        compared = msgspec.structs.replace(
            compared,
            members=tuple(run.name for run in members if run.split == "training"),
            with_each={run.name: accuracy for run, accuracy in added},
        )
    soft = msgspec.convert(sources.soft.read(), Ensemble)
    return msgspec.structs.replace(soft, members=tuple(run.name for run in members)), compared


def _images(shop: Workshop) -> Splits:
    images = shop.cifar10
    training, validation, test = (
        Images(count=len(split), sha256=split.sha256)
        for split in (images.training, images.validation, images.test)
    )
    return Splits(training=training, validation=validation, test=test)


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training cifar10 --recipe", Path(options.recipe).stem]
    words += ["--data DIR"] if options.data is not None else []
    words += ["--compile"] if options.compile else []
    watts = options.watts_per_busy_core
    words += [] if watts is None else [f"--watts-per-busy-core {watts:g}"]
    words += [f"--{name} FILE" for name in ("result", "page") if getattr(options, name) is not None]
    return " ".join(words)


def _network(one: Trained) -> Network:
    return msgspec.convert({**one.step.read(), "settings": _settings(one.run)}, Network)


def _settings(run: Run) -> NetworkSettings:
    return NetworkSettings(
        network=run.network,
        stem=run.stem,
        seed=run.seed,
        training=run.training,
        distilled=run.taught is not None,
        split=run.split,
    )


def _row(plan: Plan, step: Step, hits: Hits, timed: Latency, watts: float | None) -> Row:
    """Describe one row; time and energy stay None where nothing ran."""
    found = step.read()
    bundle: str | None = found.get("bundle")
    file = None if bundle is None else timed.files.get(bundle)
    latency_ms = None if file is None else file.median_ms
    if timed.sensor is not None:
        source, energy_j = timed.sensor, None if bundle is None else timed.energy_j.get(bundle)
    else:
        source = "modelled:busy-core"
        energy_j = None if latency_ms is None or watts is None else latency_ms / 1e3 * watts
    described = {
        "role": plan.role,
        "group": plan.group,
        "seed": plan.one.run.seed,
        "form": plan.form,
        "calibration": plan.calibration,
        "hits": base64.b64encode(np.packbits(hits).tobytes()).decode(),
        "test_accuracy": found["accuracy"].get("litert", found["accuracy"].get("torch")),
        "latency_ms": latency_ms,
        "joules": energy_j,
        "joules_source": None if energy_j is None else source,
    }
    return msgspec.convert(found | described, Row)


def _sensitivity(shop: Workshop, one: Trained) -> Sensitivity:
    found = qat.sensitivity(shop, one, qat.best_method(shop, one)).read()
    return msgspec.convert(found | {"network": one.run.name, "loss_budget": MIXED_BUDGET}, Sensitivity)


def _ptq(shop: Workshop, one: Trained, *, low: bool) -> Ptq:
    weights = correction.corrections(shop, one).read()["validation_accuracy"] if low else {}
    return msgspec.convert(correction.describe(shop, one) | {"weights": weights}, Ptq)
