"""The report: every figure of the experiment as JSON, and a page generated from that JSON alone."""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.cifar10 import correction, qat
from training.cifar10.recipe import Recipe
from training.cifar10.report import measure, page, plot
from training.cifar10.report.form import FORMS
from training.cifar10.report.measure import Row
from training.cifar10.report.significance import mcnemar, paired
from training.cifar10.run import Run, Trained
from training.cifar10.workshop import Workshop
from training.step.provenance import commit, machine
from training.step.step import Step, write_whole

SCHEMA = "firetower.cifar10/1"
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


@dataclass(frozen=True, slots=True)
class Sources:
    """The steps that the report speaks of.

    Attributes:
        networks: trained on labels alone, by name.
        soft: the ensemble's logits.
        compared: of `logits.compare`.
        students: by `PAIR/SEED`.
        siblings: on which a pair's choices were made, by pair.
        rows: evaluated networks.
        times: of `latency.measure`.
        replayed: of `replayed.replay`.
    """

    networks: dict[str, Trained]
    soft: Step
    compared: Step
    students: dict[str, Trained]
    siblings: dict[str, Trained]
    rows: list[tuple[Row, Step]]
    times: Step
    replayed: Step


def collect(shop: Workshop, sources: Sources, options: argparse.Namespace) -> dict[str, Any]:
    """Gather every figure and every raw value.

    Args:
        shop: images and recipe.
        sources: everything that was made with them.
        options: of the command; `watts_per_busy_core` models energy where there was no sensor.
    """
    watts, timed = options.watts_per_busy_core, sources.times.read()
    modelled = "unavailable" if watts is None else "modelled:busy-core"
    trained = {
        one.run.name: {"settings": _settings(one.run), **one.step.read()}
        for one in [*sources.networks.values(), *sources.students.values()]
    }
    cifar10 = shop.cifar10
    labels = cifar10.test.labels.numpy()
    splits = {"training": cifar10.training, "validation": cifar10.validation, "test": cifar10.test}
    low = {
        pair: sources.siblings[pair]
        for pair, settings in shop.recipe.pairs.items()
        if settings.quantization.low_bit_seeds > 0
    }
    choices = [
        step
        for one in low.values()
        for step in (
            qat.sensitivity(shop, one, qat.best_method(shop, one)),
            correction.corrections(shop, one),
        )
    ]
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "commits": sorted({_commit(step) for step in [*_steps(sources), *choices]}),
        "machine": machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "command": _command(options),
        "recipe": msgspec.to_builtins(shop.recipe),
        "images": {name: {"count": len(images), "sha256": images.sha256} for name, images in splits.items()},
        **_teaching(shop.recipe, sources),
        "siblings": {pair: one.run.name for pair, one in sources.siblings.items()},
        "energy": {"source": timed.get("sensor", modelled), "watts_per_busy_core": watts},
        "training": trained,
        "qat": {
            step.name: step.read()
            for row, _ in sources.rows
            if row.form != "fp32" and row.calibration is None
            for step in row.source
        },
        "rows": [_raw(row, step, labels, timed, watts) for row, step in sources.rows],
        "latency": timed,
        "tests": _tests(shop, {row.name: measure.test_logits(step) for row, step in sources.rows}),
        "sensitivity": {
            pair: {
                "network": one.run.name,
                **qat.sensitivity(shop, one, qat.best_method(shop, one)).read(),
            }
            for pair, one in low.items()
        },
        "ptq": {
            pair: correction.describe(shop, one)
            | (
                {"weights": correction.corrections(shop, one).read()["validation_accuracy"]}
                if pair in low
                else {}
            )
            for pair, one in sources.siblings.items()
        },
        "replay": sources.replayed.read(),
    }
    result["summary"] = summarise(result)
    return result


def _teaching(recipe: Recipe, sources: Sources) -> dict[str, Any]:
    """Describe ensemble and teachers, by the names that this recipe has for them: another may have made the steps."""
    members = [sources.networks[name].run for name in recipe.members]
    others = [sources.networks[name].run for name in recipe.teachers if name not in recipe.members]
    soft, compared = sources.soft.read(), sources.compared.read()
    if compared["validation_accuracy"] is not None:
        compared["members"] = [run.name for run in members if run.split == "training"]
        added = zip(others, compared["with"].values(), strict=True)
        compared["with"] = {run.name: accuracy for run, accuracy in added}
    return {"ensemble": soft | {"members": [run.name for run in members]}, "teachers": compared}


def _commit(step: Step) -> str:
    """Return the commit that a step was made with."""
    return str(step.read()["made"]["commit"] or "unrecorded")


