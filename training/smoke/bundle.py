"""A bundle of a smoke student: what its manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.model.bundle import Bundle
from edge.model.manifest import Cadence, Confirmation, Manifest, Threshold
from training.export import bundle, card
from training.smoke.export import Exported
from training.smoke.network import CELL_PX

NAME = "firetower-smoke"
VERSION = "0.1.0"
TOLERANCE_STEPS = 3.0
PACKAGES = (
    "torch",
    "litert-torch",
    "ai-edge-quantizer",
    "ai-edge-litert",
    "onnx",
    "onnxruntime",
    "numpy",
)  # that a result names the versions of
CADENCE = Cadence(min_s=50, default_s=60, max_s=200)  # what the training sequences have


def manifest_of(threshold: Threshold, **more: Any) -> Manifest:  # noqa: ANN401
    """State what every smoke student of ours has in common; the files are added when it is written."""
    return Manifest(
        schema="1.0",
        name=NAME,
        version=VERSION,
        task="cells",
        kind="logits",
        labels=("smoke",),
        files={},
        cell_stride_px=CELL_PX,
        thresholds={"smoke": threshold},
        confirmation=Confirmation(hits=3, window=4, close_after=10),
        cadence=CADENCE,
        state_gap_s=900.0,
        tolerance_steps=TOLERANCE_STEPS,
        **more,
    )


def write(folder: Path, manifest: Manifest, exported: Exported, card_text: str) -> Bundle:
    """Write a bundle, self-test included; an older one of that name is replaced."""
    models = {"model.tflite": exported.int8_tflite, "model.onnx": exported.uint8_onnx}
    return bundle.write(folder, manifest, models, card_text)


def card_of(result: dict[str, Any]) -> str:
    """Write the card from the result of a training run, as `training.smoke.experiment` makes it."""
    return card.render(Path(__file__).with_name("card.md.jinja"), name=f"{NAME} {VERSION}", result=result)
