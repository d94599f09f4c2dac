"""Two arms on the same views, paired by camera group: difference, exact sign-flip test, bootstrap, verdict.

Differences are a − b in minutes of capped delay: below zero, arm a is earlier.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.gate import DRAWS
from scoring.statistic import LEVEL

GROUPS_MOST = 16  # 65,536 assignments of signs, in one matrix
_SAME_MIN = 1e-9  # means that differ by less are ties


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One camera group, in minutes.

    Attributes:
        views: boxed views.
        a, b: capped delay, mean over views and seeds.
        differences: a − b by seed, mean over views.
    """

    name: str
    views: int
    a: float
    b: float
    differences: tuple[float, ...]


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in minutes; each group counts once.

    Attributes:
        difference: a − b, mean over groups of the mean over views and seeds.
        low, high: 95% interval; None over fewer than two groups, or over groups that agree.
        p: of the exact sign-flip test over groups, two-sided.
        least_p: the smallest p that so many groups can give.
        a_by_view, b_by_view: capped delay of each arm with views counting once, as the gate prints it; mean of seeds.
        method: of the interval.
    """

    difference: float
    low: float | None
    high: float | None
    p: float
    least_p: float
    a_by_view: float
    b_by_view: float
    groups: tuple[Group, ...]
    method: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a difference says about the smallest effect worth having.

    Attributes:
        shown: the interval leaves zero out and p is at most 1 − LEVEL.
        gain_excluded: the interval excludes that a is earlier by `worth_min`; None without an interval.
        loss_excluded: it excludes that a is later by as much.
        null: no difference is shown, or none that is worth having is left.
        text: one line.
    """

    worth_min: float
    shown: bool
    gain_excluded: bool | None
    loss_excluded: bool | None
    null: bool
    text: str


def compare(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    groups: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Paired:
    """Compare the capped delays of two arms.

    Args:
        a: (views, seeds) minutes; views and seeds in the order of `b`.
        b: (views, seeds) minutes.
        groups: camera group of each view.
        draws: of the bootstrap.
        seed: of the bootstrap.
    Raises:
        ValueError: no view, shapes that differ, or more groups than the exact test takes.
    Source: ours, after Fisher 1935 (The Design of Experiments, §21) and Efron 1979 (Annals of Statistics 7).
    """
    if a.shape != b.shape or a.shape[:1] != (len(groups),) or not a.size:
        raise ValueError(
            f"delays of {a.shape} and {b.shape} over {len(groups)} views; expected (views, seeds), both alike"
        )
    rows = [
        _group(name, a[member], b[member])
        for name in sorted(set(groups))
        for member in [np.array([one == name for one in groups])]
    ]
    differences = np.array([row.differences for row in rows])
    p = sign_flip(differences.mean(axis=1))
    bounds = interval(differences, draws=draws, seed=seed)
    drawn = (
        f"bootstrap over {len(rows)} groups with {a.shape[1]} seeds drawn inside, {draws} draws, seed {seed}"
    )
    return Paired(
        difference=float(differences.mean()),
        low=None if bounds is None else bounds[0],
        high=None if bounds is None else bounds[1],
        p=p,
        least_p=2.0 ** (1 - len(rows)),
        a_by_view=float(a.mean()),
        b_by_view=float(b.mean()),
        groups=tuple(rows),
        method=drawn if bounds else "one group alone" if len(rows) == 1 else f"{len(rows)} groups that agree",
    )


def _group(name: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Group:
    by_seed = tuple((a - b).mean(axis=0).tolist())
    return Group(name=name, views=len(a), a=float(a.mean()), b=float(b.mean()), differences=by_seed)


def sign_flip(differences: NDArray[np.float64]) -> float:
    """Return the exact two-sided p of a mean: the share of all sign assignments that are at least as far from zero.

    Args:
        differences: (groups,).
    Raises:
        ValueError: no group, or more than GROUPS_MOST.
    Source: Fisher 1935, The Design of Experiments, §21.
    """
    count = len(differences)
    if not 1 <= count <= GROUPS_MOST:
        raise ValueError(f"{count} groups; the exact test over all sign assignments takes 1 to {GROUPS_MOST}")
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    means = np.abs((1 - 2 * bits) @ differences) / count
    return float(np.mean(means >= abs(differences.mean()) - _SAME_MIN))


def interval(differences: NDArray[np.float64], *, draws: int, seed: int) -> tuple[float, float] | None:
    """Return the 95% percentile interval of the mean when groups are drawn, and seeds inside each drawn group.

    A seed is drawn for both arms at once: they share initialisation and batches.

    Args:
        differences: (groups, seeds).
        draws: how often.
        seed: of the draws.
    Returns:
        None for fewer than two groups, or where all differences agree: drawn again they say the same.
    """
    count, seeds = differences.shape
    if count < 2 or np.ptp(differences) < _SAME_MIN:
        return None
    random = np.random.default_rng(seed)
    group = random.integers(count, size=(draws, count, 1))
    inside = random.integers(seeds, size=(draws, count, seeds))
    means = differences[group, inside].mean(axis=(1, 2))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def verdict(paired: Paired, worth_min: float) -> Verdict:
    """Say what a difference means.

    Args:
        paired: the difference.
        worth_min: the smallest effect worth having, minutes above zero.
    Raises:
        ValueError: `worth_min` is not above zero.
    """
    if not worth_min > 0:
        raise ValueError(f"the smallest effect worth having is {worth_min} minutes; expected more than 0")
    low, high = paired.low, paired.high
    if low is None or high is None:
        return Verdict(
            worth_min=worth_min, shown=False, gain_excluded=None, loss_excluded=None, null=True,
            text=f"Null result: no effect is shown and none is excluded, for want of an interval ({paired.method}). "
            f"Smallest effect worth having: {worth_min:g} minutes.",
        )  # fmt: skip
    shown = (high < 0 or low > 0) and paired.p <= 1 - LEVEL + _SAME_MIN
    gain, loss = low > -worth_min, high < worth_min
    null = not shown or (gain and loss)
    size = f"A − b is {paired.difference:+.1f} minutes ({low:+.1f} to {high:+.1f}), p = {paired.p:.3f}"
    return Verdict(
        worth_min=worth_min,
        shown=shown,
        gain_excluded=gain,
        loss_excluded=loss,
        null=null,
        text=f"{_said(paired, worth_min, shown=shown, null=null)} {size}, {len(paired.groups)} camera groups. Smallest "
        f"effect worth having: {worth_min:g} minutes; the interval {'excludes' if gain else 'does not exclude'} that a "
        f"is earlier by as much, and {'excludes' if loss else 'does not exclude'} that it is later by as much.",
    )


def _said(paired: Paired, worth_min: float, *, shown: bool, null: bool) -> str:
    side = "earlier" if paired.difference < 0 else "later"
    if not shown:
        return "Null result: no difference is shown."
    if null:
        return f"Null result: a is {side}, by less than is worth having."
    nearest = min(abs(paired.low or 0.0), abs(paired.high or 0.0))
    if nearest >= worth_min:
        return f"A is {side}, by an effect worth having."
    return f"A is {side}; whether by an effect worth having is open."
