"""The few statistics of the scorer: rank AUC, its bootstrap over groups, and exact intervals.

Written out, because the device has no scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many, with the exact 95% interval of the share; None where there are none."""

    count: int
    total: int
    share: float | None
    low: float | None
    high: float | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How many in how many hours, with the exact 95% interval of the rate; None where there is no time."""

    count: int
    hours: float
    per_hour: float | None
    low: float | None
    high: float | None


def share(count: int, total: int) -> Share:
    """Return a share with its Clopper–Pearson interval (Biometrika 26, 1934)."""
    if total == 0:
        return Share(count=0, total=0, share=None, low=None, high=None)
    tail = (1 - LEVEL) / 2
    low = 0.0 if count == 0 else _root(lambda p: 1 - _binomial(count - 1, total, p) - tail, 0.0, 1.0)
    high = 1.0 if count == total else _root(lambda p: tail - _binomial(count, total, p), 0.0, 1.0)
    return Share(count=count, total=total, share=count / total, low=low, high=high)


def rate(count: int, hours: float) -> Rate:
    """Return a rate with Garwood's interval for a Poisson count (Biometrika 28, 1936).

    Alarms that come in bursts, and those counted again, are less sure than it says.
    """
    if hours <= 0:
        return Rate(count=count, hours=0.0, per_hour=None, low=None, high=None)
    tail = (1 - LEVEL) / 2
    most = 2 * count + 20.0  # far above the upper end
    low = 0.0 if count == 0 else _root(lambda m: 1 - _poisson(count - 1, m) - tail, 0.0, most)
    high = _root(lambda m: tail - _poisson(count, m), 0.0, most)
    return Rate(count=count, hours=hours, per_hour=count / hours, low=low / hours, high=high / hours)


def auc(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> float | None:
    """Return how often a positive outscores a negative, ties counting half; None without both.

    Args:
        scores: (n,).
        positive: (n,).
        weights: (n,) how often each counts; None: once.
    """
    _, place = np.unique(scores, return_inverse=True)
    weight = np.ones(len(scores)) if weights is None else weights
    above = np.bincount(place, np.where(positive, weight, 0.0))
    below = np.bincount(place, np.where(positive, 0.0, weight))
    pairs = float(above.sum() * below.sum())
    if pairs == 0:
        return None
    return float((above * (np.cumsum(below) - below / 2)).sum()) / pairs


def auc_interval(
    scores: NDArray[np.float64],
    positive: NDArray[np.bool_],
    groups: Sequence[str],
    *,
    draws: int,
    seed: int,
) -> tuple[float, float] | None:
    """Return the 95% percentile interval of the AUC when whole groups are drawn with replacement.

    Args:
        scores: (n,).
        positive: (n,).
        groups: of each score.
        draws: how often; those without both classes are left out.
        seed: of the draws.
    Returns:
        None for fewer than two groups, or when no draw had both classes.
    """
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return None
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    values = [auc(scores, positive, count[member].astype(np.float64)) for count in counts]
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def ratio_interval(
    parts: Sequence[tuple[float, float]], *, draws: int, seed: int
) -> tuple[float, float] | None:
    """Return the 95% percentile interval of Σ count / Σ exposure when whole parts are drawn with replacement.

    Args:
        parts: (count, exposure) of each camera-day, group or fire.
        draws: how often; those without exposure are left out.
        seed: of the draws.
    Returns:
        None for fewer than two parts, or when no draw had exposure.
    """
    if len(parts) < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(
        len(parts), np.full(len(parts), 1 / len(parts)), size=draws
    )
    sums = drawn @ np.asarray(parts, np.float64)
    known = sums[:, 1] > 0
    if not known.any():
        return None
    low, high = np.quantile(sums[known, 0] / sums[known, 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def median(values: Sequence[float]) -> float | None:
    """Return the median, where infinity stands for a miss; None where it is a miss, or of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return middle if math.isfinite(middle) else None


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function crosses zero, by bisection to the last bit that matters."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _binomial(k: int, n: int, p: float) -> float:
    """Return P(X ≤ k) for n trials of probability 0 < p < 1."""
    return math.fsum(
        math.exp(_log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p)) for i in range(k + 1)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _poisson(k: int, mean: float) -> float:
    """Return P(X ≤ k) for a mean above zero."""
    return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1))
