"""How well a small classifier tells rendered smoke from real smoke: crops of the same cameras, split by group."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_sim.scene.compose import ALPHA_MIN
from firmware_sim.scene.fire import COLOURS, GREY_LEVELS, Fire
from firmware_sim.scene.layer import Picture, Pictures
from firmware_sim.scene.planted import Planting
from firmware_sim.scene.side import seed_of
from scoring.statistic import auc, auc_interval
from scoring.truth import Box, TruthSequence
from training.smoke.data.read import read
from training.step.provenance import commit, machine
from training.step.step import write_json

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["real", "rendered", "real_place", "rendered_place"]
CROP_PX = 64
_AROUND = 1.6  # side of a crop over the larger side of its box
_SIDE_MIN_PX = 40
_FOLDS = 5
_RIDGE = 30.0


@dataclass(frozen=True, slots=True)
class Crop:
    """What the classifier sees of one place.

    Attributes:
        kind: smoke, real or rendered; or the places of either before there was smoke.
        group: of the camera.
        features: (FEATURES,) float64.
    """

    kind: Kind
    group: str
    features: NDArray[np.float64]


def crops(
    folder: Path, sequences: Sequence[TruthSequence], *, every: int, seeds: Iterator[int]
) -> Iterator[Crop]:
    """Cut real smoke, smoke rendered on the same cameras before ignition with the same sizes, and bare places.

    Args:
        folder: of the frames.
        sequences: those without boxes, or with fewer than three frames before them, give nothing.
        every: each so-manieth frame with a box is taken.
        seeds: one for each rendered fire.
    """
    for index, sequence in enumerate(sequences, 1):
        quiet = [frame for frame in sequence.frames if frame.label == "no_smoke"]
        boxed = [frame for frame in sequence.frames if frame.boxes][::every]
        if len(quiet) < 3 or not boxed:
            continue
        logger.info("crops of %s, %d of %d", sequence.id, index, len(sequences))
        for number, frame in enumerate(boxed):
            real, box = _read(folder / frame.file), _union(frame.boxes)
            bare = _read(folder / quiet[number % len(quiet)].file)
            seed = next(seeds)
            rendered, without, planted = _render(bare, seed, max(box[2] - box[0], box[3] - box[1]))
            if planted is None or real.shape != bare.shape:
                continue
            for kind, picture, place in (
                ("real", real, box),
                ("rendered", rendered, planted),
                ("real_place", bare, box),
                ("rendered_place", without, planted),
            ):
                yield Crop(kind, sequence.group, features(cut(picture, place)))  # type: ignore[arg-type]  # of the four


def _render(bare: Picture, seed: int, side_px: float) -> tuple[Picture, Picture, Box | None]:
    """Plant one grown plume of a given size on one picture."""
    rng = np.random.default_rng((seed, 9))
    contrast = tuple(GREY_LEVELS)[int(rng.integers(0, 3))]
    size = float(np.clip(side_px, 8, 200))
    fire = Fire(
        seed, "", "clear", 0.5, contrast, COLOURS[int(rng.integers(0, 3))], None, size, size,
        float(rng.choice((-1, 1)) * rng.gamma(2.0, 0.5)), float(rng.uniform(0.03, 0.28)), bool(rng.random() < 0.55),
        0.5,
    )  # fmt: skip
    age_s = float(rng.uniform(240, 1200))
    planting = Planting(Pictures([bare, bare], (0.0, 2 * age_s)), fire)
    frame = planting.frame(1)
    shown = np.argwhere(frame.alpha >= ALPHA_MIN)
    if len(shown) < 12:
        return frame.picture, frame.without, None
    (y0, x0), (y1, x1) = shown.min(0), shown.max(0) + 1
    return frame.picture, frame.without, (float(x0), float(y0), float(x1), float(y1))


def cut(picture: Picture, box: Box) -> Picture:
    """Cut a square around a box, CROP_PX a side; what lies beyond the picture is mirrored.

    Args:
        picture: (H, W, 3) uint8 RGB.
        box: (x0, y0, x1, y1) px.
    """
    side = round(max(_SIDE_MIN_PX, _AROUND * max(box[2] - box[0], box[3] - box[1])))
    side = min(side, *picture.shape[:2])
    top, left = round((box[1] + box[3] - side) / 2), round((box[0] + box[2] - side) / 2)
    top, left = (int(np.clip(v, 0, n - side)) for v, n in zip((top, left), picture.shape[:2], strict=True))
    square = picture[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side >= CROP_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (CROP_PX, CROP_PX), interpolation=how), np.uint8)


def features(crop: Picture) -> NDArray[np.float64]:
    """Describe a crop by simple statistics of its middle and its margin.

    Means and deviations of brightness and of two colour differences, the strength of detail at four scales, its
    heavy tails, its direction, and the strength of the noise.
    """
    pixels = crop.astype(np.float32)
    bright = pixels @ np.array((0.299, 0.587, 0.114), np.float32)
    planes = (bright, pixels[..., 0] - bright, pixels[..., 2] - bright)
    inner = np.zeros(bright.shape, bool)
    quarter = CROP_PX // 4
    inner[quarter:-quarter, quarter:-quarter] = True
    found: list[float] = []
    for plane in planes:
        for where in (inner, ~inner):
            found += [float(plane[where].mean()), float(plane[where].std())]
    level = bright
    for _ in range(4):
        low = cv2.GaussianBlur(level, (0, 0), 1.0)
        detail = level - low
        half = cv2.resize(inner.astype(np.uint8), detail.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        for where in (half, ~half):
            deviation = float(detail[where].std()) + 0.1
            found += [np.log(deviation), float((np.abs(detail[where]) ** 3).mean()) / deviation**3]
        level = np.asarray(low[::2, ::2], np.float32)
    across, down = (cv2.Sobel(bright, cv2.CV_32F, x, 1 - x) for x in (1, 0))
    for where in (inner, ~inner):
        found.append(float(np.log((np.abs(across[where]).mean() + 1) / (np.abs(down[where]).mean() + 1))))
    found.append(float(np.median(np.abs(cv2.Laplacian(bright, cv2.CV_32F)))))
    return np.asarray(found, np.float64)


def judge(
    made: Sequence[Crop], first: Kind, second: Kind, *, draws: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Train a logistic regression on four fifths of the groups, score the rest, in turn.

    Returns:
        AUC of `second` against `first` over all left-out crops, its bootstrap interval over groups, and counts.
    Raises:
        ValueError: one kind is missing, or there are fewer than two groups.
    """
    chosen = [crop for crop in made if crop.kind in {first, second}]
    groups = sorted({crop.group for crop in chosen})
    if len(groups) < 2 or len({crop.kind for crop in chosen}) < 2:
        raise ValueError(f"{len(groups)} groups with crops; expected two or more, and crops of both kinds")
    inputs = np.stack([crop.features for crop in chosen])
    wanted = np.array([crop.kind == second for crop in chosen])
    member = np.array([groups.index(crop.group) for crop in chosen])
    scores = np.empty(len(chosen))
    for fold in range(min(_FOLDS, len(groups))):
        out = member % _FOLDS == fold
        scores[out] = _fitted(inputs[~out], wanted[~out], inputs[out])
    interval = auc_interval(scores, wanted, [crop.group for crop in chosen], draws=draws, seed=seed)
    low, high = interval or (None, None)
    return {
        "auc": auc(scores, wanted),
        "low": low,
        "high": high,
        "groups": len(groups),
        "crops": {first: int((~wanted).sum()), second: int(wanted.sum())},
    }


