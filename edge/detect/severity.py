"""How severe an open event is: a candidate first, an alert by the manifest's rule, and never a candidate again.

The rule opens and closes nothing. Time is *watched* time: that between the scored frames in which the event is open,
as far as the camera looked. Whoever hands it in leaves out darkness and pictures that were not scored. While a
condition of the scene holds alerts back, only that time makes one; what was seen under it counts for nothing later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import msgspec

from edge.detect.tracker import Change
from edge.model.alert import ESCALATE_S_MAX, AlertRule

Cause: TypeAlias = Literal["score", "growth", "persistence", "escalation", "merged"]
Risk: TypeAlias = Literal["low", "neutral", "high"]
WAIT_BY_RISK: Mapping[Risk, float] = {"low": 2.0, "neutral": 1.0, "high": 0.5}  # times the rule's own times


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rule knows of one open event.

    Attributes:
        cells: how many it covered at its opening.
        watched_s: watched time since then.
        seen_s: the part of it that ended with a sight of the event, and in which nothing held it.
        held: whether a condition held it in any frame.
        cause: by what it became an alert; None while it is a candidate.
    """

    cells: int
    watched_s: float = 0.0
    seen_s: float = 0.0
    held: bool = False
    cause: Cause | None = None


def advance(
    rule: AlertRule, standing: Standing, step_s: float, sight: Change | None, *, held: bool = False
) -> Standing:
    """Take one open event through the next scored frame.

    Args:
        rule: of the manifest.
        standing: before it.
        step_s: watched time since the frame before, 0 or more.
        sight: what was seen of the event in this frame; None where it was not.
        held: whether a condition holds alerts back in this frame.
    """
    watched_s = standing.watched_s + step_s
    seen_s = standing.seen_s + (0.0 if sight is None or held else step_s)
    later = replace(standing, watched_s=watched_s, seen_s=seen_s, held=standing.held or held)
    if later.cause is not None:
        return later
    return replace(later, cause=_cause(rule, later, None if held else sight))


def merge(survivor: Standing, other: Standing) -> Standing:
    """Return the standing of a plume that another flowed into: it is as severe as either, and as old."""
    return Standing(
        survivor.cells,
        max(survivor.watched_s, other.watched_s),
        max(survivor.seen_s, other.seen_s),
        survivor.held or other.held,
        survivor.cause or ("merged" if other.cause is not None else None),
    )


def patient(rule: AlertRule, risk: Risk) -> AlertRule:
    """Return the rule under a fire risk: how long a candidate waits changes, what else makes an alert does not."""
    times = WAIT_BY_RISK[risk]
    return msgspec.structs.replace(
        rule,
        escalate_s=min(times * rule.escalate_s, ESCALATE_S_MAX),
        persistence_s=None if rule.persistence_s is None else times * rule.persistence_s,
    )


class Severities:
    """The standing of each open event of one camera, by its track.

    Args:
        rule: of the manifest; None: nothing is to be known, every event is an alert.
    """

    def __init__(self, rule: AlertRule | None) -> None:
        self._rule = rule
        self._standings: dict[int, Standing] = {}

    def update(
        self, changes: Sequence[Change], step_s: float, risk: Risk = "neutral", *, held: bool = False
    ) -> dict[int, Cause]:
        """Take what the tracker says of the next scored frame.

        Args:
            changes: all of that frame.
            step_s: watched time since the frame before, 0 or more.
            risk: of fire, as people named it.
            held: whether a condition of the scene holds alerts back in this frame.
        Returns:
            The tracks that became alerts with this frame, by what. One that closes does not become one.
        """
        if self._rule is None:
            return {}
        rule = patient(self._rule, risk)
        before = self._standings
        sights = {change.track: change for change in changes if change.kind != "closed"}
        after = {
            track: advance(rule, standing, step_s, sights.get(track), held=held)
            for track, standing in self._left(changes).items()
        }
        for track, sight in sights.items():
            if track not in after:  # opened with this frame, or with one that failed
                after[track] = advance(rule, Standing(sight.cells), 0.0, sight, held=held)
        self._standings = after
        return {
            track: standing.cause
            for track, standing in after.items()
            if standing.cause is not None and (track not in before or before[track].cause is None)
        }

    def _left(self, changes: Sequence[Change]) -> dict[int, Standing]:
        """Return the standings of the events that this frame does not close; they take over what flows into them."""
        standings = dict(self._standings)
        for change in changes:
            if change.kind == "closed":
                gone, into = standings.pop(change.track, None), change.merged_into
                if gone is not None and into is not None:
                    standings[into] = merge(standings[into], gone) if into in standings else gone
        return standings


def _cause(rule: AlertRule, standing: Standing, sight: Change | None) -> Cause | None:
    """Return by what an event becomes an alert now; None where it stays a candidate."""
    if sight is not None:
        score = rule.scores.get(sight.label)
        reached = sight.score if standing.held else sight.peak
        if score is not None and reached >= score:
            return "score"
        if rule.growth is not None and sight.cells >= rule.growth * standing.cells:
            return "growth"
        if rule.persistence_s is not None and standing.seen_s >= rule.persistence_s:
            return "persistence"
    return "escalation" if standing.watched_s >= rule.escalate_s else None
