"""The rule of the horizon in a manifest: how far thresholds rise away from it, and with which bundles it works."""

from __future__ import annotations

import math

import msgspec

from edge.errors import ManifestError

RISE_MAX = 3.0  # logits


class HorizonRule(msgspec.Struct, frozen=True, kw_only=True):
    """How far from the horizon thresholds rise, and by how much (`edge.detect.horizon`).

    Attributes:
        above: rows of the score map above the horizon that stay as they are; what is higher is pure sky.
        below: the same below it; what is lower is near foreground.
        rise: logits by which `open` rises in all other cells; RISE_MAX at most.
    """

    above: float
    below: float
    rise: float


def check(rule: HorizonRule, *, task: str, kind: str, thresholds: int) -> None:
    """Check what types alone cannot say.

    Args:
        rule: of the manifest.
        task: of the bundle.
        kind: of its scores.
        thresholds: how many labels have one.
    Raises:
        ManifestError: the rule contradicts itself or the rest.
    """
    if task != "cells" or kind != "logits" or not thresholds:
        raise ManifestError("manifest.horizon: needs task 'cells', kind 'logits' and a threshold")
    if not (0 <= rule.above < math.inf and 0 <= rule.below < math.inf):
        raise ManifestError("manifest.horizon: expected finite above ≥ 0 and below ≥ 0, in rows")
    if not 0 < rule.rise <= RISE_MAX:
        raise ManifestError(f"manifest.horizon.rise: expected 0 < rise ≤ {RISE_MAX:g}")
