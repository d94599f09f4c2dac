"""Reading a result file of `firetower bench`: everything that a comparison needs is checked, the rest is left alone.

The writers (latency.py, board.py) are not imported: a file is judged by what stands in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from edge.document import read_text
from edge.errors import SettingsError

_SCHEMA = re.compile(r"firetower-(latency|board)/(\d+)\.(\d+)", re.ASCII)
_MAJOR = 1
_BYTES_MAX = 1 << 28

PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
Load = Annotated[str, msgspec.Meta(pattern=r"^\d+(\.\d+)?\Z")]


class Header(msgspec.Struct):
    """What says which kind of file it is."""

    schema: str


class Machine(msgspec.Struct):
    """What the figures were measured on; None is unknown."""

    architecture: str
    cores: PositiveInt
    cpu: str | None = None
    board: str | None = None
    governor: str | None = None
    load_before: list[Load] | None = None
    packages: dict[str, str | None] = {}
    date: str | None = None


class BundleName(msgspec.Struct):
    """Which bundle was measured."""

    name: str
    version: str
    digest: str


class Protocol(msgspec.Struct):
    """How it was measured."""

    runs: PositiveInt
    warmup: int
    processes: PositiveInt


class Memory(msgspec.Struct):
    """A process's memory."""

    peak_rss_bytes: PositiveInt | None = None


class Timing(msgspec.Struct):
    """One process's raw values."""

    backend: str
    threads: PositiveInt
    invoke_ns: Annotated[list[PositiveInt], msgspec.Meta(min_length=1)]
    total_ns: Annotated[list[PositiveInt], msgspec.Meta(min_length=1)]
    memory_after: Memory


class EnergyReport(msgspec.Struct):
    """One process's integrated meter."""

    source: str
    joules: float | None = None
    joules_above_idle: float | None = None
    measured_s: float = 0.0


class EnergyRun(msgspec.Struct):
    """One process's energy."""

    backend: str
    threads: PositiveInt
    inferences: PositiveInt
    elapsed_ns: PositiveInt
    report: EnergyReport

    def joules(self, *, above_idle: bool) -> float | None:
        """Return the joules of one inference; None where they are unknown."""
        joules = self.report.joules_above_idle if above_idle else self.report.joules
        if joules is None or joules <= 0 or self.report.measured_s <= 0:
            return None
        return joules / self.report.measured_s * self.elapsed_ns / 1e9 / self.inferences


class Energy(msgspec.Struct):
    """How energy is known, and its raw values."""

    source: str
    runs: list[EnergyRun] = []


class Condition(msgspec.Struct):
    """How the board did; None is unknown."""

    throttling: list[str] | None = None
    throttled_since_boot: list[str] | None = None


class Conditions(msgspec.Struct):
    """How the board did before and after."""

    before: Condition
    after: Condition


class Result(msgspec.Struct):
    """One file; `energy` and `conditions` stand in those of a board alone."""

    schema: str
    machine: Machine
    bundle: BundleName
    protocol: Protocol
    timings: Annotated[list[Timing], msgspec.Meta(min_length=1)]
    energy: Energy | None = None
    conditions: Conditions | None = None


def read(path: Path) -> Result:
    """Read and check one file.

    Args:
        path: written with --json by `firetower bench` or `firetower bench latency`.

    Raises:
        SettingsError: it cannot be read, is none, is of another version, malformed, or cut off.
    """
    try:
        content = read_text(path, _BYTES_MAX)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        _check_schema(path, msgspec.json.decode(content, type=Header).schema)
        result = msgspec.json.decode(content, type=Result)
    except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise SettingsError(
            f"{path}: no whole result of `firetower bench`: {error}; measure again with --json"
        ) from error
    _check_whole(path, result)
    return result


def _check_schema(path: Path, schema: str) -> None:
    match = _SCHEMA.fullmatch(schema)
    if match is None:
        raise SettingsError(
            f"{path}: schema {schema[:80]!r}; expected firetower-latency/1.x or firetower-board/1.x"
        )
    if match[2] != str(_MAJOR):
        raise SettingsError(
            f"{path}: schema {schema[:80]!r} is of another version than {_MAJOR}.x; update firetower"
        )


def _check_whole(path: Path, result: Result) -> None:
    """Check that every process is there, with every raw value."""
    runs, processes = result.protocol.runs, result.protocol.processes
    counts: dict[tuple[str, int], int] = {}
    for index, timing in enumerate(result.timings):
        if len(timing.invoke_ns) != runs or len(timing.total_ns) != runs:
            raise SettingsError(
                f"{path}: timings[{index}] has {len(timing.invoke_ns)} and {len(timing.total_ns)} values, "
                f"its protocol says {runs}; the file is incomplete, measure again"
            )
        key = (timing.backend, timing.threads)
        counts[key] = counts.get(key, 0) + 1
    for (backend, threads), count in counts.items():
        if count != processes:
            raise SettingsError(
                f"{path}: {count} processes of {backend} with {threads} threads, "
                f"its protocol says {processes}; the file is incomplete, measure again"
            )
