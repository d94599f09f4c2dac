"""`python -m training smoke`: from a folder of tower sequences to the bundle that a tower runs.

Features once by the frozen backbone → inner folds choose the threshold → one head on all training groups → export
and quantization → the bundle, measured on validation groups that nothing above has seen.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import logging
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import torch

from edge.counter.drops import Balance
from edge.model.bundle import Bundle, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.loaded import Model, load_model
from edge.model.manifest import MANIFEST_NAME, Manifest, Threshold
from scoring import truth
from scoring.summary import Summary, summarise
from scoring.truth import TruthSequence
from training.network.lite0 import imagenet_backbone
from training.smoke.assemble import Exported, build, export, manifest_of, onnx_spec, tflite_spec
from training.smoke.card import render
from training.smoke.dataset import choose_groups, folds, load_examples, split
from training.smoke.evaluate import measure, parity
from training.smoke.export import INPUT_NAMES, OUTPUT_NAMES
from training.smoke.head import Example, Recipe, score_maps, train
from training.smoke.network import FEATURES, Head, Student
from training.smoke.threshold import Choice, Maps, choose
from training.step.provenance import commit, processor

logger = logging.getLogger(__name__)

NAME = "firetower-smoke"
VERSION = "0.1.0"
INNER_FOLDS = 3
FALSE_ALARMS_PER_HOUR = 1.0
PACKAGES = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert", "onnx", "onnxruntime", "numpy")


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's own type is private
    """Add the command's parser."""
    parser = commands.add_parser(
        "smoke",
        help="train, quantize and measure the smoke model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with sequences.json")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the bundle; an older one is replaced"
    )
    parser.add_argument("--result", type=Path, metavar="FILE", help="figures and raw values as JSON")
    parser.add_argument("--work", type=Path, default=Path(".work/smoke"), help="caches; resumes from here")
    parser.add_argument(
        "--validation-groups", metavar="G,G", help="held-out groups; chosen by size if absent"
    )
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="of the optimizer (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run the whole pipeline; return the exit code."""
    if options.out.exists() and not (options.out / MANIFEST_NAME).is_file():
        raise ValueError(
            f"--out {options.out}: exists and is no bundle; it would be replaced, so name another folder"
        )
    recipe = Recipe(steps=options.steps, seed=options.seed)
    sequences = truth.read(options.data)
    groups = options.validation_groups.split(",") if options.validation_groups else choose_groups(sequences)
    training, validation = split(sequences, groups)
    logger.info(
        "training on %d sequences, validating on %d (%s)", len(training), len(validation), ", ".join(groups)
    )
    backbone = imagenet_backbone()
    blank = _blank_manifest()
    loaded = load_examples(options.data, training, backbone, blank, options.work / "features")
    examples = {example.name: example for example in loaded}
    choice = _choose(training, examples, recipe, blank, options.work / "heads")
    logger.info("threshold %s", choice.threshold)
    student = Student(backbone, _train(list(examples.values()), recipe, options.work / "heads"))
    exported = export(student, options.data, training, blank, options.work / "export")
    result = _describe(options, recipe, groups, training, validation, choice, exported)
    with tempfile.TemporaryDirectory() as folder:
        draft = _bundle(Path(folder) / "draft", exported, choice.threshold, result, {}, "draft")
        measured = _measure(draft, exported, options.data, validation)
    result |= measured
    metrics = {
        "method": "scoring.score on held-out camera groups",
        "validation": measured["int8"]["summary"],
    }
    card = render(NAME, VERSION, result)
    bundle = _bundle(options.out, exported, choice.threshold, result, metrics, card)
    result["bundle_sha256"] = bundle.digest
    if options.result is not None:
        options.result.parent.mkdir(parents=True, exist_ok=True)
        options.result.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    logger.info("wrote %s", options.out)
    print(msgspec.json.encode({"bundle": str(options.out), "int8": measured["int8"]["summary"]}).decode())
    return 0


def _blank_manifest() -> Manifest:
    """Return what preprocessing needs to know before there is a model."""
    return manifest_of(NAME, VERSION, Threshold(open=0.0, keep=0.0), {})


