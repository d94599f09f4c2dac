"""The report: every figure of the experiment as JSON, and a page generated from that JSON alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import msgspec
import numpy as np

from training.classify import correction, measure, page, qat
from training.classify.measure import Row
from training.classify.significance import mcnemar, paired
from training.classify.step import Step
from training.classify.train import Run, Trained, Workshop
from training.provenance import commit, machine

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
FORMS = ("fp32", "int8-ptq", "int8-qat", "int4", "int4-litert", "int2", "mixed")


@dataclass(frozen=True, slots=True)
class Made:
    """The steps that the report speaks of.

    Attributes:
        networks: trained on labels alone, by name.
        soft: the ensemble's logits.
        students: by `PAIR/SEED`.
        rows: evaluated networks.
        times: of `latency.measure`.
        replayed: of `replayed.replay`.
    """

    networks: dict[str, Trained]
    soft: Step
    students: dict[str, Trained]
    rows: list[tuple[Row, Step]]
    times: Step
    replayed: Step


def collect(shop: Workshop, made: Made, watts_per_busy_core: float | None) -> dict[str, Any]:
    """Gather every figure and every raw value.

    Args:
        shop: images and recipe.
        made: everything that was made with them.
        watts_per_busy_core: for the modelled energy; None leaves it empty.
    """
    timed = measure.read(made.times)
    raw = [_raw(row, step, timed, watts_per_busy_core) for row, step in made.rows]
    soft = measure.read(made.soft)
    trained = {
        one.run.name: {"settings": _settings(one.run), **measure.read(one.made)}
        for one in [*made.networks.values(), *made.students.values()]
    }
    logits = {row.name: measure.test_logits(step) for row, step in made.rows}
    first = _first_students(shop, made)
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "command": f"python -m training cifar10 --recipe {shop.recipe.name}",
        "recipe": msgspec.to_builtins(shop.recipe),
        "images": {
            "training": len(shop.cifar10.training),
            "validation": len(shop.cifar10.validation),
            "test": len(shop.cifar10.test),
            "sha256": {
                name: getattr(shop.cifar10, name).sha256 for name in ("training", "validation", "test")
            },
        },
        "ensemble": soft,
        "energy": {
            "source": "unavailable" if watts_per_busy_core is None else "modelled:busy-core",
            "watts_per_busy_core": watts_per_busy_core,
        },
        "training": trained,
        "rows": raw,
        "latency": timed,
        "tests": _tests(shop, logits),
        "sensitivity": {
            one.run.name: measure.read(qat.sensitivity(shop, one.run, one.made)) for one in first
        },
        "ptq": {one.run.name: correction.describe(shop, one) for one in first},
        "replay": measure.read(made.replayed),
    }
    result["summary"] = summarise(result)
    return result


def _settings(run: Run) -> dict[str, Any]:
    return {
        "network": run.network,
        "stem": run.stem,
        "seed": run.seed,
        "training": msgspec.to_builtins(run.training),
        "distilled": run.taught is not None,
    }


def _raw(row: Row, step: Step, timed: dict[str, Any], watts: float | None) -> dict[str, Any]:
    """Describe one row; time and energy stay None where nothing ran."""
    record = measure.read(step)
    accuracy = record["accuracy"].get("litert", record["accuracy"].get("torch"))
    file = timed["files"].get(record.get("bundle"))
    latency_ms = None if file is None else file["median_ms"]
    role, _, rest = row.network.partition("-")
    group, _, seed = rest.rpartition("-") if role != "teacher" else (rest, "", "0")
    return {
        "role": role,
        "group": group,
        "seed": int(seed),
        "form": row.form,
        **record,
        "accuracy": record["accuracy"],
        "test_accuracy": accuracy,
        "latency_ms": latency_ms,
        "joules": None if latency_ms is None or watts is None else latency_ms / 1e3 * watts,
    }


def _tests(shop: Workshop, logits: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare each student with its baseline: McNemar a seed, a paired t-test over seeds."""
    labels, found = shop.cifar10.test.labels.numpy(), []
    for pair, settings in shop.recipe.pairs.items():
        for form in ("fp32", "int8-ptq", "int8-qat"):
            hits = {
                kind: [
                    logits[f"{kind}-{pair}-{seed}-{form}"].argmax(axis=1) == labels for seed in settings.seeds
                ]
                for kind in ("baseline", "student")
            }
            means = {kind: [float(np.mean(hit)) for hit in each] for kind, each in hits.items()}
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


def _first_students(shop: Workshop, made: Made) -> list[Trained]:
    """Return the students that got every form: the first seed of each pair with low-bit rows."""
    return [
        made.students[f"{pair}/{settings.seeds[0]}"]
        for pair, settings in shop.recipe.pairs.items()
        if settings.quantization.low_bit_seeds > 0
    ]


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


def write_page(result: dict[str, Any], path: Path) -> None:
    """Write the Markdown page and its plots, from the result alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plots = page.plot(result, path.with_suffix(""))
    path.write_text(page.render(result, [plot.relative_to(path.parent) for plot in plots]), encoding="utf-8")
