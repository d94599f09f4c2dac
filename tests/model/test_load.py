import shutil

import msgspec
import pytest

from edge.errors import BundleError, DigestError
from edge.model import bundle as bundle_module
from edge.model import load
from edge.model.bundle import Bundle, file_spec, write_bundle
from edge.model.load import load_preprocess, load_runtime
from edge.model.probe import probe


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


def test_another_model_behind_a_right_digest_is_an_error(bundle, fixtures, tmp_path):
    made = with_file(bundle, tmp_path / "b", "model.tflite", (fixtures / "stripes_int8.tflite").read_bytes())
    with pytest.raises(BundleError, match=r"b: model\.tflite: its inputs are"):
        load_runtime(made)


def test_a_wrong_byte_never_reaches_a_backend(bundle, tmp_path, monkeypatch):
    folder = shutil.copytree(bundle.folder, tmp_path / "b")
    data = bytearray((folder / "model.tflite").read_bytes())
    data[1000] ^= 1
    (folder / "model.tflite").write_bytes(data)

    def never(*args, **kwargs):
        raise AssertionError("loaded unchecked bytes")

    monkeypatch.setattr(load, "probe", never)
    monkeypatch.setattr(load, "LiteRtRuntime", never)
    with pytest.raises(DigestError, match=r"model\.tflite"):
        load_runtime(Bundle.open(folder))


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
