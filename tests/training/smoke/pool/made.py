"""Sequences that one could have taken: a sky, a ridge and land, with noise; in one of them a square of smoke."""

from pathlib import Path

import cv2
import numpy as np

from scoring.truth import TruthFrame, TruthSequence
from tests.firmware_sim.scene.conftest import drawn
from training.gate.stream import Part

NOON = 1_560_880_800  # 2019-06-18, about eleven in the morning in San Diego
BOX = (100.0, 60.0, 140.0, 90.0)


def part(folder: Path, name: str, *, quiet: int = 26, smoke: int = 0, camera="hpwren:a", group="g") -> Part:
    """Write a sequence; each frame has a noise of its own."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    base, frames, paths = drawn(), [], []
    for index in range(quiet + smoke):
        rng = np.random.default_rng((index, *name.encode()))
        pixels = base.astype(np.float32) + rng.normal(0, 1, base.shape)
        boxes = (BOX,) if index >= quiet else ()
        if boxes:
            pixels[60:90, 100:140] = 190
        file = f"{name}/{index:03}.png"
        cv2.imwrite(str(folder / file), np.clip(pixels, 0, 255).astype(np.uint8)[..., ::-1])
        label = "smoke" if boxes else "no_smoke"
        frames.append(TruthFrame(file, label, NOON + 60.0 * index, None, boxes))
        paths.append(folder / file)
    ignition = NOON + 60.0 * quiet - 30 if smoke else None
    truth = TruthSequence(
        name, camera, name, group, 320, 240, tuple(frames), ignition, box_annotated=bool(smoke)
    )
    return Part(truth, tuple(paths))
