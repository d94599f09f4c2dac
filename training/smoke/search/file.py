"""The step that exports an architecture with an untrained head, and says what its INT8 file costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
import torch

from edge.model.manifest import Threshold
from training.smoke.bundle import manifest_of
from training.smoke.export import TFLITE
from training.smoke.lesson.example import statistics
from training.smoke.lesson.recipe import Opened
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.train import alone, shape_of, train_quantized
from training.smoke.network import BACKGROUND_RATE
from training.smoke.pool import picture
from training.smoke.search import cost
from training.smoke.search.cost import Timed
from training.smoke.side import MADE_OF, made_of_step
from training.smoke.student.calibration import Framed, calibrate
from training.smoke.student.export import Exporter
from training.smoke.student.head import Head
from training.step.step import Step, digests

METHODS = {"search": 1}
FEW = 2  # sequences with boxes, and as many without, whose frames set the ranges


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a file costs.

    Attributes:
        sha256: of the file.
        bytes: of the file.
        macs: multiply-accumulates of an inference.
        timed: beside the reference.
    """

    sha256: str
    bytes: int
    macs: int
    timed: Timed


def cost_of(opened: Opened, setting: Setting) -> Cost:
    """Export an architecture and time it, or find that done.

    Args:
        opened: a side.
        setting: the architecture.

    Raises:
        ValueError: no sequence has boxes, or none frames without.
    """
    step = exported(opened, setting)
    return msgspec.convert(step.read()["cost"], Cost)


def exported(opened: Opened, setting: Setting) -> Step:
    """Return the step that has the file, `model.tflite`; arguments and errors as `cost_of`."""
    few = _few(opened)
    examples = [one.example for one in few]
    inputs = {
        "backbone": opened.network.step.key,
        "head": asdict(shape_of(examples, setting)),
        "rate": BACKGROUND_RATE,
        "of": [example.sha256 for example in examples],
        "reference": cost.reference().digest,
        "runs": cost.RUNS,
    }
    step = opened.side.shop.step("search", f"search-{opened.network.name}", inputs)
    opened.side.shop.once(step, lambda: _make(step, opened, few, setting))
    return opened.side.take(step, "calibration")


def _few(opened: Opened) -> list[Framed]:
    """Return a few sequences of the side, those with boxes first."""
    pairs = list(zip(opened.sequences, opened.examples, strict=True))
    chosen = [
        pair
        for boxed in (True, False)
        for pair in [pair for pair in pairs if bool(pair[1].positive.any()) is boxed][:FEW]
    ]
    return [Framed(example, picture.paths(one.pictures, one.variant)) for one, example in chosen]


def _make(step: Step, opened: Opened, few: Sequence[Framed], setting: Setting) -> dict[str, Any]:
    examples = [one.example for one in few]
    untaught = replace(setting, quantized_share=0.0, seed=0)  # its ranges are observed, no step is made
    with alone():
        torch.manual_seed(untaught.seed)
        head = Head(shape_of(examples, setting), statistics(examples)).eval()
    quantized = train_quantized(head, examples, untaught, step.folder)
    manifest = manifest_of(Threshold(open=0.0, keep=0.0))
    calibration = calibrate(quantized, few, manifest, BACKGROUND_RATE)
    exporter = Exporter(opened.network, quantized, BACKGROUND_RATE, step.folder)
    exporter.write_tflite()
    model = exporter.quantize_tflite(calibration.samples)
    exporter.tflite.unlink()
    (step.folder / TFLITE).write_bytes(model)
    files = digests(step.folder, TFLITE)
    found = Cost(
        sha256=files[TFLITE], bytes=len(model), macs=cost.macs(model), timed=cost.time(model, cost.RUNS)
    )
    made_of = made_of_step(opened.network.step).union(
        calibration.pictures, *(example.made_of for example in examples)
    )
    return {"files": files, "cost": msgspec.to_builtins(found), MADE_OF: sorted(made_of)}
