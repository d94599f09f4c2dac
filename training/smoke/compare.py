"""How far the scores of smoke bundles are apart on the same frames, through the daemon's own pipeline."""

from __future__ import annotations

import argparse
import datetime as dt
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from edge.model.loaded import Model, load_model
from edge.model.selftest import step
from training.smoke.data.read import Dataset, read
from training.smoke.data.split import split
from training.smoke.evaluate import Measured, measure, parity
from training.step.provenance import commit, machine
from training.step.step import write_json


def handle(options: argparse.Namespace) -> int:
    """Score every bundle, compare each two; return the exit code."""
    if len(options.bundles) < 2:
        raise ValueError("compare-smoke needs two bundles or more")
    models = {folder.name: load_model(folder) for folder in options.bundles}
    if len(models) < len(options.bundles):
        raise ValueError("bundles are told apart by the names of their folders; give them different ones")
    first = next(iter(models.values()))
    stated = first.bundle.manifest.provenance.get("validation_groups", ())
    groups = options.validation_groups.split(",") if options.validation_groups else stated
    dataset = read(options.data)
    _, sequences = split(dataset.sequences, groups)
    runs = {name: measure(model, dataset.folder, sequences, name) for name, model in models.items()}
    pairs = {f"{a} {b}": _apart(first, runs[a], runs[b]) for a, b in combinations(runs, 2)}
    if options.result is not None:
        write_json(options.result, _describe(dataset, groups, models, runs) | {"pairs": pairs})
    print(msgspec.json.encode({"pairs": pairs}).decode())
    return 0


def _apart(model: Model, a: Measured, b: Measured) -> dict[str, Any]:
    """Compare two runs over all frames, and over those of each sequence."""
    unit, sequences = step(model.bundle.manifest), {}
    for name in a.maps:
        steps = np.abs(a.maps[name] - b.maps[name]) / unit
        sequences[name] = {"steps_max": float(steps.max()), "steps_mean": float(steps.mean())}
    return {**parity(model, a, b), "sequences": sequences}


def _describe(
    dataset: Dataset, groups: list[str], models: dict[str, Model], runs: dict[str, Measured]
) -> dict[str, Any]:
    """Describe what was scored; `peaks` are each frame's largest score, in steps of the first bundle's scores."""
    unit = step(next(iter(models.values())).bundle.manifest)
    return {
        "schema": "firetower.smoke-compare/1",
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "data": {"sequences_json_sha256": dataset.digest},
        "validation_groups": list(groups),
        "bundles": {
            name: {"sha256": model.bundle.digest, "provenance": model.bundle.manifest.provenance}
            for name, model in models.items()
        },
        "peaks": {
            name: {
                sequence: np.round(maps.max(axis=(1, 2, 3)) / unit, 3).tolist()
                for sequence, maps in run.maps.items()
            }
            for name, run in runs.items()
        },
    }
