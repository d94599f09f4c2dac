"""Whether a student is better than its baseline, or within noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def mcnemar(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> dict[str, Any]:
    """Compare two classifiers on the same images by the exact McNemar test, two-sided.

    Args:
        before: (n,) whether each image was right.
        after: likewise.

    Returns:
        How many only `after` got right, how many only `before`, and p.
    Source: McNemar 1947 (Psychometrika 12); exact binomial form.
    """
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    p = 1.0 if gained + lost == 0 else float(stats.binomtest(gained, gained + lost).pvalue)
    return {"gained": gained, "lost": lost, "p": p}


def paired(before: Sequence[float], after: Sequence[float]) -> dict[str, Any] | None:
    """Compare accuracies of the same seeds by Student's paired t-test, two-sided; None for one seed.

    Returns:
        The mean gain, its 95% interval and p; None for interval and p where all gains are equal.
    """
    if len(before) < 2:
        return None
    gains = np.array(after) - np.array(before)
    if np.allclose(gains, gains[0], atol=1e-9):  # no spread, so nothing to test against
        return {"gain": float(gains.mean()), "low": None, "high": None, "p": None}
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval(0.95)
    return {
        "gain": float(gains.mean()),
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(test.pvalue),
    }
