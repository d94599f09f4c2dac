"""The smoke experiment: from a folder of tower sequences to the bundle that a tower runs.

Features once by the frozen backbone → inner folds choose the threshold → one head on all training groups → export
and quantization → the bundle, measured on validation groups that nothing above has seen. All but the measuring are
steps.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from edge.counter.drops import Balance
from edge.model.bundle import Bundle, write_bundle
from edge.model.load import load_runtime
from edge.model.loaded import Model, load_model
from edge.model.manifest import MANIFEST_NAME, Manifest, Threshold
from edge.scratch import temporary_folder
from scoring.summary import Summary, summarise
from scoring.truth import TruthSequence
from training.export.spec import tflite_spec
from training.gate.stream import TRAINED_ON
from training.smoke.bundle import PACKAGES, card_of, manifest_of, write
from training.smoke.data import split as sides
from training.smoke.data.read import Dataset, read
from training.smoke.data.split import choose_groups, split
from training.smoke.evaluate import measure, parity
from training.smoke.export import TFLITE_NAMES, Exported
from training.smoke.make import FALSE_ALARMS_PER_HOUR, make
from training.smoke.recipe import Recipe
from training.smoke.side import TrainingSide, parts_of, pictures_of
from training.smoke.threshold import Choice
from training.smoke.train import METHODS
from training.step.provenance import commit, machine
from training.step.step import write_json
from training.step.workshop import Workshop

logger = logging.getLogger(__name__)


def handle(options: argparse.Namespace) -> int:
    """Run the whole pipeline; return the exit code."""
    if options.out.exists() and not (options.out / MANIFEST_NAME).is_file():
        raise ValueError(
            f"--out {options.out}: exists and is no bundle; it would be replaced, so name another folder"
        )
    shop = Workshop(options.work, METHODS)
    if not shop.leave():
        return 0
    recipe = Recipe(steps=options.steps, seed=options.seed)
    dataset = read(options.data)
    data, sequences = dataset.folder, dataset.sequences
    groups = options.validation_groups.split(",") if options.validation_groups else choose_groups(sequences)
    training, validation = split(sequences, groups)
    logger.info(
        "training on %d sequences, validating on %d (%s)", len(training), len(validation), ", ".join(groups)
    )
    side = TrainingSide(
        shop, parts_of(dataset, training), pictures_of(parts_of(dataset, validation)), options.out
    )
    made = make(side, recipe)
    choice, exported = made.choice, made.exported
    result = _describe(dataset, recipe, groups, training, validation, choice, exported)
    result[TRAINED_ON] = side.trained_on
    manifest = _manifest(exported, choice.threshold, result, {})
    with temporary_folder("draft-") as folder:
        draft = write(folder / "draft", manifest, exported, "draft")
        measured = _measure(draft, exported, data, validation)
    result |= measured
    metrics = {
        "method": "scoring.score on held-out camera groups",
        "validation": measured["int8"]["summary"],
    }
    manifest = _manifest(exported, choice.threshold, result, metrics)
    bundle = write(options.out, manifest, exported, card_of(result))
    result["bundle_sha256"] = bundle.digest
    if options.result is not None:
        write_json(options.result, result)
    logger.info("wrote %s", options.out)
    print(msgspec.json.encode({"bundle": str(options.out), "int8": measured["int8"]["summary"]}).decode())
    return 0


def _manifest(
    exported: Exported, threshold: Threshold, result: dict[str, Any], metrics: dict[str, Any]
) -> Manifest:
    stated = ("date", "commit", "data", "recipe", "validation_groups", "licence", TRAINED_ON)
    return manifest_of(
        threshold,
        calibration_sha256=exported.calibration_sha256,
        metrics=metrics,
        provenance={key: result[key] for key in stated},
    )


def _measure(
    draft: Bundle, exported: Exported, data: Path, validation: Sequence[TruthSequence]
) -> dict[str, Any]:
    """Measure the INT8 files and their float twin on the validation groups, and compare them."""
    float_manifest = msgspec.structs.replace(
        draft.manifest,
        files={"model.tflite": tflite_spec(exported.float_tflite, TFLITE_NAMES)},
        selftest=None,  # its scores are not kept
    )
    float_bundle = write_bundle(
        draft.folder.with_name("float"), float_manifest, {"model.tflite": exported.float_tflite}
    )
    int8 = load_model(draft.folder)
    onnx = Model(draft, draft.model_file("onnx")[1], load_runtime(draft, "onnx"))
    runs = {
        "int8": measure(int8, data, validation, "INT8"),
        "int8_onnx": measure(onnx, data, validation, "INT8, ONNX"),
        "float": measure(load_model(float_bundle.folder), data, validation, "float"),
    }
    agreement = parity(int8, runs["int8"], runs["int8_onnx"])
    if agreement["steps_max"] > draft.manifest.tolerance_steps:
        raise ValueError(f"the two files differ by {agreement['steps_max']:.1f} steps; see tolerance_steps")
    report: dict[str, Any] = {
        name: {
            "summary": _plain(summarise(run.results)),
            "frames": _plain(run.account.balance()),
            "sequences": [msgspec.to_builtins(result) for result in run.results],
        }
        for name, run in runs.items()
    }
    report["int8_onnx"].pop("sequences")
    report["parity"] = {"tflite_onnx": agreement, "int8_float": parity(int8, runs["int8"], runs["float"])}
    return report


def _plain(record: Summary | Balance) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain


def _describe(
    dataset: Dataset,
    recipe: Recipe,
    groups: Sequence[str],
    training: Sequence[TruthSequence],
    validation: Sequence[TruthSequence],
    choice: Choice,
    exported: Exported,
) -> dict[str, Any]:
    return {
        "schema": "firetower.smoke/1",
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "packages": {name: version(name) for name in PACKAGES},
        "command": f"python -m training smoke --validation-groups {','.join(groups)} "
        f"--steps {recipe.steps} --seed {recipe.seed}",
        "data": {"sequences_json_sha256": dataset.digest, "sequences": len(training) + len(validation)},
        "corrected_frames": dataset.corrected,
        "split": sides.record({"training": training, "validation": validation}),
        "licence": "non-commercial; credit AI For Mankind and HPWREN (see the card)",
        "recipe": asdict(recipe),
        "trials": 1,
        "training_groups": sorted({sequence.group for sequence in training}),
        "validation_groups": sorted(groups),
        "threshold": {
            "rule": f"lowest with at most {FALSE_ALARMS_PER_HOUR} false alarms an hour, inner folds of training groups",
            "open": choice.threshold.open,
            "keep": choice.threshold.keep,
            "inner_folds": _plain(choice.summary),
        },
        "bytes": {
            "int8_tflite": len(exported.int8_tflite),
            "uint8_onnx": len(exported.uint8_onnx),
            "float_tflite": len(exported.float_tflite),
        },
    }