def _steps(sources: Sources) -> list[Step]:
    """Return the steps that figures come from, choices of the low bits apart."""
    networks = [*sources.networks.values(), *sources.students.values()]
    return [
        sources.soft,
        sources.compared,
        sources.times,
        sources.replayed,
        *(one.step for one in networks),
        *(step for row, measured in sources.rows for step in (measured, *row.source)),
    ]


def _command(options: argparse.Namespace) -> str:
    """Return the command line without the folders of this machine."""
    words = ["python -m training cifar10 --recipe", Path(options.recipe).stem]
    words += ["--data DIR"] if options.data is not None else []
    words += ["--compile"] if options.compile else []
    watts = options.watts_per_busy_core
    words += [] if watts is None else [f"--watts-per-busy-core {watts:g}"]
    words += [f"--{name} FILE" for name in ("result", "page") if getattr(options, name) is not None]
    return " ".join(words)


def _settings(run: Run) -> dict[str, Any]:
    return {
        "network": run.network,
        "stem": run.stem,
        "seed": run.seed,
        "training": msgspec.to_builtins(run.training),
        "distilled": run.taught is not None,
        "split": run.split,
    }


def _raw(
    row: Row, step: Step, labels: NDArray[np.int64], timed: dict[str, Any], watts: float | None
) -> dict[str, Any]:
    """Describe one row; time and energy stay None where nothing ran.

    `hits` are the images that were right, a bit each in their order (the first is the highest of its byte), base64.
    """
    record, hits = step.read(), measure.test_logits(step).argmax(axis=1) == labels
    file = timed["files"].get(record.get("bundle"))
    latency_ms = None if file is None else file["median_ms"]
    if "sensor" in timed:
        source, joules = timed["sensor"], timed["joules"].get(record.get("bundle"))
    else:
        source = "modelled:busy-core"
        joules = None if latency_ms is None or watts is None else latency_ms / 1e3 * watts
    return {
        **record,
        "role": row.role,
        "group": row.group,
        "seed": row.one.run.seed,
        "form": row.form,
        "calibration": row.calibration,
        "hits": base64.b64encode(np.packbits(hits)).decode(),
        "test_accuracy": record["accuracy"].get("litert", record["accuracy"].get("torch")),
        "latency_ms": latency_ms,
        "joules": joules,
        "joules_source": None if joules is None else source,
    }


def _tests(shop: Workshop, logits: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare each student with its baseline: McNemar a seed, a paired t-test over seeds."""
    labels, found = shop.cifar10.test.labels.numpy(), []
    for pair, settings in shop.recipe.pairs.items():
        for form in (form for form, facts in FORMS.items() if facts.compared):
            hits = {
                role: [
                    logits[f"{role}-{pair}-{seed}-{form}"].argmax(axis=1) == labels for seed in settings.seeds
                ]
                for role in ("baseline", "student")
            }
            means = {role: [float(np.mean(hit)) for hit in each] for role, each in hits.items()}
            found.append(
                {
                    "pair": pair,
                    "form": form,
                    "gain": [s - b for b, s in zip(means["baseline"], means["student"], strict=True)],
                    "mcnemar": [
                        mcnemar(b, s) for b, s in zip(hits["baseline"], hits["student"], strict=True)
                    ],
                    "paired": paired(means["baseline"], means["student"]),
                }
            )
    return found


def summarise(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line for each role, group and form: mean and spread over its seeds.

    `accuracy_sd` is the sample's standard deviation, None for one seed.
    """
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in result["rows"]:
        groups.setdefault((row["role"], row["group"], row["form"]), []).append(row)
    lines = []
    for (role, group, form), rows in groups.items():
        accuracies = [row["test_accuracy"] for row in rows]
        times = [row["latency_ms"] for row in rows if row["latency_ms"] is not None]
        joules = [row["joules"] for row in rows if row["joules"] is not None]
        lines.append(
            {
                "role": role,
                "group": group,
                "form": form,
                "ran": rows[0]["ran"],
                "seeds": len(rows),
                "accuracy": mean(accuracies),
                "accuracy_sd": stdev(accuracies) if len(rows) > 1 else None,
                "bytes": round(mean(row["bytes"] for row in rows)),
                "macs": rows[0]["macs"],
                "latency_ms": mean(times) if times else None,
                "joules": mean(joules) if joules else None,
                "agreement": min(
                    (r["agreement"]["predictions"] for r in rows if "agreement" in r), default=None
                ),
            }
        )
    return lines


def write_page(result: dict[str, Any], path: Path, source: Path | None) -> None:
    """Write the Markdown page and its plots, from the result alone.

    Args:
        result: as `collect` made it.
        path: of the page; the plots come into a folder of its name.
        source: where the result was written, to be linked to.
    """
    plots = plot.draw(result, path.with_suffix(""))
    shown = [drawn.relative_to(path.parent) for drawn in plots]
    link = None if source is None else Path(os.path.relpath(source, path.parent))
    text = page.render(result, shown, link)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
