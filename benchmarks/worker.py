"""One fresh process that loads one model with one backend, warms up, and times every inference.

Run by latency.py as `python -m benchmarks.worker REQUEST`; the answer is JSON on stdout.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge.device.process import Memory, read_memory
from edge.model.bundle import Bundle
from edge.model.load import load_preprocess, load_runtime
from edge.model.preprocess import Preprocess
from edge.model.runtime import Runtime


class Request(msgspec.Struct, frozen=True):
    """What one process measures; the bundle was looked at in a child before."""

    bundle: str
    digest: str
    backend: str
    threads: int
    warmup: int
    runs: int


class Timing(msgspec.Struct, frozen=True):
    """What one process measured: raw values, in the order in which they came.

    Attributes:
        backend, threads: as asked.
        invoke_ns: inside the backend's own call.
        total_ns: from a frame of the model's size to scores and state: preprocessing, call, dequantization.
        load_ns: from the opened bundle to the loaded model.
        memory_before: with Python and its libraries, but neither the backend's nor a model.
        memory_loaded: with the model, before its first inference.
        memory_after: after the last one.
    """

    backend: str
    threads: int
    invoke_ns: tuple[int, ...]
    total_ns: tuple[int, ...]
    load_ns: int
    memory_before: Memory
    memory_loaded: Memory
    memory_after: Memory


@dataclass(frozen=True, slots=True)
class Step:
    """How long one inference took: in the backend's own call, and with all that is around it."""

    invoke_ns: int
    total_ns: int


class Loop:
    """Feeds a loaded model with noise of its input size, and with its own state.

    Args:
        runtime: the model.
        preprocess: for the same file.
    """

    def __init__(self, runtime: Runtime, preprocess: Preprocess) -> None:
        self._runtime = runtime
        self._preprocess = preprocess
        self._frames = np.random.default_rng(0).integers(0, 256, (4, *preprocess.input_px, 3), np.uint8)
        self._state = runtime.zero_state()
        self._index = 0

    def step(self) -> Step:
        """Run one inference."""
        frame = self._frames[self._index % len(self._frames)]
        started_ns = time.perf_counter_ns()
        inference = self._runtime.infer(self._preprocess(frame).write, self._state)
        total_ns = time.perf_counter_ns() - started_ns
        self._state = inference.state
        self._index += 1
        return Step(inference.invoke_ns, total_ns)


def open_bundle(path: str, digest: str) -> Bundle:
    """Open the bundle that was asked for.

    Raises:
        SystemExit: it is no longer the same.
    """
    bundle = Bundle.open(Path(path))
    if bundle.digest != digest:
        raise SystemExit(f"{path}: the bundle has changed since the benchmark began")
    return bundle


def measure(request: Request) -> Timing:
    """Load, warm up, and time.

    Raises:
        SystemExit: the bundle is no longer the one that was asked for.
    """
    bundle = open_bundle(request.bundle, request.digest)
    before = read_memory()
    started_ns = time.perf_counter_ns()
    runtime = load_runtime(bundle, request.backend, request.threads, probed=True)
    load_ns = time.perf_counter_ns() - started_ns
    loaded = read_memory()
    loop = Loop(runtime, load_preprocess(bundle, request.backend))
    steps = [loop.step() for _ in range(request.warmup + request.runs)][request.warmup :]
    return Timing(
        request.backend,
        request.threads,
        tuple(step.invoke_ns for step in steps),
        tuple(step.total_ns for step in steps),
        load_ns,
        before,
        loaded,
        read_memory(),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(msgspec.json.decode(sys.argv[1], type=Request))))
