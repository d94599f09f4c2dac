"""What inferences cost in energy: a stated idle phase first, then fresh processes that infer without a pause.

The board's own meter is read beside the inferences, by a thread of its own, so that a sensor that tells the power of
the moment sees the board at work and not between two inferences. Every reading is kept.

Run by board.py as `python -m benchmarks.energy REQUEST`; the answer is JSON on stdout.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from benchmarks import child
from benchmarks.worker import Loop, open_bundle
from edge.clock import Clock, SystemClock
from edge.counter.energy import Energy, EnergyReport
from edge.device.meter import EnergySource, choose_meter
from edge.device.power import EnergyMeter, Reading, Unavailable
from edge.errors import DeviceError
from edge.model.load import load_preprocess, load_runtime

SAMPLE_S = 0.5  # between readings; one of the Pi 5's takes a process of its own
SETTLE_S = 2.0  # after which a board is idle
_MEASURED = "measured:"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the meter; all None where it failed or has nothing to say.

    Attributes:
        at_ns: monotonic, when it was asked for.
        watts: the power then.
        joules, joules_above_idle: since some moment that stays the same.
    """

    at_ns: int
    watts: float | None = None
    joules: float | None = None
    joules_above_idle: float | None = None


class Recorder:
    """A meter that keeps what another one says.

    Args:
        meter: the other one.
        clock: tells when.
    """

    def __init__(self, meter: EnergyMeter, clock: Clock) -> None:
        self.source = meter.source
        self.idle_w = meter.idle_w
        self.samples: list[Sample] = []
        self._meter = meter
        self._clock = clock

    def read(self) -> Reading:
        """Return what the other one says.

        Raises:
            DeviceError: it cannot be read now; the failure is kept too.
        """
        at_ns = self._clock.mono_ns()
        try:
            reading = self._meter.read()
        except DeviceError:
            self.samples.append(Sample(at_ns=at_ns))
            raise
        self.samples.append(
            Sample(
                at_ns=at_ns,
                watts=reading.watts,
                joules=reading.joules,
                joules_above_idle=reading.joules_above_idle,
            )
        )
        return reading


