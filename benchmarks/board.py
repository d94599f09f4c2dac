"""Latency, memory, energy, heat and throttling of a bundle on this board, with the board's own sensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from benchmarks import energy, latency, worker
from edge.clock import Clock
from edge.device.board import find_board
from edge.device.device import Condition, Device
from edge.device.meter import EnergySource
from edge.device.power import EnergyMeter
from edge.model.bundle import Bundle

SCHEMA = "firetower-board/1.0"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how often.

    Attributes:
        timing: bundle, backends, threads, runs, warm-up, processes.
        skipped: backends that are left out.
        seconds: of the idle phase, and of each process that measures energy.
        source, watts_per_busy_core: of the meter, as in edge.device.meter.
    """

    timing: latency.Plan
    skipped: tuple[latency.Skipped, ...]
    seconds: float
    source: EnergySource
    watts_per_busy_core: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measurement needs of the board; a test hands in its own.

    Attributes:
        device: its temperature and throttling flags.
        meter: its energy.
        clock: monotonic time; waits during the idle phase.
        time_one: runs one process that times inferences.
        power_one: runs one process that measures their energy.
        tell: shows progress.
    """

    device: Device
    meter: EnergyMeter
    clock: Clock
    time_one: Callable[[worker.Request], worker.Timing]
    power_one: Callable[[energy.Request], energy.Run]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything that was measured; `runs` is empty where nothing is known about energy."""

    before: Condition
    source: str
    idle: energy.Idle
    timings: tuple[worker.Timing, ...]
    runs: tuple[energy.Run, ...]
    after: Condition


class Row(latency.Summary, frozen=True, kw_only=True):
    """One backend and thread count; what a Summary has, and memory and energy. None is unknown.

    Attributes:
        rss_before_bytes, rss_loaded_bytes: resident without and with the model, before its first inference; the
            largest of the processes, like rss_peak_bytes.
        watts, watts_above_idle: mean power while inferring without a pause; the median of the processes.
        j_per_inference, j_per_inference_above_idle: likewise, of one inference with its preprocessing.
    """

    rss_before_bytes: int | None
    rss_loaded_bytes: int | None
    watts: float | None
    watts_above_idle: float | None
    j_per_inference: float | None
    j_per_inference_above_idle: float | None


def measure(plan: Plan, bench: Bench) -> Measurement:
    """Idle first, then latency, then energy; temperature and throttling flags before and after.

    Args:
        plan: what to measure.
        bench: the board.

    Raises:
        BundleError: the bundle has no file for a backend, or a process failed.
        MissingExtraError: ONNX Runtime is wanted and not installed.
    """
    before = bench.device.read()
    if bench.meter.source.startswith("measured:"):
        bench.tell(f"idle for {plan.seconds:g} s, {bench.meter.source}")
    idle = energy.measure_idle(bench.meter, bench.clock, plan.seconds)
    timings = latency.measure(plan.timing, bench.time_one, bench.tell)
    runs = _measure_energy(plan, bench, idle) if energy.is_known(bench.meter) else ()
    return Measurement(before, bench.meter.source, idle, tuple(timings), runs, bench.device.read())


def _measure_energy(plan: Plan, bench: Bench, idle: energy.Idle) -> tuple[energy.Run, ...]:
    bundle = Bundle.open(plan.timing.bundle)
    turns = list(latency.schedule(plan.timing))
    runs = []
    for index, (backend, threads) in enumerate(turns, 1):
        request = energy.Request(
            str(plan.timing.bundle),
            bundle.digest,
            backend,
            threads,
            plan.timing.warmup,
            plan.seconds,
            plan.source,
            plan.watts_per_busy_core,
            idle.watts,
        )
        runs.append(bench.power_one(request))
        bench.tell(f"energy {index}/{len(turns)}: {backend}, {threads} thread{'s' * (threads > 1)}")
    return tuple(runs)


