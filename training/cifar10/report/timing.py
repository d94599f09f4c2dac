"""What ran as a user would run it: times, energy, and a replay; a part of the result file."""

from __future__ import annotations

import msgspec

from training.cifar10.report.origin import Made, Record


class Bench(Record, frozen=True, kw_only=True):
    """The machine as the benchmark describes it; `load_before` is /proc/loadavg's, `temperature_mc` 1/1000 °C."""

    architecture: str
    cores: int | None = None
    cpu: str | None = None
    board: str | None = None
    int8_instructions: tuple[str, ...] = ()
    governor: str | None = None
    frequency_max_khz: int | None = None
    memory_bytes: int | None = None
    page_bytes: int | None = None
    temperature_mc: int | None = None
    load_before: tuple[str, ...] | None = None
    kernel: str | None = None
    python: str | None = None
    packages: dict[str, str | None] = msgspec.field(default_factory=dict)
    commit: str | None = None
    date: str | None = None


class Protocol(Record, frozen=True, kw_only=True):
    """How times were taken: `runs` inferences after `warmup` in a fresh process, per file and round."""

    rounds: int
    runs: int
    warmup: int
    backend: str
    threads: int
    batch: int


class Timed(Record, frozen=True, kw_only=True):
    """One file's times, by round.

    Attributes:
        load_1: the machine's load of one minute before each process.
        spread: how far the processes' medians are apart, as a share of their median.
    """

    invoke_ns: tuple[tuple[int, ...], ...]
    load_1: tuple[str | None, ...]
    rss_peak_bytes: tuple[int | None, ...]
    median_ms: float
    spread: float


class Latency(Record, frozen=True, kw_only=True):
    """Times by the bundle's digest; where a sensor measured it, the energy of one inference above idle."""

    machine: Bench
    protocol: Protocol
    files: dict[str, Timed]
    sensor: str | None = None
    energy_j: dict[str, float | None] = msgspec.field(default_factory=dict, name="joules")
    made: Made


class Energy(Record, frozen=True, kw_only=True):
    """How energy is known: `measured:SENSOR`, `modelled:busy-core` from the stated watts, or `unavailable`."""

    source: str
    watts_per_busy_core: float | None


class Replay(Record, frozen=True, kw_only=True):
    """`firetower replay` of a bundle over the test images."""

    name: str
    frames: int
    accuracy: float
    made: Made
