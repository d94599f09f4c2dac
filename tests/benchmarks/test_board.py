import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks import latency
from benchmarks.__main__ import command
from benchmarks.board import Bench, Plan, brief, measure, notes, report, summarize, table
from benchmarks.energy import Run
from benchmarks.latency import Skipped
from benchmarks.worker import Timing
from edge.counter.energy import EnergyReport
from edge.device.device import Condition
from edge.device.power import Reading, Unavailable
from edge.device.process import Memory
from edge.errors import MissingExtraError, SettingsError

CELLS = Path(__file__).parents[1] / "model/fixtures/cells"
ABOUT = {
    "cpu": "x",
    "board": "Raspberry Pi 4 Model B Rev 1.4",
    "cores": 4,
    "governor": None,
    "load_before": None,
}
COOL = Condition(temperature_c=50.0, throttling=(), throttled_since_boot=())


class FakeClock:
    now_ns = 0

    def mono_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0

    def wait(self, signal, timeout_s):
        self.now_ns += round(timeout_s * 1e9)
        return signal.is_set()


class FakeDevice:
    model = "Raspberry Pi 4 Model B Rev 1.4"
    memory_total_bytes = 4 << 30

    def __init__(self, before=COOL, after=COOL):
        self._conditions = [before, after]

    def read(self):
        return self._conditions.pop(0)


class FakeMeter:
    idle_w = None

    def __init__(self, source="measured:ina226", watts=2.0):
        self.source = source
        self._watts = watts

    def read(self):
        return Reading(watts=self._watts)


def plan(**fields):
    timing = latency.Plan(CELLS, ("litert",), (1, 2), runs=3, warmup=1, processes=5)
    known = {"timing": timing, "skipped": (), "seconds": 4.0, "source": "auto", "watts_per_busy_core": None}
    return Plan(**(known | fields))


def time_one(request):
    memory = [Memory(rss_bytes=size, peak_rss_bytes=size) for size in (40_000_000, 50_000_000, 60_000_000)]
    return Timing(request.backend, request.threads, (2_000_000,) * 3, (3_000_000,) * 3, 1, *memory)


def power_one(watts=4.0, source="measured:ina226", failed=0):
    def one(request):
        above = None if request.idle_w is None or watts is None else (watts - request.idle_w) * 4
        energy = EnergyReport(
            source=source,
            idle_watts=request.idle_w,
            watts=watts,
            joules=None if watts is None else watts * 4,
            joules_above_idle=above,
            frames=0,
            j_per_frame=None,
            j_per_frame_above_idle=None,
            measured_s=4.0,
            unmeasured_s=0.0,
            failed_readings=failed,
        )
        return Run(request.backend, request.threads, 1000, 4_000_000_000, energy, ())

    return one


def power_in_turn(*watts):
    left = list(watts)

    def one(request):
        return power_one(left.pop(0))(request)

    return one


def bench(**fields):
    known = {
        "device": FakeDevice(),
        "meter": FakeMeter(),
        "clock": FakeClock(),
        "time_one": time_one,
        "power_one": power_one(),
        "tell": lambda line: None,
    }
    return Bench(**(known | fields))


def warnings(**fields):
    return report(plan(), measure(plan(), bench(**fields)), ABOUT)["warnings"]


def test_a_board_with_a_sensor_tells_everything():
    measurement = measure(plan(), bench())
    assert (measurement.idle.watts, measurement.idle.how) == (2.0, "measured")
    assert len(measurement.timings) == 10
    assert len(measurement.runs) == 10
    row = summarize(measurement)[0]
    assert (row.median_ms, row.rss_before_bytes, row.rss_loaded_bytes) == (2.0, 40_000_000, 50_000_000)
    assert row.rss_peak_bytes == 60_000_000
    assert (row.watts, row.watts_above_idle) == (pytest.approx(4.0), pytest.approx(2.0))
    assert (row.j_per_inference, row.j_per_inference_above_idle) == (
        pytest.approx(0.016),
        pytest.approx(0.008),
    )
    shown = table([row]).splitlines()
    assert shown[0].split()[-5:] == ["W", "mJ", "mJ", "above", "idle"]
    assert shown[1].split()[-6:] == ["40.0", "50.0", "60.0", "4.00", "16", "8"]
    assert notes(plan(), measurement)[0] == "energy: measured:ina226; idle 2.00 W, measured"


def test_the_idle_power_is_handed_to_those_who_measure_energy():
    asked = []

    def one(request):
        asked.append(request)
        return power_one()(request)

    measure(plan(source="ina2xx"), bench(power_one=one))
    assert {(request.idle_w, request.seconds, request.source, request.warmup) for request in asked} == {
        (2.0, 4.0, "ina2xx", 1)
    }


def test_without_a_meter_no_time_is_spent_on_energy_and_nothing_is_zero():
    def never(request):
        raise AssertionError(request)

    measurement = measure(plan(), bench(meter=Unavailable(), power_one=never))
    row = summarize(measurement)[0]
    assert (row.watts, row.j_per_inference, row.j_per_inference_above_idle) == (None, None, None)
    assert table([row]).splitlines()[1].split()[-3:] == ["?", "?", "?"]
    document = report(plan(), measurement, ABOUT)
    assert document["energy"]["source"] == "unavailable"
    assert document["energy"]["idle"]["watts"] is None
    assert "--watts-per-busy-core" in notes(plan(), measurement)[0]
    assert notes(plan(source="off"), measurement)[0] == "energy: unavailable (--energy off)"


