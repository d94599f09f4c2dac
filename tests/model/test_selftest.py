import dataclasses
import io
import itertools
import zipfile

import msgspec
import numpy as np
import pytest

from edge.errors import BundleError, ManifestError
from edge.model import selftest as selftest_module
from edge.model.bundle import Bundle, bundled_path, file_spec, write_bundle
from edge.model.load import load_runtime
from edge.model.manifest import Normalisation
from edge.model.pattern import draw
from edge.model.preprocess import Preprocess
from edge.model.registry import BACKENDS
from edge.model.selftest import (
    agreement,
    compare,
    pack_selftest,
    pattern_for,
    read_selftest,
    score,
    score_frames,
    selftest,
    step,
    with_selftest,
)
from tests.model.every import cells_for, need


@pytest.fixture
def bundle(fixtures):
    return Bundle.open(fixtures / "cells")


def with_file(bundle, folder, data):
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
    made = with_file(bundle, tmp_path / "b", pack_selftest(scores, frames))
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
        read_selftest(with_file(bundle, tmp_path / "b", data))


def test_one_that_is_long_itself_is_not_read(bundle, tmp_path):
    with pytest.raises(BundleError, match=r"selftest\.npz has 48000001 bytes"):
        read_selftest(with_file(bundle, tmp_path / "b", bytes(48_000_001)))


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
        read_selftest(with_file(bundle, tmp_path / "b", buffer.getvalue()))


@pytest.fixture
def light(bundle, tmp_path):
    """The fixture with frames that are drawn."""
    drawn = pattern_for(bundle.model_file()[1])
    scores = score_frames(bundle, load_runtime(bundle, "litert", probed=True), draw(drawn))
    manifest, stored = with_selftest(bundle.manifest, drawn, scores)
    contents = {name: bundle.read(name) for name in bundle.manifest.files} | {"selftest.npz": stored}
    return write_bundle(tmp_path / "light", manifest, contents)


@pytest.mark.parametrize("backend", BACKENDS)
def test_drawn_frames_pass_where_their_scores_were_made_and_elsewhere(light, backend):
    found = selftest(light, load_runtime(light, need(backend), probed=True))
    assert (found.frames, found.good) == (6, True)
    assert light.manifest.selftest.size_px == (60, 96)  # the input is 48 × 64: it is fitted, and letterboxed
    assert len(light.read("selftest.npz")) < 2000


@pytest.mark.parametrize(("stated", "written"), [("1.0", "1.3"), ("1.10", "1.10")])
def test_a_self_test_lowers_no_schema(bundle, stated, written):
    manifest = msgspec.structs.replace(bundle.manifest, schema=stated)
    drawn = pattern_for(bundle.model_file()[1])
    made, _ = with_selftest(manifest, drawn, np.zeros((6, 3, 4, 1), np.float32))
    assert made.schema == written


def test_the_seed_is_of_weight(light):
    drawn = msgspec.structs.replace(light.manifest.selftest, seed=2)
    manifest = msgspec.structs.replace(light.manifest, selftest=drawn)
    runtime = load_runtime(light, probed=True)
    with pytest.raises(BundleError, match="steps off"):
        selftest(dataclasses.replace(light, manifest=manifest), runtime)


def test_a_drawn_selftest_without_its_scores_is_no_manifest(light):
    files = {name: spec for name, spec in light.manifest.files.items() if name != "selftest.npz"}
    with pytest.raises(ManifestError, match=r"manifest\.selftest: the scores are missing"):
        write_bundle(light.folder.with_name("b"), msgspec.structs.replace(light.manifest, files=files), {})


@pytest.fixture(scope="module")
def shipped():
    bundle = Bundle.open(bundled_path())
    return bundle, load_runtime(bundle, "litert"), *read_selftest(bundle)


def test_the_bundled_scores_are_of_a_wide_range(shipped):
    bundle, _, _, scores = shipped
    stored = np.rint(scores / step(bundle.manifest))
    assert len(np.unique(stored)) > 100
    assert scores.min() < -10 < bundle.manifest.thresholds["smoke"].open < scores.max()


@pytest.mark.parametrize(
    "change",
    [
        {"colour_order": "BGR"},
        {"fit": "stretch"},
        {"normalisation": Normalisation(mean=(0.05,) * 3)},
        {"normalisation": Normalisation(std=(1.1,) * 3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_bundled_selftest_sees_wrong_preprocessing(shipped, change):
    bundle, runtime, frames, scores = shipped
    wrong = Preprocess(
        msgspec.structs.replace(bundle.manifest, **change), bundle.model_file("litert")[1].one("frame")
    )
    assert not agreement(bundle.manifest, scores, score(wrong, runtime, frames)).good