def _fitted(
    inputs: NDArray[np.float64], wanted: NDArray[np.bool_], judged: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit by Newton's steps with a ridge, on standardised features and their squares; return logits of `judged`."""
    mean, deviation = inputs.mean(0), inputs.std(0) + 1e-9

    def design(values: NDArray[np.float64]) -> NDArray[np.float64]:
        standard = np.clip((values - mean) / deviation, -4, 4)
        return np.hstack((np.ones((len(values), 1)), standard, standard**2 - 1))

    known, weights = design(inputs), np.zeros(2 * inputs.shape[1] + 1)
    penalty = np.full(len(weights), _RIDGE)
    penalty[0] = 1e-6
    for _ in range(12):
        chance = 1 / (1 + np.exp(-np.clip(known @ weights, -30, 30)))
        slope = known.T @ (wanted - chance) - penalty * weights
        bend = (known * (chance * (1 - chance) + 1e-6)[:, None]).T @ known + np.diag(penalty)
        weights += np.linalg.solve(bend, slope)
    result: NDArray[np.float64] = design(judged) @ weights
    return result


def _union(boxes: Sequence[Box]) -> Box:
    low, high = np.array(boxes)[:, :2].min(0), np.array(boxes)[:, 2:].max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    if picture is None:
        raise ValueError(f"'{path}' is no picture")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def handle(options: argparse.Namespace) -> int:
    """Measure and write; return the exit code.

    Raises:
        ValueError: too few groups with boxes.
    """
    dataset = read(options.data)
    numbers = iter(range(options.seed * 100_000, (options.seed + 1) * 100_000))
    made = list(
        crops(
            dataset.folder,
            dataset.sequences,
            every=options.every,
            seeds=(seed_of("train", n) for n in numbers),
        )
    )
    result = {
        "schema": "firetower.realism/1",
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "command": f"python -m training realism --data DIR --every {options.every} --seed {options.seed}",
        "classifier": "logistic regression on simple statistics of a crop and their squares",
        "rendered": judge(made, "real", "rendered", seed=options.seed),
        "place": judge(made, "real_place", "rendered_place", seed=options.seed),
    }
    if options.result is not None:
        write_json(options.result, result)
    print(msgspec.json.encode({key: result[key] for key in ("rendered", "place")}).decode())
    return 0
