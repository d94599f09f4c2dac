"""The best INT8 student as a user would try it: `firetower replay` over a folder of the test images."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2

from edge.scratch import temporary_folder
from training.cifar10.data import LABELS
from training.cifar10.report.measure import BUNDLE
from training.cifar10.workshop import Workshop
from training.distill.images import Images
from training.step.step import Step

logger = logging.getLogger(__name__)


def replay(shop: Workshop, measured: Step) -> Step:
    """Replay the bundle of a measured row over the test images as PNG files, or find that done.

    Raises:
        ValueError: the command failed; its own last line.
    """
    record = measured.read()
    step = shop.step("replay", "replay", {"bundle": record.get("bundle"), "test": shop.cifar10.test.sha256})
    return shop.once(
        step, lambda: {"name": measured.name, **_replayed(shop.cifar10.test, measured.folder / BUNDLE)}
    )


def _replayed(test: Images, bundle: Path) -> dict[str, Any]:
    logger.info("replay of %s over %d images", bundle.parent.name, len(test))
    with temporary_folder("replay-") as folder:
        write_folder(test, folder)
        options = ["--bundle", bundle, "--frames", "--every-picture", "--image-cadence-s", "1"]
        command = [sys.executable, "-m", "edge", "replay", *map(str, options), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise ValueError(f"{bundle}: firetower replay failed: {said}")
    frames = [line["frame"] for line in map(json.loads, done.stdout.splitlines()) if "frame" in line]
    right = sum(frame["name"].partition("_")[2] == f"{frame['label']}.png" for frame in frames)
    return {"frames": len(frames), "accuracy": right / len(test)}


def write_folder(images: Images, folder: Path) -> None:
    """Write images as `00000_frog.png`, in order."""
    for number, (pixels, label) in enumerate(zip(images.frames(), images.labels.tolist(), strict=True)):
        cv2.imwrite(str(folder / f"{number:05}_{LABELS[label]}.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
