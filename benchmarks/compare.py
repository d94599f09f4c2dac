"""Two result files side by side: medians, their ratio, and an interval that says how far the ratio can be trusted.

Source: the idea is pyperf's `compare_to` (psf/pyperf); the interval is a percentile bootstrap over two levels,
processes and the values within them (Efron and Tibshirani, An Introduction to the Bootstrap, chapters 13 and 8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.result import EnergyRun, Result, Timing
from edge.errors import SettingsError

RESAMPLES = 2000
SPREAD_MAX = 0.1  # of the processes' medians, relative; above it a warning
PROCESSES_MIN = 5  # a bootstrap of fewer covers less than it says
_CHUNK = 100
_IDENTITY = ("cpu", "architecture", "cores", "board")
Groups = list[NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one row is about."""

    backend: str
    threads: int
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Named:
    """One file: its letter in messages, and what stands in it."""

    letter: str
    result: Result


class Row(msgspec.Struct, frozen=True):
    """One figure of one backend and thread count in both files.

    Attributes:
        backend, threads: of which.
        figure: which.
        unit: of a and b.
        a, b: medians of all raw values; None where unknown.
        ratio: b / a.
        low, high: 95% interval of the ratio; None where there is one value alone.
        verdict: for people.
    """

    backend: str
    threads: int
    figure: str
    unit: str
    a: float | None
    b: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: str


