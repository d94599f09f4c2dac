"""One fresh process that loads one model with one backend, warms up, and times every inference.

Run by latency.py as `python -m benchmarks.worker REQUEST`; the answer is JSON on stdout.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from edge.counter.memory import Memory, read_memory
from edge.model.bundle import Bundle
from edge.model.load import load_preprocess, load_runtime


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
        memory_before: with Python and its libraries, but no backend and no model.
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


def measure(request: Request) -> Timing:
    """Load, warm up, and time.

    Raises:
        BundleError: the bundle is no longer the one that was asked for.
    """
    bundle = Bundle.open(Path(request.bundle))
    if bundle.digest != request.digest:
        raise SystemExit(f"{request.bundle}: the bundle has changed since the benchmark began")
    before = read_memory()
    started_ns = time.perf_counter_ns()
    runtime = load_runtime(bundle, request.backend, request.threads, probed=True)
    load_ns = time.perf_counter_ns() - started_ns
    loaded = read_memory()
    preprocess = load_preprocess(bundle, request.backend)
    frames = np.random.default_rng(0).integers(0, 256, (4, *preprocess.input_px, 3), np.uint8)
    state = runtime.zero_state()
    invoke_ns, total_ns = [], []
    for index in range(request.warmup + request.runs):
        started_ns = time.perf_counter_ns()
        inference = runtime.infer(preprocess(frames[index % len(frames)]).write, state)
        total_ns.append(time.perf_counter_ns() - started_ns)
        invoke_ns.append(inference.invoke_ns)
        state = inference.state
    kept = slice(request.warmup, None)
    return Timing(
        request.backend,
        request.threads,
        tuple(invoke_ns[kept]),
        tuple(total_ns[kept]),
        load_ns,
        before,
        loaded,
        read_memory(),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(msgspec.json.decode(sys.argv[1], type=Request))))