def test_a_report_is_versioned_and_keeps_raw_values():
    skipped = (Skipped("onnx", "not installed"),)
    hot = Condition(temperature_c=61.0, throttling=(), throttled_since_boot=())
    measured = plan(skipped=skipped)
    document = report(measured, measure(measured, bench(device=FakeDevice(COOL, hot))), ABOUT)
    document = json.loads(json.dumps(document))
    assert document["schema"] == "firetower-board/1.0"
    assert document["timings"][0]["invoke_ns"] == [2_000_000] * 3
    assert document["timings"][0]["memory_after"]["peak_rss_bytes"] == 60_000_000
    assert len(document["energy"]["idle"]["samples"]) == 9
    assert document["energy"]["runs"][0]["report"]["joules"] == 16.0
    assert document["conditions"]["after"]["temperature_c"] == 61.0
    assert document["skipped"] == [{"backend": "onnx", "why": "not installed"}]
    assert document["protocol"]["energy_seconds"] == 4.0
    assert document["machine"] == ABOUT
    assert document["warnings"] == []
    assert brief(document)["energy"] == {
        "source": "measured:ina226",
        "idle_watts": 2.0,
        "idle": "measured",
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (COOL, Condition(throttling=("throttled",), throttled_since_boot=("throttled",)), "at the end"),
        (COOL, Condition(throttling=(), throttled_since_boot=("under-voltage",)), "during the measurement"),
        (COOL, Condition(temperature_c=81.0, throttling=(), throttled_since_boot=()), "above 80 °C"),
    ],
)
def test_heat_and_throttling_are_warned_of(before, after, said):
    found = warnings(device=FakeDevice(before, after))
    assert any(said in line for line in found), found


def test_unknown_flags_are_shown_as_unknown():
    old = Condition(throttling=(), throttled_since_boot=("under-voltage",))
    measurement = measure(plan(), bench(device=FakeDevice(Condition(), old)))
    assert notes(plan(), measurement)[-1] == "held back: ? before, no after, under-voltage since boot"


def test_flags_from_before_the_measurement_hide_what_happens_in_it():
    old = Condition(throttling=(), throttled_since_boot=("under-voltage",))
    (said,) = warnings(device=FakeDevice(old, old))
    assert "held back since boot, before the measurement: under-voltage" in said
    unknown = Condition()
    assert warnings(device=FakeDevice(unknown, unknown)) == []


def test_energy_that_cannot_be_trusted_is_warned_of():
    assert (
        "changed from measured:ina226 to unavailable" in warnings(power_one=power_one(None, "unavailable"))[0]
    )
    assert "told no power in the idle phase" in warnings(meter=FakeMeter(watts=0.0))[0]
    assert "10 readings" in warnings(power_one=power_one(failed=1))[0]
    assert "not above the idle power" in warnings(power_one=power_one(1.9))[0]
    assert "joules differ" in warnings(power_one=power_in_turn(4.0, 4.0, 5.0, *[4.0] * 7))[0]


def test_a_row_with_one_unknown_process_is_unknown():
    measurement = measure(plan(), bench(power_one=power_in_turn(4.0, None, *[4.0] * 8)))
    assert sorted(row.watts is None for row in summarize(measurement)) == [False, True]


SHORT = f"--bundle {CELLS} --runs 2 --warmup 1 --processes 1 --seconds 0.1"


@pytest.mark.parametrize("verb", ["", "board "])
def test_the_command_needs_no_verb(verb, tmp_path, capsys):
    out = tmp_path / "o.json"
    assert command(f"{verb}{SHORT} --backends litert --energy off --json {out}".split()) == 0
    printed = capsys.readouterr()
    last = json.loads(printed.out.splitlines()[-1])
    assert last["rows"][0]["backend"] == "litert"
    assert last["energy"]["source"] == "unavailable"
    assert json.loads(out.read_text())["schema"] == "firetower-board/1.0"


def test_stated_watts_give_energy_above_idle_on_any_board(capsys):
    words = f"{SHORT} --seconds 1.2 --backends litert --energy cpu-time --watts-per-busy-core 2"
    assert command(words.split()) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["energy"] == {"source": "modelled:stated-watts", "idle_watts": None, "idle": None}
    assert last["rows"][0]["j_per_inference"] is None
    assert last["rows"][0]["j_per_inference_above_idle"] > 0


def test_without_onnx_runtime_the_default_works_and_asking_for_it_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert command(f"{SHORT} --energy off".split()) == 0
    printed = capsys.readouterr()
    assert "onnx is left out" in printed.err
    with pytest.raises(MissingExtraError, match=r"firetower\[onnx\]"):
        command(f"{SHORT} --backends onnx".split())


def test_a_meter_that_is_not_there_is_a_usage_error():
    with pytest.raises(SettingsError, match="--energy: 'pi5-pmic' is not to be had"):
        command(f"{SHORT} --energy pi5-pmic".split())


@pytest.mark.parametrize(
    "words", ["--seconds 0", "--seconds nan", "--energy sun", "--watts-per-busy-core -1", "bored"]
)
def test_options_out_of_range_are_usage_errors(words):
    with pytest.raises(SystemExit) as exited:
        command(words.split())
    assert exited.value.code == 2


def test_help_names_every_verb(capsys):
    with pytest.raises(SystemExit) as exited:
        command(["--help"])
    assert exited.value.code == 0
    out = capsys.readouterr().out
    assert all(verb in out for verb in ("board", "latency", "compare", "firetower bench compare old.json"))