def _train(examples: Sequence[Example], recipe: Recipe, cache: Path) -> Head:
    """Train a head, or recall the one of the same recipe and examples; with one thread: a second costs more."""
    key = hashlib.sha256(repr(recipe).encode())
    for source in ("head.py", "network.py"):
        key.update(Path(__file__).with_name(source).read_bytes())
    for example in sorted(examples, key=lambda example: example.name):
        key.update(example.name.encode())
        for part in (example.features, example.change, example.positive, example.negative):
            key.update(part.numpy().tobytes())
    cached = cache / f"{key.hexdigest()[:32]}.pt"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if not cached.exists():
            cache.mkdir(parents=True, exist_ok=True)
            partial = cached.with_suffix(".part")
            torch.save(train(examples, recipe).state_dict(), partial)
            partial.rename(cached)
    finally:
        torch.set_num_threads(threads)
    head = Head(torch.ones(FEATURES), recipe.channels, recipe.width)
    head.load_state_dict(torch.load(cached, weights_only=True))
    return head.eval().requires_grad_(requires_grad=False)


def _choose(
    training: Sequence[TruthSequence],
    examples: dict[str, Example],
    recipe: Recipe,
    manifest: Manifest,
    cache: Path,
) -> Choice:
    """Score each training group by a head that has not seen it, and choose the threshold on that."""
    maps: dict[str, Any] = {}
    for held in folds([sequence.group for sequence in training], INNER_FOLDS):
        head = _train([e for e in examples.values() if e.group not in held], recipe, cache)
        for example in examples.values():
            if example.group in held:
                maps[example.name] = score_maps(head, example.features, example.change)
        logger.info("inner fold without %s is scored", ", ".join(held))
    stored: Maps = maps
    return choose(training, stored, manifest.confirmation, FALSE_ALARMS_PER_HOUR)


def _bundle(
    folder: Path,
    exported: Exported,
    threshold: Threshold,
    result: dict[str, Any],
    metrics: dict[str, Any],
    card: str,
) -> Bundle:
    contents = {
        "model.tflite": exported.int8_tflite,
        "model.onnx": exported.uint8_onnx,
        "card.md": card.encode(),
    }
    files = {
        "model.tflite": tflite_spec(exported.int8_tflite),
        "model.onnx": onnx_spec(exported.uint8_onnx),
        "card.md": file_spec(contents["card.md"]),
    }
    provenance = {
        key: result[key] for key in ("date", "commit", "data", "recipe", "validation_groups", "licence")
    }
    manifest = manifest_of(
        NAME,
        VERSION,
        threshold,
        files,
        calibration_sha256=exported.calibration_sha256,
        metrics=metrics,
        provenance=provenance,
    )
    return build(folder, manifest, contents)


def _measure(
    draft: Bundle, exported: Exported, data: Path, validation: Sequence[TruthSequence]
) -> dict[str, Any]:
    """Measure the INT8 files and their float twin on the validation groups, and compare them."""
    names = {f"serving_default_args_{i}": name for i, name in enumerate(INPUT_NAMES)}
    names |= {f"serving_default_output_{i}_output": name for i, name in enumerate(OUTPUT_NAMES)}
    float_manifest = msgspec.structs.replace(
        draft.manifest, files={"model.tflite": tflite_spec(exported.float_tflite, names)}
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
    options: argparse.Namespace,
    recipe: Recipe,
    groups: Sequence[str],
    training: Sequence[TruthSequence],
    validation: Sequence[TruthSequence],
    choice: Choice,
    exported: Exported,
) -> dict[str, Any]:
    digest = hashlib.sha256((options.data / truth.FILE_NAME).read_bytes()).hexdigest()
    return {
        "schema": "firetower.smoke/1",
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {
            "processor": processor(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "packages": {name: version(name) for name in PACKAGES},
        "command": f"python -m training smoke --validation-groups {','.join(groups)} "
        f"--steps {recipe.steps} --seed {recipe.seed}",
        "data": {"sequences_json_sha256": digest, "sequences": len(training) + len(validation)},
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
