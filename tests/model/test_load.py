import dataclasses
import shutil

import msgspec
import pytest

from edge.errors import BundleError, DigestError, UnknownBackendError
from edge.model import bundle as bundle_module
from edge.model import load
from edge.model.bundle import Bundle, file_spec, write_bundle
from edge.model.load import load_preprocess, load_runtime
from edge.model.probe import probe
from edge.model.registry import BACKENDS
from tests.model.every import cells_for, need


@pytest.fixture
def bundle(fixtures):
    return Bundle.open(fixtures / "cells")


def with_file(bundle, folder, name, data):
    """Return a bundle whose manifest names `data` rightly."""
    old = bundle.manifest.files[name]
    files = bundle.manifest.files | {name: file_spec(data, old.backend, old.tensors)}
    contents = {other: bundle.read(other) for other in files if other != name} | {name: data}
    return write_bundle(folder, msgspec.structs.replace(bundle.manifest, files=files), contents)


def test_litert_comes_first(bundle):
    assert load_runtime(bundle, probed=True).name == "litert"


def test_a_crashing_file_behind_a_right_digest_is_an_error(bundle, fixtures, tmp_path):
    made = with_file(bundle, tmp_path / "b", "model.tflite", (fixtures / "crash.tflite").read_bytes())
    made.verify()
    with pytest.raises(BundleError, match=r"b: model\.tflite: "):
        load_runtime(made)


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_model_behind_a_right_digest_is_an_error(fixtures, tmp_path, backend):
    bundle = cells_for(need(backend), fixtures, tmp_path)
    name, _ = bundle.model_file(backend)
    other = {".tflite": "stripes_int8.tflite", ".onnx": "stripes.onnx"}[BACKENDS[backend].suffix]
    made = with_file(bundle, tmp_path / "b", name, (fixtures / other).read_bytes())
    with pytest.raises(BundleError, match=rf"b: {name}: its inputs are"):
        load_runtime(made, backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_wrong_byte_never_reaches_a_backend(fixtures, tmp_path, monkeypatch, backend):
    bundle = cells_for(backend, fixtures, tmp_path)
    name, _ = bundle.model_file(backend)
    folder = shutil.copytree(bundle.folder, tmp_path / "b")
    data = bytearray((folder / name).read_bytes())
    data[1000] ^= 1
    (folder / name).write_bytes(data)

    def never(*args, **kwargs):
        raise AssertionError("loaded unchecked bytes")

    monkeypatch.setattr(load, "probe", never)
    monkeypatch.setitem(BACKENDS, backend, dataclasses.replace(BACKENDS[backend], open=never))
    with pytest.raises(DigestError, match=name):
        load_runtime(Bundle.open(folder), backend)


def with_unknown(bundle, folder, *kept):
    """Return a bundle with a file for a backend of the future, and those of `kept`."""
    spec = msgspec.structs.replace(bundle.manifest.files["model.onnx"], backend="npu-2")
    files = {name: bundle.manifest.files[name] for name in kept} | {"model.npu": spec}
    contents = {name: bundle.read(name) for name in kept} | {"model.npu": bundle.read("model.onnx")}
    return write_bundle(folder, msgspec.structs.replace(bundle.manifest, files=files), contents)


def test_a_file_for_an_unknown_backend_does_not_keep_the_known_ones_from_running(bundle, tmp_path):
    made = with_unknown(bundle, tmp_path / "b", "model.tflite")
    assert load_runtime(made, probed=True).name == "litert"
    with pytest.raises(
        UnknownBackendError, match=r"model\.npu is for the backend 'npu-2'.*it knows litert, onnx"
    ):
        load_runtime(made, "npu-2")


def test_a_bundle_for_unknown_backends_alone_says_which(bundle, tmp_path):
    made = with_unknown(bundle, tmp_path / "b")
    with pytest.raises(BundleError, match=r"known here \(litert, onnx.*\), it has one for: npu-2"):
        load_runtime(made)


def test_only_the_bundled_bundle_is_loaded_without_a_look(bundle, monkeypatch):
    looked = []
    real = probe

    def spy(model, file, *args, **kwargs):
        looked.append(file)
        return real(model, file, *args, **kwargs)

    monkeypatch.setattr(load, "probe", spy)
    load_runtime(bundle)
    assert looked == [f"{bundle.path}: model.tflite"]
    monkeypatch.setattr(bundle_module, "_BUNDLED", bundle.folder)
    load_runtime(bundle)
    assert len(looked) == 1


def test_preprocessing_is_that_of_the_same_file(bundle):
    assert load_preprocess(bundle, "onnx")._same
    assert load_preprocess(bundle, "litert")._flipped