def summarize(measurement: Measurement) -> list[Row]:
    """Pool the processes of each backend and thread count."""
    return [_row(summary, measurement) for summary in latency.summarize(measurement.timings)]


def _row(summary: latency.Summary, measurement: Measurement) -> Row:
    key = (summary.backend, summary.threads)
    timings = [timing for timing in measurement.timings if (timing.backend, timing.threads) == key]
    runs = [run for run in _trusted(measurement) if (run.backend, run.threads) == key]
    return Row(
        **msgspec.structs.asdict(summary),
        rss_before_bytes=_largest([timing.memory_before.rss_bytes for timing in timings]),
        rss_loaded_bytes=_largest([timing.memory_loaded.rss_bytes for timing in timings]),
        watts=_median([run.watts() for run in runs]),
        watts_above_idle=_median([run.watts(above_idle=True) for run in runs]),
        j_per_inference=_median([run.joules() for run in runs]),
        j_per_inference_above_idle=_median([run.joules(above_idle=True) for run in runs]),
    )


def _trusted(measurement: Measurement) -> list[energy.Run]:
    """Return the runs that were read with the meter that the idle phase had."""
    return [run for run in measurement.runs if run.report.source == measurement.source]


def _largest(sizes: Sequence[int | None]) -> int | None:
    return max((size for size in sizes if size is not None), default=None)


def _median(values: Sequence[float | None]) -> float | None:
    """Return the median; None where one is unknown, for the others would stand for it."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known and len(known) == len(values) else None


def report(plan: Plan, measurement: Measurement, about: dict[str, Any]) -> dict[str, Any]:
    """Return the whole result as JSON: what a latency result has, and conditions, energy and their raw values."""
    result = latency.report(plan.timing, measurement.timings, about)
    result["schema"] = SCHEMA
    result["protocol"] |= {
        "energy_seconds": plan.seconds,
        "energy": "inferences one after the other without a pause; the meter is read beside them",
    }
    result["conditions"] = msgspec.to_builtins({"before": measurement.before, "after": measurement.after})
    result["energy"] = msgspec.to_builtins(
        {"source": measurement.source, "idle": measurement.idle, "runs": measurement.runs}
    )
    result["skipped"] = msgspec.to_builtins(plan.skipped)
    result["summary"] = msgspec.to_builtins(summarize(measurement))
    result["warnings"] += [*_heat_warnings(measurement, about["board"]), *_energy_warnings(measurement)]
    return result


def brief(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a program may want of a report: the rows, and how energy is known, without raw values."""
    energy_ = document["energy"]
    return {
        "rows": document["summary"],
        "energy": {
            "source": energy_["source"],
            "idle_watts": energy_["idle"]["watts"],
            "idle": energy_["idle"]["how"],
        },
        "conditions": document["conditions"],
        "warnings": document["warnings"],
    }


def _heat_warnings(measurement: Measurement, model: str | None) -> list[str]:
    """Return what the board's temperature and flags say against the figures."""
    before, after = measurement.before, measurement.after
    found = [f"at the end the board was held back: {', '.join(after.throttling)}"] if after.throttling else []
    fresh = set(after.throttled_since_boot or ()) - set(before.throttled_since_boot or ())
    if fresh and before.throttled_since_boot is not None:
        found.append(f"during the measurement the board was held back: {', '.join(sorted(fresh))}")
    if before.throttled_since_boot:
        found.append(
            f"held back since boot, before the measurement: {', '.join(before.throttled_since_boot)}; whether it was"
            " again during it cannot be told: reboot, and measure anew"
        )
    board = find_board(model)
    if board is not None and after.temperature_c is not None:
        limits_c = [limit for limit in (board.soft_limit_c, board.throttle_c) if limit is not None]
        passed_c = [limit for limit in limits_c if after.temperature_c >= limit]
        if passed_c:
            found.append(
                f"{after.temperature_c:.0f} °C at the end: the board slows down above {passed_c[0]:.0f} °C"
            )
    return found


