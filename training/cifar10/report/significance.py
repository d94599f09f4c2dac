"""Whether a student is better than its baseline, or within noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.cifar10.recipe import Recipe
from training.cifar10.report.form import FORMS, Form
from training.cifar10.report.record import Comparison, Mcnemar, Paired

Hits = NDArray[np.bool_]
"""(N,) which test images were right."""


def mcnemar(before: Hits, after: Hits) -> Mcnemar:
    """Compare two classifiers on the same images by the exact McNemar test, two-sided.

    Args:
        before: (n,) whether each image was right.
        after: the same, afterwards.

    Returns:
        How many only `after` got right, how many only `before`, and p.
    Source: McNemar 1947 (Psychometrika 12); exact binomial form.
    """
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    p = 1.0 if gained + lost == 0 else float(stats.binomtest(gained, gained + lost).pvalue)
    return Mcnemar(gained=gained, lost=lost, p=p)


def paired(before: Sequence[float], after: Sequence[float]) -> Paired | None:
    """Compare accuracies of the same seeds by Student's paired t-test, two-sided; None for one seed.

    Returns:
        The mean gain, its 95% interval and p; None for interval and p where all gains are equal.
    """
    if len(before) < 2:
        return None
    gains = np.array(after) - np.array(before)
    if np.allclose(gains, gains[0], atol=1e-9):  # no spread, so nothing to test against
        return Paired(gain=float(gains.mean()), low=None, high=None, p=None)
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval(0.95)
    return Paired(
        gain=float(gains.mean()),
        low=float(interval.low),
        high=float(interval.high),
        p=float(test.pvalue),
    )


def compare(recipe: Recipe, hits: dict[str, Hits]) -> list[Comparison]:
    """Compare each student with its baseline: McNemar a seed, a paired t-test over seeds.

    Args:
        recipe: names pairs and seeds.
        hits: by the name of the row.
    """
    return [
        _comparison(
            pair,
            form,
            [
                (hits[f"baseline-{pair}-{seed}-{form}"], hits[f"student-{pair}-{seed}-{form}"])
                for seed in settings.seeds
            ],
        )
        for pair, settings in recipe.pairs.items()
        for form, facts in FORMS.items()
        if facts.compared
    ]


def _comparison(pair: str, form: Form, hits: list[tuple[Hits, Hits]]) -> Comparison:
    before, after = ([float(np.mean(both[which])) for both in hits] for which in (0, 1))
    return Comparison(
        pair=pair,
        form=form,
        gain=tuple(s - b for b, s in zip(before, after, strict=True)),
        mcnemar=tuple(mcnemar(*both) for both in hits),
        paired=paired(before, after),
    )