class Comparison(msgspec.Struct, frozen=True):
    """All rows, and what is to be said about them."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]


def compare(
    a: Result, b: Result, *, across_machines: bool = False, across_bundles: bool = False
) -> Comparison:
    """Compare b with a.

    Args:
        a: the base.
        b: the other one.
        across_machines: compare figures of unlike machines all the same.
        across_bundles: likewise, of different bundles.

    Raises:
        SettingsError: the machines or the bundles differ, or no row is in both.
    """
    warnings = [
        *_unlike("machines", _differences(a, b), "--across-machines", allowed=across_machines),
        *_unlike("bundles", _bundles(a, b), "--across-bundles", allowed=across_bundles),
        *_doubts(a, b),
    ]
    keys_a, keys_b = ({(t.backend, t.threads): None for t in result.timings} for result in (a, b))
    common = [key for key in keys_a if key in keys_b]
    if not common:
        raise SettingsError(f"nothing to compare: A has {_named(keys_a)}, B has {_named(keys_b)}")
    for letter, keys, others in (("A", keys_a, keys_b), ("B", keys_b, keys_a)):
        if alone := [key for key in keys if key not in others]:
            warnings.append(f"only in {letter}: {_named(alone)}")
    rng = np.random.default_rng(0)
    rows = [row for backend, threads in common for row in _rows(a, b, backend, threads, rng)]
    return Comparison(tuple(rows), tuple(warnings))


def _unlike(what: str, differences: Sequence[str], option: str, *, allowed: bool) -> list[str]:
    """Refuse what differs, or say it where it was allowed."""
    if differences and not allowed:
        raise SettingsError(
            f"A and B are of different {what}: {'; '.join(differences)}. {option} compares them all the same"
        )
    return [f"different {what}: {difference}" for difference in differences]


def _differences(a: Result, b: Result) -> list[str]:
    pairs = ((name, getattr(a.machine, name), getattr(b.machine, name)) for name in _IDENTITY)
    return [
        f"{name} {one or 'unknown'} and {other or 'unknown'}" for name, one, other in pairs if one != other
    ]


def _bundles(a: Result, b: Result) -> list[str]:
    if a.bundle.digest == b.bundle.digest:
        return []
    one, other = (f"{bundle.name} {bundle.version} ({bundle.digest[:12]})" for bundle in (a.bundle, b.bundle))
    return [f"{one} and {other}"]


def _named(keys: Sequence[tuple[str, int]] | dict[tuple[str, int], None]) -> str:
    return ", ".join(f"{backend} with {threads} threads" for backend, threads in keys)


def _doubts(a: Result, b: Result) -> Iterator[str]:
    """Yield what makes the comparison doubtful."""
    if (
        a.machine.cpu is None
        and a.machine.board is None
        and b.machine.cpu is None
        and b.machine.board is None
    ):
        yield "neither file names its processor: whether the machines are alike cannot be told"
    for name in ("runs", "warmup", "processes"):
        one, other = getattr(a.protocol, name), getattr(b.protocol, name)
        if one != other:
            yield f"protocols differ: {name} {one} and {other}"
    for package in sorted({*a.machine.packages, *b.machine.packages}):
        one, other = a.machine.packages.get(package), b.machine.packages.get(package)
        if one != other:
            yield f"{package}: {one or 'none'} in A, {other or 'none'} in B"
    for named in (Named("A", a), Named("B", b)):
        for warning in (
            *machine.warnings(msgspec.to_builtins(named.result.machine)),
            *_spreads(named.result),
        ):
            yield f"{named.letter}: {warning}"
        yield from _held_back(named)


def _spreads(result: Result) -> Iterator[str]:
    for backend, threads in {(t.backend, t.threads): None for t in result.timings}:
        medians = [float(np.median(values)) for values in _times(result, backend, threads, _invoke)]
        if len(medians) < PROCESSES_MIN:
            few = f"{len(medians)} process{'es' * (len(medians) > 1)}"
            yield f"{backend}, {threads} threads: {few}; the interval is too narrow with fewer than {PROCESSES_MIN}"
        if (
            len(medians) > 1
            and (spread := (max(medians) - min(medians)) / float(np.median(medians))) > SPREAD_MAX
        ):
            yield f"{backend}, {threads} threads: medians of the processes differ by {spread:.0%}"


def _held_back(named: Named) -> Iterator[str]:
    conditions = named.result.conditions
    if conditions is None:
        return
    before, after = conditions.before, conditions.after
    flags = set(after.throttling or ()) | set(before.throttling or ())
    if before.throttled_since_boot is not None:
        flags |= set(after.throttled_since_boot or ()) - set(before.throttled_since_boot)
    if flags:
        yield f"{named.letter}: the board was held back: {', '.join(sorted(flags))}"


def _rows(a: Result, b: Result, backend: str, threads: int, rng: np.random.Generator) -> Iterator[Row]:
    """Yield every figure of one backend and thread count."""
    for name, values in (("call", _invoke), ("total", _total)):
        one, other = (_times(result, backend, threads, values) for result in (a, b))
        yield _row(Figure(backend, threads, name, "ms"), one, other, rng)
    one, other = (_peaks(result, backend, threads) for result in (a, b))
    yield _row(Figure(backend, threads, "peak RSS", "MB"), one, other, rng)
    if a.energy is None or b.energy is None or a.energy.source == b.energy.source == "unavailable":
        return
    if a.energy.source != b.energy.source:
        verdict = f"not compared: {a.energy.source} and {b.energy.source}"
        yield Row(backend, threads, "energy", "mJ", None, None, None, None, None, verdict)
        return
    for name, above_idle in (("energy", False), ("energy above idle", True)):
        one, other = (_joules(result, backend, threads, above_idle=above_idle) for result in (a, b))
        yield _row(Figure(backend, threads, name, "mJ"), one, other, rng)


def _row(figure: Figure, a: Groups, b: Groups, rng: np.random.Generator) -> Row:
    one, other = (float(np.median(np.concatenate(groups))) if groups else None for groups in (a, b))
    ratio, low, high, verdict = None, None, None, "unknown"
    if one is not None and other is not None:
        ratio = other / one
        interval = ratio_interval(a, b, rng)
        low, high = (None, None) if interval is None else (interval.low, interval.high)
        verdict = _verdict(ratio, interval)
    key = (figure.backend, figure.threads, figure.name, figure.unit)
    return Row(*key, one, other, ratio, low, high, verdict)


@dataclass(frozen=True, slots=True)
class Interval:
    """Of a ratio."""

    low: float
    high: float


def ratio_interval(a: Groups, b: Groups, rng: np.random.Generator) -> Interval | None:
    """Return the 95% interval of median(b) / median(a).

    Args:
        a: the values of each process, as many from each.
        b: likewise.
        rng: draws the resamples.

    Returns:
        The interval; None where a side has one value alone.
    """
    if min(sum(values.size for values in groups) for groups in (a, b)) < 2:
        return None
    ratios = _resampled_medians(b, rng) / _resampled_medians(a, rng)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Interval(float(low), float(high))


def _resampled_medians(groups: Groups, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw processes, then values within each, and return (RESAMPLES,) medians."""
    values = np.stack(groups)  # (processes, values)
    processes, size = values.shape
    medians = []
    for _ in range(RESAMPLES // _CHUNK):
        drawn = rng.integers(processes, size=(_CHUNK, processes, 1))
        within = rng.integers(size, size=(_CHUNK, processes, size))
        medians.append(np.median(values[drawn, within].reshape(_CHUNK, -1), axis=1))
    return np.concatenate(medians)


def _verdict(ratio: float, interval: Interval | None) -> str:
    if interval is None:
        return "one value each: no interval"
    if interval.low <= 1 <= interval.high:
        return "no difference shown"
    return f"B {abs(ratio - 1):.1%} {'more' if ratio > 1 else 'less'}"


def _invoke(timing: Timing) -> list[int]:
    return timing.invoke_ns


def _total(timing: Timing) -> list[int]:
    return timing.total_ns


def _times(result: Result, backend: str, threads: int, values: Callable[[Timing], list[int]]) -> Groups:
    """Return the milliseconds of each process."""
    own = (timing for timing in result.timings if (timing.backend, timing.threads) == (backend, threads))
    return [np.array(values(timing)) / 1e6 for timing in own]


def _peaks(result: Result, backend: str, threads: int) -> Groups:
    """Return the MB of each process; none where one is unknown."""
    own = [
        t.memory_after.peak_rss_bytes for t in result.timings if (t.backend, t.threads) == (backend, threads)
    ]
    return [np.array([size / 1e6]) for size in own if size is not None] if None not in own else []


def _joules(result: Result, backend: str, threads: int, *, above_idle: bool) -> Groups:
    """Return the mJ of each process; none where one is unknown."""
    runs: list[EnergyRun] = [] if result.energy is None else result.energy.runs
    own = [
        run.joules(above_idle=above_idle) for run in runs if (run.backend, run.threads) == (backend, threads)
    ]
    return [np.array([joules * 1e3]) for joules in own if joules is not None] if None not in own else []


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the rows for people, under `HEAD`."""
    return [
        (
            row.backend,
            str(row.threads),
            f"{row.figure}, {row.unit}",
            *("?" if value is None else f"{value:.3f}" for value in (row.a, row.b, row.ratio)),
            "?" if row.low is None or row.high is None else f"{row.low:.3f} to {row.high:.3f}",
            row.verdict,
        )
        for row in rows
    ]


HEAD = ("backend", "threads", "median of", "A", "B", "B / A", "95%", "")
