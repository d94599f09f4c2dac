"""How long one inference takes: fresh processes, taken in turns, warm-up thrown away, every raw value kept.

Source: the method is pyperf's (psf/pyperf, "Analyze benchmark results").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks import child, machine
from benchmarks.worker import Request, Timing
from edge.model.bundle import Bundle
from edge.model.load import load_runtime
from edge.model.registry import BACKENDS

SCHEMA = "firetower-latency/1.0"
SPREAD_MAX = 0.1  # of the processes' medians, relative; above it the table warns


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often."""

    bundle: Path
    backends: tuple[str, ...]
    threads: tuple[int, ...]
    runs: int
    warmup: int
    processes: int


class Skipped(msgspec.Struct, frozen=True):
    """A backend that the bundle has a file for, and why it was not measured."""

    backend: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The backends that are measured, and those that were left out."""

    backends: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """One backend and thread count over all its processes; times in ms.

    Attributes:
        median_ms, p90_ms, p99_ms, min_ms: of all raw values of the backend's own call.
        total_median_ms: of preprocessing, call and dequantization together.
        spread: (largest − smallest) / median of the processes' medians; None with one process.
        rss_bytes: resident after the last inference, the largest of the processes.
        rss_peak_bytes: likewise, the peak.
    """

    backend: str
    threads: int
    processes: int
    median_ms: float
    p90_ms: float
    p99_ms: float
    min_ms: float
    total_median_ms: float
    spread: float | None
    rss_bytes: int | None
    rss_peak_bytes: int | None


def choose_backends(bundle: Bundle, asked: tuple[str, ...] | None) -> Choice:
    """Return the backends to measure: those asked for, else those that the bundle has a file for and are installed.

    Args:
        bundle: opened.
        asked: by name, or None.

    Raises:
        BundleError: no backend known here can run the bundle.
        MissingExtraError: a backend that was asked for, or the only one of the bundle, is not installed.
    """
    for backend in map(BACKENDS.__getitem__, asked or ()):
        if not backend.installed:
            raise backend.missing(f"measuring {backend.title}")
    if asked is not None:
        return Choice(asked)
    bundle.model_file()  # says so where no backend known here can run it
    absent = [backend for backend in bundle.backends() if not backend.installed]
    if len(absent) == len(bundle.backends()):
        titles = " and ".join(backend.title for backend in absent)
        raise absent[0].missing(f"measuring this bundle, which has a file for {titles} alone,")
    present = tuple(backend.name for backend in bundle.backends() if backend.installed)
    return Choice(
        present, tuple(Skipped(backend.name, str(backend.missing(backend.title))) for backend in absent)
    )


def measure(plan: Plan, work: Callable[[Request], Timing], tell: Callable[[str], None]) -> list[Timing]:
    """Run every process of the plan.

    Args:
        plan: what to measure.
        work: runs one process; `run_worker`, or a test's own.
        tell: shows progress.
    Raises:
        BundleError: the bundle has no file for a backend, or its file cannot be loaded.
        MissingExtraError: a backend is not installed.
    """
    bundle = Bundle.open(plan.bundle)
    choose_backends(bundle, plan.backends)
    for backend in plan.backends:
        load_runtime(bundle, backend)  # in a child first; the workers need not look again
    timings = []
    total = plan.processes * len(plan.backends) * len(plan.threads)
    for index, (backend, threads) in enumerate(schedule(plan), 1):
        request = Request(str(plan.bundle), bundle.digest, backend, threads, plan.warmup, plan.runs)
        timings.append(work(request))
        median_ms = float(np.median(timings[-1].invoke_ns)) / 1e6
        tell(f"{index}/{total}: {backend}, {threads} thread{'s' * (threads > 1)}: median {median_ms:.3f} ms")
    return timings


def schedule(plan: Plan) -> Iterator[tuple[str, int]]:
    """Yield (backend, threads) of each process: all in turn, the order reversed each round, so that drift cancels."""
    round_ = list(itertools.product(plan.backends, plan.threads))
    for index in range(plan.processes):
        yield from reversed(round_) if index % 2 else round_


def run_worker(request: Request) -> Timing:
    """Measure in a fresh process.

    Raises:
        BundleError: it failed; the message is its own last line.
    """
    return child.run("benchmarks.worker", request, Timing)


def summarize(timings: Sequence[Timing]) -> list[Summary]:
    """Pool the processes of each backend and thread count."""
    keys = list(dict.fromkeys((timing.backend, timing.threads) for timing in timings))
    return [_summary([t for t in timings if (t.backend, t.threads) == key]) for key in keys]


def _summary(group: Sequence[Timing]) -> Summary:
    invoke_ms = np.concatenate([timing.invoke_ns for timing in group]) / 1e6
    total_ms = np.concatenate([timing.total_ns for timing in group]) / 1e6
    medians = [float(np.median(timing.invoke_ns)) for timing in group]
    spread = (max(medians) - min(medians)) / float(np.median(medians)) if len(group) > 1 else None
    median, p90, p99 = (float(value) for value in np.percentile(invoke_ms, (50, 90, 99)))
    resident = [t.memory_after.rss_bytes for t in group if t.memory_after.rss_bytes is not None]
    peak = [t.memory_after.peak_rss_bytes for t in group if t.memory_after.peak_rss_bytes is not None]
    return Summary(
        backend=group[0].backend,
        threads=group[0].threads,
        processes=len(group),
        median_ms=median,
        p90_ms=p90,
        p99_ms=p99,
        min_ms=float(invoke_ms.min()),
        total_median_ms=float(np.median(total_ms)),
        spread=spread,
        rss_bytes=max(resident, default=None),
        rss_peak_bytes=max(peak, default=None),
    )


def report(plan: Plan, timings: Sequence[Timing], about: dict[str, Any]) -> dict[str, Any]:
    """Return the whole result as JSON: machine, protocol, every raw value, and the summary."""
    bundle = Bundle.open(plan.bundle)
    manifest = bundle.manifest
    return {
        "schema": SCHEMA,
        "machine": about,
        "bundle": {"name": manifest.name, "version": manifest.version, "digest": bundle.digest},
        "protocol": {
            "runs": plan.runs,
            "warmup": plan.warmup,
            "processes": plan.processes,
            "frames": "noise of the model's input size, uint8 RGB; state is fed on",
        },
        "timings": msgspec.to_builtins(list(timings)),
        "summary": msgspec.to_builtins(summarize(timings)),
        "warnings": [*machine.warnings(about), *spread_warnings(summarize(timings))],
    }


def spread_warnings(summaries: Sequence[Summary]) -> list[str]:
    """Return a warning for each row whose processes disagree."""
    return [
        f"{row.backend}, {row.threads} threads: medians of the processes differ by {row.spread:.0%}; "
        "measure again on a quiet machine"
        for row in summaries
        if row.spread is not None and row.spread > SPREAD_MAX
    ]


def table(summaries: Sequence[Summary]) -> str:
    """Return the summary for people; times in ms, of the backend's own call but for `total`."""
    head = ("backend", "threads", "median", "p90", "p99", "min", "total", "spread", "RSS MB", "peak MB")
    rows = [
        (
            row.backend,
            str(row.threads),
            *(f"{value:.3f}" for value in (row.median_ms, row.p90_ms, row.p99_ms, row.min_ms)),
            f"{row.total_median_ms:.3f}",
            "?" if row.spread is None else f"{row.spread:.1%}",
            *("?" if size is None else f"{size / 1e6:.1f}" for size in (row.rss_bytes, row.rss_peak_bytes)),
        )
        for row in summaries
    ]
    return columns(head, rows)


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for people, its columns flush right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *rows)
    )
