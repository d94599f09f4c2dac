"""The Pareto front: trials that no other one beats in all objectives."""

from __future__ import annotations

from collections.abc import Sequence


def front(values: Sequence[tuple[float, ...]]) -> list[bool]:
    """Say of each point whether it is on the front: less is better, equal points do not beat each other.

    Args:
        values: of each point, all of one length.
    """
    return [not any(_beats(other, one) for other in values) for one in values]


def _beats(other: tuple[float, ...], one: tuple[float, ...]) -> bool:
    pairs = list(zip(other, one, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
