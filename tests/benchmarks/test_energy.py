from pathlib import Path

import msgspec
import pytest

from benchmarks.energy import (
    SETTLE_S,
    Idle,
    Recorder,
    Request,
    Run,
    Sample,
    is_known,
    measure,
    measure_idle,
    run_worker,
)
from edge.clock import SystemClock
from edge.counter.energy import EnergyReport
from edge.device.power import Reading, Unavailable
from edge.errors import BundleError, DeviceError
from edge.model.bundle import Bundle

CELLS = Path(__file__).parents[1] / "model/fixtures/cells"


class FakeClock:
    """Time passes only while somebody waits."""

    now_ns = 5_000_000_000

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal, timeout_s):
        self.now_ns += round(timeout_s * 1e9)
        return signal.is_set()


class FakeMeter:
    def __init__(self, *readings, source="measured:fake", idle_w=None):
        self.source = source
        self.idle_w = idle_w
        self._readings = list(readings)

    def read(self):
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if reading is None:
            raise DeviceError("gone")
        return reading


def report(**fields):
    known = {
        "source": "measured:fake",
        "idle_watts": 2.0,
        "watts": None,
        "joules": 40.0,
        "joules_above_idle": 20.0,
        "frames": 0,
        "j_per_frame": None,
        "j_per_frame_above_idle": None,
        "measured_s": 10.0,
        "unmeasured_s": 0.0,
        "failed_readings": 0,
    }
    return EnergyReport(**(known | fields))


def run(inferences=100, elapsed_s=10.5, **fields):
    return Run("litert", 1, inferences, round(elapsed_s * 1e9), report(**fields), ())


def test_idle_power_is_the_mean_over_the_phase():
    idle = measure_idle(FakeMeter(Reading(watts=2.0)), FakeClock(), 4, 0.5)
    assert (idle.watts, idle.how, idle.seconds) == (2.0, "measured", 4.0)
    assert len(idle.samples) == 9
    assert idle.samples[0] == Sample(at_ns=FakeClock.now_ns + round(SETTLE_S * 1e9), watts=2.0)


def test_a_counter_tells_idle_power_too():
    counter = FakeMeter(*(Reading(joules=3.0 * index) for index in range(5)))
    assert measure_idle(counter, FakeClock(), 4, 1).watts == pytest.approx(3.0)


@pytest.mark.parametrize("reading", [None, Reading(watts=0.0), Reading()])
def test_a_meter_that_tells_nothing_leaves_idle_power_unknown(reading):
    idle = measure_idle(FakeMeter(reading), FakeClock(), 2, 0.5)
    assert (idle.watts, idle.how) == (None, None)
    assert len(idle.samples) == 5


def test_a_models_idle_power_is_published_and_takes_no_time():
    clock = FakeClock()
    assert measure_idle(FakeMeter(source="modelled:pi4-cpu-time", idle_w=2.7), clock, 10) == Idle(
        2.7, "published", 0.0
    )
    assert measure_idle(FakeMeter(source="modelled:stated-watts"), clock, 10) == Idle(None, None, 0.0)
    assert measure_idle(Unavailable(), clock, 10) == Idle(None, None, 0.0)
    assert clock.now_ns == FakeClock.now_ns


def test_every_reading_is_kept_and_a_failed_one_too():
    recorder = Recorder(FakeMeter(Reading(watts=1.5), None), FakeClock())
    recorder.read()
    with pytest.raises(DeviceError):
        recorder.read()
    assert recorder.samples == [Sample(at_ns=FakeClock.now_ns, watts=1.5), Sample(at_ns=FakeClock.now_ns)]


def test_joules_of_an_inference_are_power_times_its_share_of_the_time():
    measured = run()
    assert measured.watts() == pytest.approx(4.0)
    assert measured.watts(above_idle=True) == pytest.approx(2.0)
    assert measured.joules() == pytest.approx(4.0 * 10.5 / 100)
    assert measured.joules(above_idle=True) == pytest.approx(2.0 * 10.5 / 100)


@pytest.mark.parametrize("fields", [{"joules": None}, {"joules": 0.0}, {"joules": -1.0}, {"measured_s": 0.0}])
def test_unknown_energy_is_never_zero(fields):
    assert run(**fields).watts() is None
    assert run(**fields).joules() is None


def test_only_unavailable_knows_nothing():
    assert not is_known(Unavailable())
    assert is_known(FakeMeter(Reading(watts=1.0)))


def request(**fields):
    known = {"warmup": 2, "seconds": 0.3, "source": "off", "sample_s": 0.02}
    return Request(**({"bundle": str(CELLS), "digest": Bundle.open(CELLS).digest} | known | fields))


def test_the_meter_is_read_beside_the_inferences():
    asked = request(backend="litert", threads=1, idle_w=1.0)
    measured = measure(asked, FakeMeter(Reading(watts=3.0)), SystemClock())
    assert measured.inferences > 1
    assert len(measured.samples) > 1
    assert measured.samples[-2].at_ns - measured.samples[0].at_ns <= measured.elapsed_ns
    assert measured.watts() == pytest.approx(3.0)
    assert measured.watts(above_idle=True) == pytest.approx(2.0)
    assert measured.report.source == "measured:fake"


def test_at_least_one_inference_is_measured():
    measured = measure(request(backend="litert", threads=1, seconds=1e-9), Unavailable(), SystemClock())
    assert measured.inferences == 1
    assert measured.joules() is None


def test_a_process_of_its_own_answers_with_what_it_knows():
    measured = run_worker(request(backend="litert", threads=1))
    assert measured.report.source == "unavailable"
    assert measured.joules() is None
    modelled = run_worker(request(backend="litert", threads=1, source="cpu-time", watts_per_busy_core=2.0))
    assert modelled.report.source == "modelled:stated-watts"
    assert msgspec.json.decode(msgspec.json.encode(modelled), type=Run) == modelled


def test_a_meter_that_has_gone_away_is_unavailable():
    source = run_worker(request(backend="litert", threads=1, source="ina2xx")).report.source
    assert source == "unavailable" or source.startswith("measured:ina")


def test_a_bundle_that_changes_is_an_error():
    with pytest.raises(BundleError, match="has changed"):
        run_worker(request(backend="litert", threads=1, digest="0" * 64))
