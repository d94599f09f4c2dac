"""The calm rule of a manifest: how far thresholds fall in a picture that shows nothing."""

from __future__ import annotations

import math

import msgspec

from edge.errors import ManifestError

_FRAMES_MAX = 1000


class Calm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A label opens at less than `open` where its camera has long shown less still (`edge.detect.calm`).

    Attributes:
        margin: logits that a score has to stand above all that the camera has lately shown.
        fall: logits by which `open` falls at most; `keep` falls as far.
        window: scored frames of the past that count.
        lag: newest scored frames that do not count yet, so that a plume does not raise the bar for itself.
        least: frames of the window that must be known before anything falls.
    """

    margin: float
    fall: float
    window: int = 60
    lag: int = 5
    least: int = 10


def check(calm: Calm, *, kind: str, thresholds: int, confirmed_in: int) -> None:
    """Check what types alone cannot say.

    Args:
        calm: of the manifest.
        kind: of its scores.
        thresholds: how many labels have one.
        confirmed_in: frames within which an event is confirmed.
    Raises:
        ManifestError: the rule contradicts itself or the rest.
    """
    if kind != "logits" or not thresholds:
        raise ManifestError("manifest.calm: needs scores of kind 'logits' and a label with a threshold")
    for key, value in (("margin", calm.margin), ("fall", calm.fall)):
        if not 0 < value < math.inf:
            raise ManifestError(f"manifest.calm.{key}: expected a positive number of logits, got {value}")
    if not 1 <= calm.least <= calm.window <= _FRAMES_MAX:
        raise ManifestError(
            f"manifest.calm: expected 1 ≤ least ≤ window ≤ {_FRAMES_MAX}, got {calm.least} and {calm.window}"
        )
    if not confirmed_in <= calm.lag <= _FRAMES_MAX:
        raise ManifestError(
            f"manifest.calm.lag: expected confirmation.window ({confirmed_in}) to {_FRAMES_MAX} frames, got "
            f"{calm.lag}: a plume would raise the threshold before it is confirmed"
        )
