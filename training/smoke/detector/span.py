"""The cadences that a bundle may be run at, and the gap that follows: what its manifest states of both."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edge.model.manifest import Cadence, Manifest

DEFAULT_S = 60.0
TOLERANCE = 0.1  # frames this share further apart or closer are still of a cadence: no clock is even
ABOVE_MIN = 3.0  # minutes of delay that a cadence may cost
GAP_CADENCES = 3  # two frames in a row may be missed at the longest cadence
GAP_LEAST_S = 900.0


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Cadences in a row, seconds, with all that were measured between them."""

    min_s: float
    default_s: float = DEFAULT_S
    max_s: float


def span_of(within: Mapping[float, bool]) -> Span:
    """Return the span from the default cadence outwards to the last one each way that is within.

    Args:
        within: whether a cadence costs no more than it may, by its seconds.

    Raises:
        ValueError: the default cadence is not among them.
    """
    if DEFAULT_S not in within:
        raise ValueError(f"no view was scored at {DEFAULT_S:g} s, to which other cadences are compared")
    ends = []
    for some in (
        sorted(s for s in within if s > DEFAULT_S),
        sorted(s for s in within if s < DEFAULT_S)[::-1],
    ):
        end = DEFAULT_S
        for cadence_s in some:
            if not within[cadence_s]:
                break
            end = cadence_s
        ends.append(end)
    return Span(min_s=ends[1], max_s=ends[0])


def stated(manifest: Manifest, span: Span) -> Manifest:
    """State a span in a manifest: its cadences with the tolerance, and the gap after which state starts anew.

    Args:
        manifest: any.
        span: its cadences.
    """
    cadence = Cadence(
        min_s=round(span.min_s * (1 - TOLERANCE), 3),
        default_s=span.default_s,
        max_s=round(span.max_s * (1 + TOLERANCE), 3),
    )
    gap_s = max(GAP_LEAST_S, GAP_CADENCES * cadence.max_s)
    return msgspec.structs.replace(manifest, cadence=cadence, state_gap_s=gap_s)


def widened(manifest: Manifest, cadence_s: float) -> Manifest:
    """State a manifest as it would be if a cadence belonged to it: time between its frames is watched, no gap.

    Args:
        manifest: with a range.
        cadence_s: that is tried.
    """
    known = manifest.cadence
    assert known is not None
    one = stated(manifest, Span(min_s=min(cadence_s, DEFAULT_S), max_s=max(cadence_s, DEFAULT_S)))
    assert one.cadence is not None
    wide = Cadence(
        min_s=min(known.min_s, one.cadence.min_s),
        default_s=known.default_s,
        max_s=max(known.max_s, one.cadence.max_s),
    )
    return msgspec.structs.replace(one, cadence=wide)