def _energy_warnings(measurement: Measurement) -> list[str]:
    """Return what makes the energy unknown or doubtful."""
    found = []
    strangers = {run.report.source for run in measurement.runs} - {measurement.source}
    if strangers:
        found.append(f"the meter changed from {measurement.source} to {', '.join(sorted(strangers))}")
    measured = measurement.source.startswith("measured:")
    if measured and measurement.idle.watts is None:
        found.append(f"{measurement.source} told no power in the idle phase: energy above idle is unknown")
    failed = sum(run.report.failed_readings for run in measurement.runs)
    if failed:
        found.append(f"{failed} readings of {measurement.source} failed; those seconds are left out")
    for row in summarize(measurement):
        runs = [
            run for run in _trusted(measurement) if (run.backend, run.threads) == (row.backend, row.threads)
        ]
        found += _row_warnings(row, runs, idle_known=measurement.idle.watts is not None)
    return found


def _row_warnings(row: Row, runs: Sequence[energy.Run], *, idle_known: bool) -> list[str]:
    name = f"{row.backend}, {row.threads} threads"
    if row.j_per_inference is not None and row.j_per_inference_above_idle is None and idle_known:
        return [
            f"{name}: the power under load is not above the idle power; the board was not idle, or does little"
        ]
    joules = [value for run in runs if (value := run.joules()) is not None]
    if len(joules) > 1 and (max(joules) - min(joules)) / float(np.median(joules)) > latency.SPREAD_MAX:
        return [f"{name}: the processes' joules differ by more than {latency.SPREAD_MAX:.0%}"]
    return []


def table(rows: Sequence[Row]) -> str:
    """Return the summary for people; times in ms, of the backend's own call but for `total`; memory in MB."""
    head = ("backend", "threads", "median", "p90", "p99", "total", "spread", "before", "loaded", "peak")
    joules = ("W", "mJ", "mJ above idle")
    lines = [
        (
            row.backend,
            str(row.threads),
            *(f"{value:.3f}" for value in (row.median_ms, row.p90_ms, row.p99_ms, row.total_median_ms)),
            "?" if row.spread is None else f"{row.spread:.1%}",
            *(
                _shown(size, 1e-6, 1)
                for size in (row.rss_before_bytes, row.rss_loaded_bytes, row.rss_peak_bytes)
            ),
            _shown(row.watts, 1, 2),
            *(
                "?" if joules is None else f"{joules * 1e3:.3g}"
                for joules in (row.j_per_inference, row.j_per_inference_above_idle)
            ),
        )
        for row in rows
    ]
    return latency.columns((*head, *joules), lines)


def _shown(value: float | None, factor: float, digits: int) -> str:
    return "?" if value is None else f"{value * factor:.{digits}f}"


def notes(plan: Plan, measurement: Measurement) -> list[str]:
    """Return what belongs under the table: how energy is known, temperature, throttling flags."""
    idle = measurement.idle
    before, after = measurement.before, measurement.after
    energy_note = f"energy: {measurement.source}"
    if plan.source == "off":
        energy_note += " (--energy off)"
    elif not measurement.runs:
        energy_note += (
            " (no sensor can be read, and this board's power is not published: --watts-per-busy-core)"
        )
    elif idle.watts is not None:
        energy_note += f"; idle {idle.watts:.2f} W, {idle.how}"
    flags = (before.throttling, after.throttling, after.throttled_since_boot)
    return [
        energy_note,
        f"temperature: {_shown(before.temperature_c, 1, 1)} °C before, {_shown(after.temperature_c, 1, 1)} °C after",
        "held back: {} before, {} after, {} since boot".format(*map(_flags, flags)),
    ]


def _flags(flags: Sequence[str] | None) -> str:
    return "?" if flags is None else ", ".join(flags) or "no"
