"""The budget of instructions: what was counted when it was last renewed, and how a new count compares with it.

`arm64/budget.json` is what a run of the check leaves in the cache; copying it over the old one renews the budget.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

NOISE = 0.001  # counts repeat to within this of their median
GROWTH_MAX = 0.02

Counts: TypeAlias = dict[str, int]  # by class of instruction
Verdict: TypeAlias = Literal["unknown", "same", "changed", "grown", "fallen"]
GOOD = ("same", "changed")  # one that has fallen would let as much grow again unseen: renew the budget


@dataclass(frozen=True, slots=True)
class Budget:
    """Counts, and what they were counted with.

    Attributes:
        counted_with: version of each wheel, and the bundle, by name.
        counts: instructions by class, by board, backend and scope, as in `pi4 litert frame`.
    """

    counted_with: dict[str, str]
    counts: dict[str, Counts]

    def differences(self, now: Mapping[str, str]) -> list[str]:
        """Return what is no longer as when the budget was counted, a line each."""
        names = sorted({*self.counted_with, *now})
        return [
            f"{name}: the budget was counted with {self.counted_with.get(name)}, this run with {now.get(name)}"
            for name in names
            if self.counted_with.get(name) != now.get(name)
        ]


def read(path: Path) -> Budget:
    """Read a budget.

    Raises:
        OSError, ValueError, TypeError: no such file, or not a budget.
    """
    return Budget(**json.loads(path.read_text()))


def write(budget: Budget, path: Path) -> None:
    """Write a budget so that a difference reads well."""
    path.write_text(json.dumps(asdict(budget), indent=2) + "\n")


def spread(totals: Sequence[float]) -> float:
    """Return the largest distance of repeated counts from their median, as a fraction of it."""
    middle = median(totals)
    return max(abs(total - middle) for total in totals) / middle


def judge(counts: Counts, allowed: Counts | None) -> Verdict:
    """Compare counts with what the budget allows.

    Returns:
        `unknown` without a budget; `grown` where any class has by more than `GROWTH_MAX`; else by the total: `same`
        within the noise, `changed`, or `fallen` by more than `GROWTH_MAX`.
    """
    if allowed is None:
        return "unknown"
    grown = growth(counts, allowed)
    if max(grown.values()) > GROWTH_MAX:
        return "grown"
    if grown["total"] < -GROWTH_MAX:
        return "fallen"
    return "same" if abs(grown["total"]) <= NOISE else "changed"


def growth(counts: Counts, allowed: Counts) -> dict[str, float]:
    """Return by how much each class has grown, as a fraction of what it may be; one that may not be counts as one."""
    return {name: (counts[name] - limit) / max(limit, 1) for name, limit in allowed.items()}
