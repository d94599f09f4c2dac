"""A model and sequences made by hand, for the gate's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.model.alert import AlertRule
from edge.model.bundle import Bundle
from edge.model.loaded import Model
from edge.model.manifest import Manifest
from edge.model.runtime import Inference, State, Tensor
from scoring.truth import TruthSequence, decode
from tests.test_replay import MANIFEST as PLAIN
from tests.test_replay import SIZE_PX as SIDE_PX
from tests.test_replay import SPEC

EPOCH = 1_700_000_000
MANIFEST = msgspec.structs.replace(
    PLAIN, schema="1.2", alert=AlertRule(persistence_s=120.0, escalate_s=1800.0)
)


class BrightRuntime:
    """A cell's score is how far its mean is above 150, in tens; it counts how often it was asked.

    If it tells a condition, that is how dark the darkest cell is, below 60.
    """

    name = "litert"

    def __init__(self, *, tells: bool = False) -> None:
        self.asked = 0
        self._tells = tells

    def zero_state(self) -> State:
        return ()

    def infer(self, write_frame: Callable[[Tensor], None], state: State) -> Inference:
        self.asked += 1
        buffer = np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8)
        write_frame(buffer)
        cells = buffer[0].mean(axis=2).reshape(4, 16, 4, 16).mean(axis=(1, 3))
        night = np.float32([1 / (1 + np.exp(float(cells.min()) - 60))]) if self._tells else None
        return Inference(((cells - 150) / 10).astype(np.float32)[..., None], state, 1, night)


def model(manifest: Manifest = MANIFEST):
    """Return a loaded model without a file."""
    here = Path(__file__).parent
    return Model(Bundle(here, here, manifest, "d" * 64), SPEC, BrightRuntime(tells=bool(manifest.conditions)))


def picture(
    number: int, bright: tuple[int, int] | None = None, level: int = 90, size: int = SIDE_PX
) -> np.ndarray:
    """A noisy grey picture, one cell of a 4 × 4 grid white; no two numbers give the same."""
    pixels = np.random.default_rng(number).integers(level - 5, level + 5, (size, size, 3)).astype(np.uint8)
    if bright is not None:
        row, col = bright
        cell = size // 4
        pixels[row * cell : (row + 1) * cell, col * cell : (col + 1) * cell] = 230
    return pixels


def damaged(size: int) -> bytes:
    """A PNG with its head and its end, whose middle cannot be decoded."""
    data = bytearray(cv2.imencode(".png", picture(0, size=size))[1].tobytes())
    data[60:-60] = bytes(len(data) - 120)
    return bytes(data)


def write(
    folder: Path,
    name: str,
    labels: str,
    pictures: list[np.ndarray | None],
    *,
    begin: int = EPOCH,
    step_s: int = 60,
    **more: object,
) -> dict:
    """Write one sequence's pictures, None is a corrupt one; return its truth, smoke boxed in the upper left cell."""
    (folder / name).mkdir(parents=True)
    full = {"n": "no_smoke", "u": "uncertain", "s": "smoke", "x": "unlabelled"}
    frames = []
    size = next(p.shape[0] for p in pictures if p is not None)
    for index, (letter, pixels) in enumerate(zip(labels, pictures, strict=True)):
        file = f"{name}/{index:03}.png"
        if pixels is None:
            (folder / file).write_bytes(damaged(size))
        else:
            cv2.imwrite(str(folder / file), pixels[:, :, ::-1])
        boxes = [[0, 0, size // 4, size // 4]] if letter == "s" else []
        frames.append({"file": file, "epoch": begin + index * step_s, "label": full[letter], "boxes": boxes})
    burning = next((i for i, letter in enumerate(labels) if letter != "n"), None)
    ignition = None if burning is None else begin + burning * step_s
    return {
        "id": name, "camera": "cam", "fire": name, "group": f"g-{name}", "width": size, "height": size,
        "ignition_epoch": ignition, "reliable": True, "box_annotated": burning is not None, "frames": frames,
    } | more  # fmt: skip


def save(folder: Path, sequences: list[dict]) -> tuple[TruthSequence, ...]:
    data = json.dumps({"sequences": sequences}).encode()
    (folder / "sequences.json").write_bytes(data)
    return decode(data)
