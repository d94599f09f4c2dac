import copy
import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.__main__ import command
from benchmarks.compare import RESAMPLES, cells, compare, ratio_interval
from benchmarks.result import Result
from edge.errors import SettingsError

MACHINE = {
    "cpu": "Cortex-A72",
    "board": "Raspberry Pi 4 Model B Rev 1.4",
    "architecture": "aarch64",
    "cores": 4,
    "governor": "performance",
    "load_before": ["0.10", "0.10", "0.10"],
    "packages": {"ai-edge-litert": "2.3.0"},
    "date": "2026-11-24T00:00:00+00:00",
}


def timing(ms, backend="litert", threads=1, peak=50_000_000):
    values = [round(value * 1e6) for value in ms]
    return {
        "backend": backend,
        "threads": threads,
        "invoke_ns": values,
        "total_ns": [value + 1_000_000 for value in values],
        "memory_after": {"peak_rss_bytes": peak},
    }


def document(*processes, machine=None, **fields):
    timings = [timing(ms) for ms in processes] or [timing((10.0, 10.1, 10.2))] * 5
    known = {
        "schema": "firetower-board/1.0",
        "machine": MACHINE | (machine or {}),
        "bundle": {"name": "smoke", "version": "1", "digest": "a" * 64},
        "protocol": {"runs": len(timings[0]["invoke_ns"]), "warmup": 5, "processes": len(timings)},
        "timings": timings,
    }
    return known | fields


def result(*processes, **fields):
    return msgspec.convert(document(*processes, **fields), Result)


def figure(comparison, name):
    return next(row for row in comparison.rows if row.figure == name)


SLOW, FAST = [(10.0, 10.1, 10.2)] * 5, [(5.0, 5.1, 5.2)] * 5


def test_medians_their_ratio_and_an_interval_stand_side_by_side():
    comparison = compare(result(*SLOW), result(*FAST))
    row = figure(comparison, "call")
    assert (row.a, row.b) == (10.1, 5.1)
    assert row.ratio == pytest.approx(5.1 / 10.1)
    assert row.low < row.ratio < row.high < 1
    assert row.verdict == "B 49.5% less"
    assert figure(comparison, "total").a == pytest.approx(11.1)
    assert figure(comparison, "peak RSS").ratio == 1.0
    assert comparison.warnings == ()


def test_the_same_figures_show_no_difference_and_the_same_interval_each_time():
    comparison = compare(result(), result())
    assert figure(comparison, "call").verdict == "no difference shown"
    assert comparison == compare(result(), result())


def test_processes_that_disagree_widen_the_interval():
    steady = compare(result(*SLOW), result(*SLOW))
    shaky = compare(result(*SLOW), result(*((ms, ms + 0.1, ms + 0.2) for ms in (8.0, 9.0, 10.0, 11.0, 12.0))))
    one, other = (figure(comparison, "call") for comparison in (steady, shaky))
    assert other.high - other.low > 5 * (one.high - one.low)
    assert any("B: litert, 1 threads: medians of the processes differ" in line for line in shaky.warnings)


@settings(max_examples=25)
@given(st.floats(0.2, 5.0), st.integers(0, 10_000))
def test_the_interval_holds_a_true_ratio_of_quiet_values(factor, seed):
    rng = np.random.default_rng(seed)
    a = [rng.normal(10.0, 0.01, 40) for _ in range(5)]
    interval = ratio_interval(a, [values * factor for values in a], np.random.default_rng(1))
    assert interval.low <= factor * 1.001
    assert interval.high >= factor * 0.999


def test_one_value_has_no_interval_and_few_processes_are_warned_of():
    assert ratio_interval([np.array([1.0])], [np.array([1.0, 2.0])], np.random.default_rng(0)) is None
    comparison = compare(result((10.0,)), result((5.0,)))
    row = figure(comparison, "call")
    assert (row.ratio, row.low, row.high) == (pytest.approx(0.5), None, None)
    assert cells([row])[0][-2:] == ("?", "one value each: no interval")
    assert sum("1 process;" in line for line in comparison.warnings) == 2
    three = compare(result(*SLOW[:3]), result(*FAST))
    few = next(line for line in three.warnings if "too narrow" in line)
    assert few.startswith("A: litert, 1 threads: 3 processes;")


@pytest.mark.parametrize(
    ("key", "value"), [("cpu", "Cortex-A76"), ("architecture", "x86_64"), ("cores", 2), ("board", None)]
)
def test_unlike_machines_are_refused_unless_told_otherwise(key, value):
    other = result(machine={key: value})
    with pytest.raises(SettingsError, match=f"different machines: {key} .* --across-machines"):
        compare(result(), other)
    comparison = compare(result(), other, across_machines=True)
    assert any(line.startswith(f"different machines: {key}") for line in comparison.warnings)


