"""The rule of a manifest by which an event that opened as a candidate becomes an alert."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from edge.errors import ManifestError

ESCALATE_S_MAX = 21_600  # nobody may have to wait for longer than that to hear of a fire


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an event that opened as a candidate becomes an alert: as soon as one of these holds, and for good.

    Times are watched time since the opening (`edge.detect.severity`); None and labels that are absent: never by that.

    Attributes:
        escalate_s: it has been open for so long, seen or not.
        persistence_s: it was seen for so long.
        growth: at one sight it covers so many times the cells that it covered at its opening.
        scores: by label: its largest score reaches this, in the scores' own kind.
        held: conditions of the scene under which it is an alert by `escalate_s` alone (since schema 1.4).
    """

    escalate_s: float
    persistence_s: float | None = None
    growth: float | None = None
    scores: dict[str, float] = {}
    held: tuple[str, ...] = ()


def check(rule: AlertRule, opens: Mapping[str, float]) -> None:
    """Check what types alone cannot say; `held` is checked with the conditions (`edge.model.condition`).

    Args:
        rule: of the manifest.
        opens: by label, the score at which an event opens.
    Raises:
        ManifestError: the rule contradicts itself or the rest.
    """
    if not 0 < rule.escalate_s <= ESCALATE_S_MAX:
        raise ManifestError(
            f"manifest.alert.escalate_s: expected a positive number of seconds, {ESCALATE_S_MAX} at most"
        )
    if rule.persistence_s is not None and not 0 < rule.persistence_s <= rule.escalate_s:
        raise ManifestError("manifest.alert.persistence_s: expected 0 < persistence_s ≤ escalate_s")
    if rule.growth is not None and not 1 < rule.growth < math.inf:
        raise ManifestError("manifest.alert.growth: expected a number of times above 1")
    for label, score in rule.scores.items():
        if label not in opens:
            raise ManifestError(f"manifest.alert.scores: {label!r} has no threshold, it opens no event")
        if not opens[label] <= score < math.inf:
            raise ManifestError(
                f"manifest.alert.scores.{label}: expected a finite score, {opens[label]:g} (open) or more"
            )
