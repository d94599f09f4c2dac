"""What an inference of a bundle costs: memory measured here, instructions as the emulation counted them."""

from __future__ import annotations

import logging
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from edge.document import read_text
from edge.model.bundle import Bundle
from training.gate.result import Costs
from training.step.benchmark import benchmark

logger = logging.getLogger(__name__)

BOARDS = ("pi4", "pi5")  # Cortex-A72, Cortex-A76
INFERENCES, PROCESSES = 10, 3
_BYTES_MAX = 1 << 20


class _Budget(msgspec.Struct):
    """What `python -m arm64 instructions` wrote."""

    counted_with: dict[str, str]
    counts: dict[str, dict[str, int]]


def costs_of(bundle: Bundle, backend: str, budget: Path, *, measure: bool = True) -> Costs:
    """Measure memory if asked to, and find the instructions if they were counted with this very bundle.

    Args:
        bundle: opened.
        backend: that runs it.
        budget: file of counted instructions; may be absent.
        measure: whether to run the network for its memory.

    Raises:
        ValueError: the benchmark failed, or the file is malformed.
    """
    rss_bytes = _rss_bytes(bundle.path, backend) if measure else None
    return Costs(rss_bytes=rss_bytes, instructions=_counted(bundle, backend, budget))


def _rss_bytes(path: Path, backend: str) -> int | None:
    """Return the median over fresh processes; None where this machine does not tell."""
    words = ["--backends", backend, "--warmup", 1, "--runs", INFERENCES - 1, "--processes", PROCESSES]
    found: list[dict[str, Any]] = benchmark(path, "latency", *words)["timings"]
    grown = [
        after - before
        for one in found
        if (after := one["memory_after"]["rss_bytes"]) is not None
        and (before := one["memory_before"]["rss_bytes"]) is not None
    ]
    return round(median(grown)) if grown else None


def _counted(bundle: Bundle, backend: str, budget: Path) -> dict[str, int] | None:
    try:
        text = read_text(budget, _BYTES_MAX)
    except FileNotFoundError:
        return None
    try:
        read = msgspec.json.decode(text, type=_Budget)
        counted = {board: read.counts[f"{board} {backend} inference"]["total"] for board in BOARDS}
    except msgspec.MsgspecError as error:
        raise ValueError(f"{budget}: not what `python -m arm64 instructions` writes: {error}") from error
    except KeyError:
        return None
    if not bundle.digest.startswith(read.counted_with.get("bundle") or "none"):
        logger.info("instructions: %s was counted with another bundle", budget)
        return None
    return counted
