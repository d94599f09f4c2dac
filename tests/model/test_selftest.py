import dataclasses
import io
import itertools
import zipfile

import msgspec
import numpy as np
import pytest

from edge.errors import BundleError
from edge.model import selftest as selftest_module
from edge.model.bundle import Bundle, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.registry import BACKENDS
from edge.model.selftest import agreement, compare, pack_selftest, read_selftest, score_frames, selftest, step
from tests.model.every import cells_for, need


@pytest.fixture
def bundle(fixtures):
    return Bundle.open(fixtures / "cells")


def with_selftest(bundle, folder, data):
    files = bundle.manifest.files | {"selftest.npz": file_spec(data)}
    contents = {name: bundle.read(name) for name in files} | {"selftest.npz": data}
    return write_bundle(folder, msgspec.structs.replace(bundle.manifest, files=files), contents)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_fixture_passes(backend, fixtures, tmp_path):
    bundle = cells_for(need(backend), fixtures, tmp_path)
    assert selftest(bundle, load_runtime(bundle, backend, probed=True)).frames == 8


def test_the_fixtures_scores_depend_on_its_state(bundle):
    frames, scores = read_selftest(bundle)
    runtime = load_runtime(bundle, probed=True)
    alone = np.concatenate([score_frames(bundle, runtime, frame[None]) for frame in frames])
    assert not np.allclose(alone, scores)


@pytest.mark.parametrize(("off", "good"), [(1.0, True), (1.01, False)])
def test_scores_that_are_off_are_told_in_steps(bundle, tmp_path, off, good):
    frames, scores = read_selftest(bundle)
    scores[3, 2, 1, 0] += off * step(bundle.manifest)
    made = with_selftest(bundle, tmp_path / "b", pack_selftest(frames, scores))
    runtime = load_runtime(made, probed=True)
    if good:
        assert selftest(made, runtime).steps_max == pytest.approx(1)
    else:
        with pytest.raises(
            BundleError, match=r"on litert: scores are 1\.01 steps off, the manifest allows 1"
        ):
            selftest(made, runtime)


@pytest.mark.parametrize("backend", BACKENDS)
def test_both_files_agree(backend, fixtures, tmp_path):
    bundle = cells_for(backend, fixtures, tmp_path)
    for each in bundle.backends():
        need(each.name)
    frames = np.random.default_rng(5).integers(0, 256, (12, 60, 50, 3), np.uint8)
    apart = compare(bundle, frames)
    assert apart.good
    assert apart.frames == 12


def with_runtimes(monkeypatch, bundle, offsets):
    """Give `bundle` a file for each name, whose scores are off by so much."""
    spec = bundle.model_file("litert")[1]
    files = {f"model.{name}": msgspec.structs.replace(spec, backend=name) for name in offsets}
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    monkeypatch.setattr(selftest_module, "load_runtime", lambda bundle, name, threads: name)
    monkeypatch.setattr(
        selftest_module,
        "score_frames",
        lambda bundle, name, frames: np.full((2, 6, 8, 2), offsets[name], np.float32),
    )
    manifest = msgspec.structs.replace(bundle.manifest, files=files)
    return dataclasses.replace(bundle, manifest=manifest), frames


@pytest.mark.parametrize("offsets", list(itertools.permutations([0.0, 0.1, -0.2])))
def test_of_many_files_the_two_that_differ_most_are_told(bundle, monkeypatch, offsets):
    many, frames = with_runtimes(monkeypatch, bundle, dict(zip("abc", offsets, strict=True)))
    apart = compare(many, frames)
    assert apart.steps_max == pytest.approx(0.3 / step(bundle.manifest))
    assert not apart.good


def test_one_file_alone_is_nothing_to_compare(bundle, monkeypatch):
    one, frames = with_runtimes(monkeypatch, bundle, {"a": 0.0})
    with pytest.raises(BundleError, match="a model for a alone"):
        compare(one, frames)


def test_other_shapes_do_not_compare(bundle):
    with pytest.raises(BundleError, match="expected"):
        agreement(bundle.manifest, np.zeros((1, 2, 2, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32))


def saved(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def damaged():
    """A whole archive of which one compressed stream is no stream."""
    data = saved(frames=np.zeros((2, 4, 4, 3), np.uint8), scores=np.zeros((2, 6, 8, 2), np.float32))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo("frames.npy")
    name_and_extra = sum(int.from_bytes(data[entry.header_offset + at :][:2], "little") for at in (26, 28))
    start = entry.header_offset + 30 + name_and_extra
    return data[:start] + b"\xff" * entry.compress_size + data[start + entry.compress_size :]


@pytest.mark.parametrize(
    "data",
    [
        damaged(),
        b"not an archive",
        saved(frames=np.zeros((2, 4, 4, 3), np.uint8)),
        saved(frames=np.zeros((2, 4, 4, 3), np.uint8), scores=np.zeros((1, 6, 8, 2), np.float32)),
        saved(frames=np.zeros((2, 4, 4, 3), np.float32), scores=np.zeros((2, 6, 8, 2), np.float32)),
        saved(frames=np.zeros((0, 4, 4, 3), np.uint8), scores=np.zeros((0, 6, 8, 2), np.float32)),
        saved(frames=np.array([{"a": 1}], dtype=object), scores=np.zeros((1, 6, 8, 2), np.float32)),
        saved(frames=np.zeros((1, 4, 4, 3), np.uint8), scores=np.zeros((1, 1, 1, 1), np.float32))[:-60],
    ],
    ids=["stream", "noise", "no-scores", "lengths", "dtype", "empty", "pickle", "cut"],
)
def test_a_malformed_selftest_is_an_error_that_names_it(bundle, tmp_path, data):
    with pytest.raises(BundleError, match=r"selftest\.npz"):
        read_selftest(with_selftest(bundle, tmp_path / "b", data))


def test_one_that_is_long_itself_is_not_read(bundle, tmp_path):
    with pytest.raises(BundleError, match=r"selftest\.npz has 48000001 bytes"):
        read_selftest(with_selftest(bundle, tmp_path / "b", bytes(48_000_001)))


def test_a_bomb_is_refused_before_it_is_unpacked(bundle, tmp_path):
    """300 MiB of black frames in 300 kB, otherwise well-formed."""
    buffer = io.BytesIO(saved(scores=np.zeros((100, 6, 8, 2), np.float32)))
    with (
        zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("frames.npy", "w") as file,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (100, 1024, 1024, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(300):
            file.write(bytes(1 << 20))
    with pytest.raises(BundleError, match=r"selftest\.npz unpacks to 314\d{6} bytes"):
        read_selftest(with_selftest(bundle, tmp_path / "b", buffer.getvalue()))