def test_machines_that_cannot_be_told_apart_are_warned_of():
    nameless = {"cpu": None, "board": None}
    comparison = compare(result(machine=nameless), result(machine=nameless))
    assert any("cannot be told" in line for line in comparison.warnings)


def test_different_bundles_are_refused_unless_told_otherwise():
    other = result(bundle={"name": "smoke", "version": "2", "digest": "b" * 64})
    with pytest.raises(SettingsError, match=r"different bundles: smoke 1 .* smoke 2 .* --across-bundles"):
        compare(result(), other)
    comparison = compare(result(), other, across_bundles=True)
    assert comparison.warnings[0].startswith("different bundles")


def test_what_makes_figures_doubtful_is_told():
    busy = {
        "load_before": ["3.90", "1", "1"],
        "governor": "ondemand",
        "packages": {"ai-edge-litert": "2.2.0"},
    }
    conditions = {
        "before": {"throttling": [], "throttled_since_boot": []},
        "after": {"throttling": [], "throttled_since_boot": ["under-voltage"]},
    }
    other = result(machine=busy, conditions=conditions)
    other.protocol.warmup = 1
    said = " ".join(compare(result(), other).warnings)
    for part in (
        "B: the machine was busy before: load 3.90",
        "B: the governor is 'ondemand'",
        "ai-edge-litert: 2.3.0 in A, 2.2.0 in B",
        "protocols differ: warmup 5 and 1",
        "B: the board was held back: under-voltage",
    ):
        assert part in said
    assert "A: " not in said


def test_rows_of_one_file_alone_are_told_and_no_common_row_is_an_error():
    both = document()
    both["timings"] = [timing((1.0, 1.0)), timing((2.0, 2.0), "onnx")]
    both["protocol"] = {"runs": 2, "warmup": 5, "processes": 1}
    both, first = msgspec.convert(both, Result), result((1.0, 1.0))
    assert "only in A: onnx with 1 threads" in compare(both, first).warnings
    alone = copy.deepcopy(both)
    alone.timings = alone.timings[1:]
    with pytest.raises(SettingsError, match="nothing to compare"):
        compare(first, alone)


def energy(source, joules, above):
    report = {"source": source, "joules": joules, "joules_above_idle": above, "measured_s": 10.0}
    runs = [{"backend": "litert", "threads": 1, "inferences": 100, "elapsed_ns": 10**10, "report": report}]
    return {"source": source, "runs": runs * 3}


def test_energy_is_compared_where_it_is_known_in_the_same_way():
    a, b = (result(energy=energy("measured:ina226", joules, None)) for joules in (40.0, 30.0))
    comparison = compare(a, b)
    row = figure(comparison, "energy")
    assert (row.a, row.b, row.unit) == (pytest.approx(400.0), pytest.approx(300.0), "mJ")
    assert row.verdict == "B 25.0% less"
    assert figure(comparison, "energy above idle").verdict == "unknown"
    modelled = result(energy=energy("modelled:pi4-cpu-time", 40.0, 20.0))
    assert "not compared" in figure(compare(a, modelled), "energy").verdict
    nothing = result(energy={"source": "unavailable"})
    assert {row.figure for row in compare(nothing, nothing).rows} == {"call", "total", "peak RSS"}


def test_unknown_memory_is_unknown():
    other = document()
    for entry in other["timings"]:
        entry["memory_after"] = {"peak_rss_bytes": None}
    row = figure(compare(result(), msgspec.convert(other, Result)), "peak RSS")
    assert (row.a, row.b, row.ratio, row.verdict) == (50.0, None, None, "unknown")


@pytest.fixture
def files(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return str(path)

    return write


def test_the_command_prints_a_table_and_ends_with_json(files, capsys):
    a, b = files("a.json", document(*SLOW)), files("b.json", document(*FAST))
    assert command(["compare", a, b]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "smoke 1 on Raspberry Pi 4 Model B Rev 1.4" in out[0]
    last = json.loads(out[-1])
    assert [row["figure"] for row in last["rows"]] == ["call", "total", "peak RSS"]
    assert last["rows"][0]["ratio"] == pytest.approx(5.1 / 10.1)


def test_the_command_refuses_and_takes_the_two_options(files, capsys):
    other = document(*FAST, machine={"cores": 2}, bundle={"name": "n", "version": "1", "digest": "b" * 64})
    a, b = files("a.json", document(*SLOW)), files("b.json", other)
    with pytest.raises(SettingsError, match="machines"):
        command(["compare", a, b])
    assert command(["compare", "--across-machines", "--across-bundles", a, b]) == 0
    assert "warning: different machines: cores 4 and 2" in capsys.readouterr().err


def test_resamples_are_whole_chunks():
    assert RESAMPLES % 100 == 0
