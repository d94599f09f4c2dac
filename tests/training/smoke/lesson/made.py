"""Made-up examples: maps in files, smoke as a change of the first features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.smoke.lesson.example import Example

CHANNELS = 10
FRAMES = 12


def example(
    folder: Path,
    name: str,
    group: str,
    source: str = "real",
    smoky_from: int | None = 6,
    conditions: int = 2,
    loud: float = 2.0,
    channels: int = CHANNELS,
) -> Example:
    """Write an example's maps; from `smoky_from` on a block of cells changes in its first features."""
    rng = np.random.default_rng(sum(map(ord, name)))
    features = rng.normal(size=(FRAMES, channels, 30, 40)).astype(np.float16)
    change = (0.1 * rng.normal(size=features.shape)).astype(np.float16)
    positive = np.zeros((FRAMES, 30, 40), bool)
    if smoky_from is not None:
        positive[smoky_from:, 5:9, 5:9] = True
        change[smoky_from:, :4, 5:9, 5:9] += loud
    scene = np.zeros((FRAMES, conditions), np.float32)
    scene[:, 0] = float(group == "bright")
    features[:, :4] += 3 * scene[:, :1, None, None].astype(np.float16)
    inside = np.ones((30, 40), bool)
    maps = {"features": features, "change-1": change, "change-3": change[::3]}
    for kind, values in maps.items():
        np.save(folder / f"{name}-{kind}.npy", values)
    opened = {kind: np.load(folder / f"{name}-{kind}.npy", mmap_mode="r") for kind in maps}
    return Example(
        name, group, source, opened["features"], {1: opened["change-1"], 3: opened["change-3"]},
        positive, ~positive, inside, scene, sha256=name, made_of=frozenset({f"picture of {name}"}),
    )  # fmt: skip


def pool(folder: Path) -> list[Example]:
    """Write two smoky examples and two quiet ones, in two groups and of two sources."""
    return [
        example(folder, "a", "dull"),
        example(folder, "b", "bright", "planted"),
        example(folder, "c", "dull", "weather", smoky_from=None),
        example(folder, "d", "bright", smoky_from=None),
    ]
