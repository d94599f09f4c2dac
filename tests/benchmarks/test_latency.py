import dataclasses
import importlib.util
import json
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import command
from benchmarks.latency import (
    Choice,
    Plan,
    choose_backends,
    measure,
    report,
    run_worker,
    schedule,
    spread_warnings,
    summarize,
    table,
)
from benchmarks.worker import Request, Timing
from edge.device.process import Memory
from edge.errors import BundleError, MissingExtraError, SettingsError
from edge.model.bundle import Bundle

CELLS = Path(__file__).parents[1] / "model/fixtures/cells"


def plan(**fields):
    known = {"backends": ("litert",), "threads": (1,), "runs": 5, "warmup": 2, "processes": 3}
    return Plan(**({"bundle": CELLS} | known | fields))


def timing(*invoke_ms, backend="litert", threads=1, rss=None):
    invoke_ns = tuple(int(value * 1e6) for value in invoke_ms)
    memory = Memory(rss_bytes=rss, peak_rss_bytes=rss)
    return Timing(
        backend=backend,
        threads=threads,
        invoke_ns=invoke_ns,
        total_ns=tuple(value + 1_000_000 for value in invoke_ns),
        load_ns=1,
        memory_before=memory,
        memory_loaded=memory,
        memory_after=memory,
    )


def test_processes_take_turns_and_the_order_turns_round():
    order = list(schedule(plan(backends=("litert", "onnx"), threads=(1, 2), processes=2)))
    assert order[:4] == [("litert", 1), ("litert", 2), ("onnx", 1), ("onnx", 2)]
    assert order[4:] == order[3::-1]


def test_every_process_is_asked_for_the_same_bundle():
    asked = []

    def work(request):
        asked.append(request)
        return timing(1, 2, 3, threads=request.threads)

    timings = measure(plan(threads=(1, 2)), work, lambda line: None)
    assert len(timings) == 6
    assert {request.digest for request in asked} == {Bundle.open(CELLS).digest}
    assert {(request.runs, request.warmup) for request in asked} == {(5, 2)}


def test_a_summary_pools_raw_values():
    rows = summarize([timing(1, 2, 3, rss=10), timing(2, 3, 4, rss=20), timing(9, backend="onnx")])
    assert [(row.backend, row.processes) for row in rows] == [("litert", 2), ("onnx", 1)]
    row = rows[0]
    assert (row.median_ms, row.min_ms, row.total_median_ms) == (2.5, 1, 3.5)
    assert row.spread == pytest.approx(1 / 2.5)
    assert row.p90_ms == pytest.approx(3.5)
    assert row.rss_peak_bytes == 20


def test_unknown_stays_unknown():
    row = summarize([timing(1)])[0]
    assert (row.spread, row.rss_bytes, row.rss_peak_bytes) == (None, None, None)
    assert table([row]).splitlines()[1].split()[-3:] == ["?", "?", "?"]


@pytest.mark.parametrize(("second", "warned"), [(1.05, False), (1.2, True)])
def test_processes_that_disagree_are_warned_of(second, warned):
    found = spread_warnings(summarize([timing(1), timing(second)]))
    assert bool(found) == warned


def test_a_report_keeps_raw_values_machine_and_protocol():
    timings = [timing(1, 2), timing(3, 4)]
    about = {"cpu": "x", "cores": 2, "governor": "powersave", "load_before": ["1.90", "0", "0"]}
    result = json.loads(json.dumps(report(plan(), timings, about)))
    assert result["schema"] == "firetower-latency/1.0"
    assert [t["invoke_ns"] for t in result["timings"]] == [[1_000_000, 2_000_000], [3_000_000, 4_000_000]]
    assert result["machine"] == about
    assert result["bundle"]["digest"] == Bundle.open(CELLS).digest
    assert (result["protocol"]["warmup"], result["protocol"]["processes"]) == (2, 3)
    said = " ".join(result["warnings"])
    assert "load 1.90" in said
    assert "powersave" in said
    assert "differ by" in said


