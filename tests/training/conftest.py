import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

SIDE = 32


def _declare_operators() -> "torch.library.Library | None":
    """Let a torchvision of another build than torch's be imported, as on a host with mixed wheels.

    It names two operators of its own library, which it cannot load there; nothing here calls them.
    """
    try:
        import torchvision.datasets  # noqa: F401, PLC0415
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library
    return None


_OPERATORS = _declare_operators()  # they live as long as this does


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of which the class can be told: a bright square whose place and colour are the label's."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count).astype(np.uint8)
    pixels = random.integers(40, 120, (count, SIDE, SIDE, 3), np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        row, col = divmod(int(label), 4)
        picture[row * 10 : row * 10 + 10, col * 8 : col * 8 + 8, label % 3] = 250
    return pixels, labels


def write_strips(
    folder: Path, split: str, pixels: np.ndarray, labels: np.ndarray, per_strip: int = 50
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, len(labels), per_strip)):
        strip = pixels[first : first + per_strip].reshape(-1, SIDE, 3)
        assert cv2.imwrite(str(folder / f"{split}_{number:03}.png"), cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
    np.save(folder / f"{split}_labels.npy", labels)


@pytest.fixture(scope="session")
def strips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cifar")
    write_strips(folder, "train", *pictures(768, 1))
    write_strips(folder, "test", *pictures(300, 2))
    return folder


def hits_of(row: dict[str, Any], count: int) -> np.ndarray:
    """Which images a row of a report got right, (count,) bool."""
    packed = np.frombuffer(base64.b64decode(row["hits"]), np.uint8)
    return np.unpackbits(packed, count=count).astype(bool)


def write_sequences(folder: Path, frames_each: int) -> None:
    """Write four short sequences of blurred hills; in three of them a grey square comes, in the middle."""
    rng = np.random.default_rng(0)
    sequences = []
    for number in range(4):
        base = cv2.GaussianBlur(rng.integers(0, 255, (480, 640, 3), np.uint8), (31, 31), 0)
        name, smoky, frames = f"s{number}", number < 3, []
        (folder / "sequences" / name).mkdir(parents=True)
        for index in range(frames_each):
            burning = smoky and index >= frames_each // 2
            noise = rng.integers(
                0, 6, base.shape, np.uint8
            )  # two equal pictures would count as a frozen camera
            pixels, box = cv2.add(base, noise), [200, 200, 260, 240]
            if burning:
                pixels[200:240, 200:260] = 200
            file = f"sequences/{name}/{index:03}_{(index - frames_each // 2) * 60:+06}.jpg"
            cv2.imwrite(str(folder / file), pixels)
            frames.append(
                {
                    "file": file,
                    "epoch": 1_000_000 + index * 60,
                    "offset_s": (index - frames_each // 2) * 60,
                    "label": "smoke" if burning else "no_smoke",
                    "boxes": [box] if burning else [],
                }
            )
        sequences.append(
            {
                "id": name, "camera": name, "fire": name, "group": f"g{number}", "width": 640, "height": 480,
                "ignition_epoch": 1_000_000 + frames_each // 2 * 60, "reliable": True, "box_annotated": smoky,
                "frames": frames,
            }
        )  # fmt: skip
    (folder / "sequences.json").write_text(json.dumps({"sequences": sequences}))
