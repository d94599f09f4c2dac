"""The memory of the hour in a manifest: how far it raises thresholds, and with which bundles it works."""

from __future__ import annotations

import msgspec

from edge.errors import ManifestError

RISE_MAX = 3.0  # logits
LEAST_S_MAX = 1800.0
_HALF_LIFE_DAYS_MAX = 7.0


class MemoryRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far what a cell reached about the same hour on the last days raises its threshold (`edge.detect.memory`).

    Attributes:
        rise: logits, at most; RISE_MAX at most.
        margin: logits above what it reached.
        half_life_days: after yesterday the rise halves in so many.
        least_s: a region that stays usual is held back for so long at least, however short it ever was there.
    """

    rise: float = 3.0
    margin: float = 0.25
    half_life_days: float = 2.0
    least_s: float = 300.0


def fits(*, task: str, kind: str, thresholds: int) -> bool:
    """Say whether a memory of the hour works with a bundle: it raises thresholds of cells by logits.

    Args:
        task: of the bundle.
        kind: of its scores.
        thresholds: how many labels have one.
    """
    return task == "cells" and kind == "logits" and thresholds > 0


def check(rule: MemoryRule, *, task: str, kind: str, thresholds: int) -> None:
    """Check what types alone cannot say; the arguments are those of `fits`.

    Raises:
        ManifestError: the rule contradicts itself or the rest.
    """
    if not fits(task=task, kind=kind, thresholds=thresholds):
        raise ManifestError("manifest.memory: needs task 'cells', kind 'logits' and a threshold")
    if not 0 < rule.rise <= RISE_MAX or not 0 <= rule.margin <= rule.rise:
        raise ManifestError(f"manifest.memory: expected 0 < rise ≤ {RISE_MAX:g} and 0 ≤ margin ≤ rise")
    if not 0 < rule.half_life_days <= _HALF_LIFE_DAYS_MAX or not 0 <= rule.least_s <= LEAST_S_MAX:
        raise ManifestError(
            f"manifest.memory: expected 0 < half_life_days ≤ {_HALF_LIFE_DAYS_MAX:g} and 0 ≤ least_s ≤ "
            f"{LEAST_S_MAX:g}"
        )
