"""What was chosen on the validation split: methods of post-training quantization, bits a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.cifar10.report.record import Result


@dataclass(frozen=True, slots=True)
class Tried:
    """One method of a pair, and what it reached."""

    pair: str
    kind: str
    method: str
    accuracy: float
    chosen: bool


def tried(result: Result) -> list[Tried]:
    """Return every method that was tried."""
    return [
        Tried(pair, kind, method, accuracy, kind == "calibration" and method == found.chosen)
        for pair, found in result.ptq.items()
        for kind, methods in (("calibration", found.calibration), ("weights", found.weights))
        for method, accuracy in methods.items()
    ]


def standard_error(result: Result) -> float | None:
    """Return how far chance moves the least certain of the best methods; a share, None without held-out images."""
    count = result.images.validation.count
    best = [max(found.calibration.values()) for found in result.ptq.values() if found.calibration]
    if not count or not best:
        return None
    return max(math.sqrt(share * (1 - share) / count) for share in best)


def mixed_bits(result: Result, pair: str) -> dict[str, int | None]:
    """Return the bits that a pair's mixed choice gave each layer; empty where there is no such row."""
    chosen = (row.bits for row in result.rows if row.form == "mixed" and row.group == pair)
    return next(chosen, {})
