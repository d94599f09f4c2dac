"""How the page writes figures: the filters of its template. What is unknown is a dash."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from training.cifar10.report.cost import Effect, Span
from training.cifar10.report.record import Line

NONE = "–"


def percent(share: float | None) -> str:
    """Write a share: 0.9342 is 93.42 %."""
    return NONE if share is None else f"{100 * share:.2f} %"


def points(share: float | None) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return NONE if share is None else f"{100 * share:+.2f}"


def lost(share: float) -> str:
    """Write a loss of accuracy in percentage points."""
    return f"{100 * share:.2f}"


def accuracy(line: Line) -> str:
    """Write a line's mean and spread."""
    sd = "" if line.accuracy_sd is None else f" ± {100 * line.accuracy_sd:.2f}"
    return f"{100 * line.accuracy:.2f}{sd} %"


def probability(p: float | None) -> str:
    """Write a p-value."""
    return NONE if p is None else f"{p:.3f}" if p >= 0.001 else "< 0.001"


def megabytes(size_bytes: float) -> str:
    """Write bytes."""
    return f"{size_bytes / 1e6:.2f} MB"


def times(factor: float | None) -> str:
    """Write a factor."""
    return NONE if factor is None else f"{factor:.1f}×"


def number(value: float | None, spec: str) -> str:
    """Write a value by Python's format."""
    return NONE if value is None else f"{value:{spec}}"


def spanned(span: Span, write: Callable[[float], str]) -> str:
    """Write a span; once where both ends read alike."""
    low, high = write(span.low), write(span.high)
    return low if low == high else f"{low} to {high}"


def effects(effect: Effect | None) -> str:
    """Write the two effects and their product."""
    if effect is None:
        return NONE
    return f"{times(effect.network)} · {times(effect.int8)} = {times(effect.product)}"


def epochs(count: int) -> str:
    """Write a number of epochs."""
    return "1 epoch" if count == 1 else f"{count} epochs"


def code(names: Iterable[str]) -> str:
    """Write names as code."""
    return ", ".join(f"`{name}`" for name in names)


FILTERS: dict[str, Callable[..., Any]] = {
    "percent": percent,
    "points": points,
    "lost": lost,
    "accuracy": accuracy,
    "probability": probability,
    "megabytes": megabytes,
    "times": times,
    "number": number,
    "span_lost": lambda span: spanned(span, lost),
    "span_times": lambda span: spanned(span, times),
    "span_ratio": lambda span: spanned(span, lambda ratio: f"{ratio:.2f}"),
    "effects": effects,
    "epochs": epochs,
    "code": code,
}
