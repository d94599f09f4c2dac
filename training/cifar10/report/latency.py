"""How long each file takes on this machine: `python -m benchmarks latency`, the bundles in turn, several rounds.

Where the machine has a sensor of its power, `python -m benchmarks board` then measures the energy of each.

The benchmark is a program of its own and is run as one, so that nothing here imports it.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.meter import choose_meter
from training.cifar10.report.measure import BUNDLE
from training.cifar10.workshop import Workshop
from training.step.benchmark import benchmark
from training.step.provenance import processor
from training.step.step import Step

logger = logging.getLogger(__name__)

ROUNDS = 3
RUNS = 60
WARM_UP = 15
ENERGY_S = 10
BACKEND = "litert"  # the device's default


def measure(shop: Workshop, steps: Sequence[Step]) -> Step:
    """Time one file after the other, one thread, batch 1, the order reversed each round; or find them timed.

    Args:
        shop: where the step goes.
        steps: of `measure.measure`; those without a file are passed over.

    Raises:
        ValueError: the benchmark failed; its own last line.
    """
    found = {step.folder / BUNDLE: step.read().get("bundle") for step in steps}
    bundles: dict[Path, str] = {path: digest for path, digest in found.items() if digest is not None}
    inputs: dict[str, Any] = {
        "bundles": sorted(bundles.values()),
        "protocol": [ROUNDS, RUNS, WARM_UP, BACKEND],
        "machine": [platform.node(), processor(), version("ai-edge-litert")],
    }
    sensor = choose_meter().source
    measured = sensor.startswith("measured:")
    inputs |= {"sensor": sensor} if measured else {}
    step = shop.step("latency", "latency", inputs)
    return shop.once(step, lambda: _rounds(bundles) | (_energies(bundles, sensor) if measured else {}))


def _rounds(bundles: dict[Path, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        digest: {"invoke_ns": [], "load_1": [], "rss_peak_bytes": []} for digest in bundles.values()
    }
    machine: dict[str, Any] = {}
    for number in range(ROUNDS):
        logger.info("latency: round %d of %d, %d files", number + 1, ROUNDS, len(bundles))
        for path in sorted(bundles, reverse=bool(number % 2)):
            result = _benchmark(path, "latency")
            machine = machine or result["machine"]
            row = found[bundles[path]]
            row["invoke_ns"].append(result["timings"][0]["invoke_ns"])
            row["load_1"].append((result["machine"]["load_before"] or [None])[0])
            row["rss_peak_bytes"].append(result["timings"][0]["memory_after"]["peak_rss_bytes"])
    for row in found.values():
        medians = [float(np.median(times)) / 1e6 for times in row["invoke_ns"]]
        row["median_ms"] = float(np.median(np.concatenate(row["invoke_ns"]))) / 1e6
        row["spread"] = (max(medians) - min(medians)) / float(np.median(medians))
    protocol = {
        "rounds": ROUNDS,
        "runs": RUNS,
        "warmup": WARM_UP,
        "backend": BACKEND,
        "threads": 1,
        "batch": 1,
    }
    return {"machine": machine, "protocol": protocol, "files": found}


def _energies(bundles: dict[Path, str], sensor: str) -> dict[str, Any]:
    """Return joules above idle of one inference, by the bundle's digest; None where the sensor fell silent."""
    logger.info("energy by %s, %d files", sensor, len(bundles))
    joules = {
        digest: _benchmark(path, "board", "--seconds", ENERGY_S)["summary"][0]["j_per_inference_above_idle"]
        for path, digest in bundles.items()
    }
    return {"sensor": sensor, "joules": joules}


def _benchmark(path: Path, verb: str, *more: object) -> dict[str, Any]:
    words = ["--backends", BACKEND, "--runs", RUNS, "--warmup", WARM_UP, "--processes", 1]
    return benchmark(path, verb, *more, *words)
