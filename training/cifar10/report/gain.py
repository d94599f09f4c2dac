"""What distillation brings: each pair's students against its baselines, and whether noise could explain it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

from training.cifar10.report.form import FORMS
from training.cifar10.report.record import Comparison, Result

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Gain:
    """One comparison, in one form.

    Attributes:
        title: of the form.
        test: its raw values.
        gain: mean over seeds; a share.
        p: of the t-test over seeds, or McNemar's where there is one seed; None where all gains are equal.
    """

    title: str
    test: Comparison
    gain: float
    p: float | None

    @property
    def seeds(self) -> int:
        """How many."""
        return len(self.test.gain)

    @property
    def told(self) -> bool:
        """Whether it stands out of the noise that was tested."""
        return self.p is not None and self.p < SIGNIFICANT


def gains(result: Result) -> list[Gain]:
    """Return every comparison."""
    return [_gain(test) for test in result.tests]


def _gain(test: Comparison) -> Gain:
    p = test.mcnemar[0].p if test.paired is None else test.paired.p
    return Gain(FORMS[test.form].title, test, mean(test.gain), p)
