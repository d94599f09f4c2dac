"""A bundle of a smoke student: what its manifest says, and the pictures of its self-test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.address import open_source, options_for
from edge.camera.source import Session
from edge.clock import SystemClock
from edge.model.bundle import Bundle
from edge.model.manifest import Cadence, Confirmation, Manifest, Threshold
from training.export import bundle, card
from training.smoke.export import Exported
from training.smoke.network import CELL_PX

NAME = "firetower-smoke"
VERSION = "0.1.0"
SELFTEST_FRAMES = 6
TOLERANCE_STEPS = 3.0
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
    return bundle.write(folder, manifest, models, card_text, selftest_frames())


def card_of(result: dict[str, Any]) -> str:
    """Write the card from the result of a training run, as `training.smoke.experiment` makes it."""
    return card.render(Path(__file__).with_name("card.md.jinja"), name=f"{NAME} {VERSION}", result=result)


def selftest_frames(count: int = SELFTEST_FRAMES) -> NDArray[np.uint8]:
    """Return frames of the built-in scene around its ignition, (count, 480, 640, 3) uint8: no camera's pictures."""
    source = open_source(options_for("scene:plume?frames=40"), Session(SystemClock()))
    pictures: Iterator[Any] = iter(source.read, None)
    frames = [picture.to_rgb() for picture in pictures]
    return np.stack([cv2.GaussianBlur(frame, (5, 5), 0) for frame in frames[-count:]])
