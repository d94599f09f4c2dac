import random
import sys

import pytest

from edge.errors import BundleError
from edge.model.probe import probe
from edge.model.registry import BACKENDS
from tests.model.every import need, readers

LITERT = BACKENDS["litert"]
FUZZED = readers(("cells/model.tflite",), ("stripes_int8.tflite",), ("cells/model.onnx",), ("stripes.onnx",))


def refusal(data, name, backend):
    """Return what is said against a file, nothing if it loads and runs."""
    try:
        probe(data, f"there/{name}", BACKENDS[need(backend)])
    except BundleError as error:
        return str(error)
    return ""


def stand_in(tmp_path, monkeypatch, script):
    """Let another program stand in for the child's Python."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))


def test_a_file_is_described_and_run(fixtures):
    answer = probe((fixtures / "stripes_uint8.tflite").read_bytes(), "m", LITERT)
    (frame,), (scores,) = answer.actual.inputs, answer.actual.outputs
    assert (frame.shape, frame.dtype, frame.zero_point) == ((1, 24, 24, 3), "uint8", 127)
    assert (scores.shape, scores.dtype, scores.scale) == ((1, 3), "uint8", 1 / 256)
    assert [sum(sample) for sample in answer.samples] == pytest.approx([1, 1], abs=0.02)


@pytest.mark.parametrize(("backend", "name"), readers(("stripes.onnx",)))
def test_open_dimensions_are_told_and_closed(fixtures, backend, name):
    model, backend = (fixtures / name).read_bytes(), BACKENDS[need(backend)]
    answer = probe(model, "m", backend)
    assert answer.declared.inputs[0].shape == (-1, 3, 24, 24)
    assert answer.actual.inputs[0].shape == (1, 3, 24, 24)
    assert answer.actual.outputs[0].shape == (1, 3)
    wide = probe(model, "m", backend, {"image": (2, 3, 24, 24)})
    assert wide.actual.outputs[0].shape == (2, 3)


@pytest.mark.parametrize(("backend", "name"), FUZZED)
@pytest.mark.parametrize("cut", [0, 1, 7, 8, 100, 0.5, 0.99, -1])
def test_a_truncated_file_is_an_error_that_names_it(fixtures, backend, name, cut):
    data = (fixtures / name).read_bytes()
    kept = data[: int(cut * len(data)) if isinstance(cut, float) else cut]
    said = refusal(kept, name, backend)
    assert said.startswith(f"there/{name}: ") or (said == "" and cut in {-1, 0.99})


@pytest.mark.parametrize(("backend", "name"), FUZZED)
@pytest.mark.parametrize("seed", range(6))
def test_a_file_with_wrong_bytes_loads_or_is_an_error_that_names_it(fixtures, backend, name, seed):
    rng = random.Random(seed)
    data = bytearray((fixtures / name).read_bytes())
    for _ in range(rng.choice([1, 3, 10])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    said = refusal(bytes(data), name, backend)
    assert said == "" or said.startswith(f"there/{name}: ")


def test_a_file_that_kills_its_loader_is_an_error_that_names_it(fixtures):
    """One word of cells/model.tflite was changed; ai-edge-litert 2.3.0 dies of SIGSEGV in it, on x86-64 at least."""
    with pytest.raises(BundleError, match=r"^crash\.tflite: "):
        probe((fixtures / "crash.tflite").read_bytes(), "crash.tflite", LITERT)


def test_a_signal_is_named(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "kill -SEGV $$")
    with pytest.raises(BundleError, match=r"m\.tflite: the file crashes litert \(SIGSEGV\)"):
        probe(b"", "m.tflite", LITERT)


def test_a_loader_that_hangs_is_ended(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "exec sleep 600")
    with pytest.raises(BundleError, match=r"m\.tflite: litert was still loading it after 0\.2 s"):
        probe(b"", "m.tflite", LITERT, timeout_s=0.2)


def test_the_child_sees_this_package_and_not_the_current_folder(fixtures, tmp_path, monkeypatch):
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge/__init__.py").write_text("raise SystemExit('the wrong edge')")
    monkeypatch.chdir(tmp_path)
    probe((fixtures / "stripes_int8.tflite").read_bytes(), "m", LITERT)