def test_a_worker_keeps_what_comes_after_the_warm_up():
    digest = Bundle.open(CELLS).digest
    result = run_worker(Request(str(CELLS), digest, "litert", 1, 3, 7))
    assert len(result.invoke_ns) == len(result.total_ns) == 7
    assert all(0 < inner < outer for inner, outer in zip(result.invoke_ns, result.total_ns, strict=True))
    assert result.memory_after.rss_bytes >= result.memory_before.rss_bytes > 0


def test_a_bundle_that_changes_during_a_benchmark_is_an_error():
    with pytest.raises(BundleError, match="has changed"):
        run_worker(Request(str(CELLS), "0" * 64, "litert", 1, 1, 1))


def test_without_onnx_runtime_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"firetower\[onnx\]"):
        measure(plan(backends=("onnx",)), run_worker, lambda line: None)


def test_backends_are_those_that_the_bundle_and_the_machine_have(monkeypatch):
    bundle = Bundle.open(CELLS)
    assert choose_backends(bundle, None) == Choice(("litert", "onnx"))
    assert choose_backends(bundle, ("onnx",)) == Choice(("onnx",))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    choice = choose_backends(bundle, None)
    assert choice.backends == ("litert",)
    assert [skipped.backend for skipped in choice.skipped] == ["onnx"]
    assert "firetower[onnx]" in choice.skipped[0].why
    assert choose_backends(bundle, ("litert",)) == Choice(("litert",))


def test_a_bundle_that_nothing_here_can_run_is_an_error(monkeypatch):
    bundle = Bundle.open(CELLS)
    only = {name: spec for name, spec in bundle.manifest.files.items() if spec.backend != "litert"}
    bundle = dataclasses.replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, files=only))
    assert choose_backends(bundle, None) == Choice(("onnx",))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"firetower\[onnx\]"):
        choose_backends(bundle, None)


def test_a_file_for_an_unknown_backend_is_not_measured():
    bundle = Bundle.open(CELLS)
    files = dict(bundle.manifest.files)
    files["model.onnx"] = msgspec.structs.replace(files["model.onnx"], backend="npu-2")
    known = dataclasses.replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, files=files))
    assert choose_backends(known, None) == Choice(("litert",))
    del files["model.tflite"]
    none = dataclasses.replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, files=files))
    with pytest.raises(BundleError, match="it has one for: npu-2"):
        choose_backends(none, None)


def test_the_command_prints_a_table_and_writes_everything(tmp_path, capsys):
    words = f"latency --bundle {CELLS} --backends litert --runs 3 --warmup 1 --processes 2 --json {tmp_path}/o.json"
    assert command(words.split()) == 0
    out = capsys.readouterr().out
    assert "brightness-cells 1 on" in out
    assert json.loads(out.splitlines()[-1])[0]["backend"] == "litert"
    stored = json.loads((tmp_path / "o.json").read_text())
    assert [len(t["invoke_ns"]) for t in stored["timings"]] == [3, 3]


def test_what_is_left_out_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    words = f"latency --bundle {CELLS} --runs 2 --warmup 1 --processes 1 --json {tmp_path}/o.json"
    assert command(words.split()) == 0
    assert "onnx is left out" in capsys.readouterr().err
    assert {t["backend"] for t in json.loads((tmp_path / "o.json").read_text())["timings"]} == {"litert"}


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    with pytest.raises(SettingsError, match="--json"):
        command(["latency", "--bundle", str(CELLS), "--json", str(tmp_path / "no/o.json")])


@pytest.mark.parametrize("words", ["--runs 0", "--threads 1,0", "--backends torch", "--processes many"])
def test_options_out_of_range_are_usage_errors(words):
    with pytest.raises(SystemExit) as exited:
        command(["latency", *words.split()])
    assert exited.value.code == 2
