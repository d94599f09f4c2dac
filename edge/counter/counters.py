"""All counters in one place: recorded by the pipeline, sampled once a second, shown as one snapshot."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

import msgspec

from edge.clock import Clock
from edge.counter.drops import Account, Balance
from edge.counter.energy import Energy, EnergyReport
from edge.counter.latency import Latency, StageLatency
from edge.device.device import Condition, Device
from edge.device.power import EnergyMeter
from edge.device.process import Memory, read_cpu_s, read_descriptors, read_memory, read_threads

_MINUTE_NS = 60_000_000_000


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """What the process takes of the processor; None is unknown.

    Attributes:
        process_s: CPU time of all threads since the process began.
        percent_of_core: over the last minute; 100 is one core.
        threads, descriptors: how many there are.
    """

    process_s: float | None
    percent_of_core: float | None
    threads: int | None
    descriptors: int | None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The board's facts and how it does; None is unknown."""

    model: str | None
    memory_total_bytes: int | None
    condition: Condition


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All counters at one moment; `msgspec.to_builtins` makes it JSON, where unknown is null.

    Attributes:
        uptime_s: since the counters began.
        cameras: the account of frames of each camera.
        latency: of each stage.
        memory, cpu: of the process.
        energy: since the start.
        device: the board.
    """

    uptime_s: float
    cameras: dict[str, Balance]
    latency: dict[str, StageLatency]
    memory: Memory
    cpu: Cpu
    energy: EnergyReport
    device: Board


class Counters:
    """Gathers everything. Thread-safe.

    Args:
        clock: monotonic time.
        meter: of energy.
        device: the board.
        idle_w: the board's idle power, where the user states it.
        root: where proc/ is.
    """

    def __init__(
        self,
        clock: Clock,
        meter: EnergyMeter,
        device: Device,
        idle_w: float | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._clock = clock
        self._device = device
        self._root = root
        self._started_ns = clock.mono_ns()
        self._latency = Latency(clock)
        self._energy = Energy(meter, idle_w)
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._cpu: deque[tuple[int, float]] = deque()

    def record(self, stage: str, ns: int) -> None:
        """Count how long a stage took for one frame, in nanoseconds."""
        self._latency.record(stage, ns)

    def account(self, camera: str) -> Account:
        """Return the account of frames of a camera, the same one each time."""
        with self._lock:
            return self._accounts.setdefault(camera, Account())

    def sample(self) -> None:
        """Read energy and CPU time, which have to be watched; call it about once a second. Never raises."""
        now_ns = self._clock.mono_ns()
        self._energy.sample(now_ns, sum(balance.scored for balance in self._balances().values()))
        cpu_s = read_cpu_s(self._root)
        with self._lock:
            if cpu_s is not None:
                self._cpu.append((now_ns, cpu_s))
            while self._cpu and self._cpu[0][0] < now_ns - _MINUTE_NS:
                self._cpu.popleft()

    def snapshot(self) -> Snapshot:
        """Return all counters; never raises. Memory and the board are read now, energy was last sampled."""
        return Snapshot(
            uptime_s=(self._clock.mono_ns() - self._started_ns) / 1e9,
            cameras=self._balances(),
            latency=self._latency.stages(),
            memory=read_memory(self._root),
            cpu=Cpu(
                process_s=read_cpu_s(self._root),
                percent_of_core=self._percent_of_core(),
                threads=read_threads(self._root),
                descriptors=read_descriptors(self._root),
            ),
            energy=self._energy.report(),
            device=Board(
                model=self._device.model,
                memory_total_bytes=self._device.memory_total_bytes,
                condition=self._device.read(),
            ),
        )

    def _balances(self) -> dict[str, Balance]:
        """Return every camera's balance, in the order in which the cameras came."""
        with self._lock:
            accounts = dict(self._accounts)
        return {camera: account.balance() for camera, account in accounts.items()}

    def _percent_of_core(self) -> float | None:
        """Return the process's share of one core over the samples of the last minute."""
        with self._lock:
            if len(self._cpu) < 2:
                return None
            (start_ns, start_s), (end_ns, end_s) = self._cpu[0], self._cpu[-1]
        return None if end_ns <= start_ns else (end_s - start_s) / ((end_ns - start_ns) / 1e9) * 100