class Idle(msgspec.Struct, frozen=True):
    """The board's power with nothing to do.

    Attributes:
        watts: None is unknown.
        how: measured in an idle phase just before, or published; None where the power is unknown.
        seconds: between the first and the last good reading.
        samples: every reading.
    """

    watts: float | None
    how: Literal["measured", "published"] | None
    seconds: float
    samples: tuple[Sample, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """What one process measures.

    Attributes:
        bundle, digest, backend, threads: as in worker.Request.
        warmup: inferences before the first reading.
        seconds: of inferences, at least one.
        source, watts_per_busy_core: of the meter, as in edge.device.meter.
        idle_w: the idle power that was measured before; None when unknown, or the meter's own affair.
        sample_s: between readings.
    """

    bundle: str
    digest: str
    backend: str
    threads: int
    warmup: int
    seconds: float
    source: EnergySource
    watts_per_busy_core: float | None = None
    idle_w: float | None = None
    sample_s: float = SAMPLE_S


class Run(msgspec.Struct, frozen=True):
    """What one process measured.

    Attributes:
        backend, threads: as asked.
        inferences: how many, one after the other without a pause.
        elapsed_ns: from the first one's begin to the last one's end.
        report: the meter's readings, integrated over the seconds that they cover.
        samples: every reading.
    """

    backend: str
    threads: int
    inferences: int
    elapsed_ns: int
    report: EnergyReport
    samples: tuple[Sample, ...]

    def watts(self, *, above_idle: bool = False) -> float | None:
        """Return the mean power of the board, or what of it is above idle.

        None where it is unknown; a meter that says 0 W under load, or less than idle, knows nothing.
        """
        joules = self.report.joules_above_idle if above_idle else self.report.joules
        if joules is None or joules <= 0 or self.report.measured_s <= 0:
            return None
        return joules / self.report.measured_s

    def joules(self, *, above_idle: bool = False) -> float | None:
        """Return the joules of one inference: mean power times the mean time of one; None where unknown."""
        watts = self.watts(above_idle=above_idle)
        return None if watts is None else watts * self.elapsed_ns / 1e9 / self.inferences


def is_known(meter: EnergyMeter) -> bool:
    """Say whether the meter knows anything at all."""
    return not isinstance(meter, Unavailable)


def measure_idle(meter: EnergyMeter, clock: Clock, seconds: float, sample_s: float = SAMPLE_S) -> Idle:
    """Do nothing for a while and read the meter; a model's idle power is published and takes no time.

    Args:
        meter: the board's.
        clock: monotonic time; waits.
        seconds: how long.
        sample_s: between readings.
    """
    if not meter.source.startswith(_MEASURED):
        return Idle(meter.idle_w, None if meter.idle_w is None else "published", 0.0)
    recorder = Recorder(meter, clock)
    energy = Energy(recorder)
    never = threading.Event()
    clock.wait(never, SETTLE_S)
    end_ns = clock.mono_ns() + round(seconds * 1e9)
    energy.sample(clock.mono_ns(), 0)
    while clock.mono_ns() < end_ns:
        clock.wait(never, sample_s)
        energy.sample(clock.mono_ns(), 0)
    report = energy.report()
    if report.joules is None or report.joules <= 0:  # a meter that says 0 W knows nothing
        return Idle(None, None, report.measured_s, tuple(recorder.samples))
    watts = report.joules / report.measured_s
    return Idle(watts, "measured", report.measured_s, tuple(recorder.samples))


def run_worker(request: Request) -> Run:
    """Measure in a fresh process.

    Raises:
        BundleError: it failed; the message is its own last line.
    """
    return child.run("benchmarks.energy", request, Run)


def measure(request: Request, meter: EnergyMeter, clock: Clock) -> Run:
    """Load, warm up, and infer without a pause while a thread reads the meter.

    Args:
        request: what.
        meter: the board's; one that models energy from CPU time sees this process alone.
        clock: monotonic time.

    Raises:
        SystemExit: the bundle is no longer the one that was asked for.
    """
    bundle = open_bundle(request.bundle, request.digest)
    runtime = load_runtime(bundle, request.backend, request.threads, probed=True)
    loop = Loop(runtime, load_preprocess(bundle, request.backend))
    for _ in range(request.warmup):
        loop.step()
    recorder = Recorder(meter, clock)
    energy = Energy(recorder, request.idle_w)
    stop = threading.Event()
    watch = threading.Thread(target=_watch, args=(energy, clock, stop, request.sample_s), daemon=True)
    started_ns = clock.mono_ns()
    watch.start()
    inferences = _infer(loop.step, clock, started_ns + round(request.seconds * 1e9))
    elapsed_ns = clock.mono_ns() - started_ns
    stop.set()
    watch.join()
    return Run(
        request.backend, request.threads, inferences, elapsed_ns, energy.report(), tuple(recorder.samples)
    )


def _infer(step: Callable[[], object], clock: Clock, end_ns: int) -> int:
    """Run inferences until it is late, at least one; return how many."""
    inferences = 0
    while inferences == 0 or clock.mono_ns() < end_ns:
        step()
        inferences += 1
    return inferences


def _watch(energy: Energy, clock: Clock, stop: threading.Event, sample_s: float) -> None:
    """Read the meter until told to stop; the last reading alone may fall behind the inferences, by a hair."""
    energy.sample(clock.mono_ns(), 0)
    while not clock.wait(stop, sample_s):
        energy.sample(clock.mono_ns(), 0)


def main() -> int:
    """Answer one request: JSON on stdout. A meter that has gone away is an unavailable one."""
    request = msgspec.json.decode(sys.argv[1], type=Request)
    meter: EnergyMeter
    try:
        meter = choose_meter(source=request.source, watts_per_busy_core=request.watts_per_busy_core)
    except DeviceError:
        meter = Unavailable()
    sys.stdout.buffer.write(msgspec.json.encode(measure(request, meter, SystemClock())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
