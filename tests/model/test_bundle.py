import gc
import hashlib
import os
import shutil
import zipfile

import msgspec
import pytest

import edge
from edge.errors import BundleError, DigestError, ManifestError
from edge.model.bundle import Bundle, bundled_path, file_spec, unpack, write_bundle


@pytest.fixture
def folder(fixtures, tmp_path):
    return shutil.copytree(fixtures / "cells", tmp_path / "cells")


@pytest.fixture
def private_tmp(tmp_path, monkeypatch):
    """Let temporary folders appear where the test can see them."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def test_a_good_bundle_opens_and_its_files_are_read(folder):
    bundle = Bundle.open(folder)
    bundle.verify()
    assert bundle.read("model.tflite") == (folder / "model.tflite").read_bytes()
    assert bundle.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert not bundle.bundled


def test_model_files_are_found_by_backend(folder):
    bundle = Bundle.open(folder)
    assert [bundle.model_file(name)[0] for name in (None, "litert", "onnx")] == [
        "model.tflite",
        "model.tflite",
        "model.onnx",
    ]


def test_a_backend_without_a_file_is_an_error_that_says_what_there_is(folder, tmp_path):
    whole = Bundle.open(folder)
    files = {"model.onnx": whole.manifest.files["model.onnx"]}
    manifest = msgspec.structs.replace(whole.manifest, files=files)
    bundle = write_bundle(tmp_path / "new", manifest, {"model.onnx": whole.read("model.onnx")})
    assert bundle.model_file()[0] == "model.onnx"
    with pytest.raises(BundleError, match=r"litert.*it has one for: onnx"):
        bundle.model_file("litert")


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "card.md", "selftest.npz"])
def test_one_wrong_byte_is_an_error_that_names_the_file(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    bundle = Bundle.open(folder)
    with pytest.raises(DigestError, match=rf"{name}: sha256"):
        bundle.read(name)
    with pytest.raises(DigestError, match=name):
        bundle.verify()


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b""])
def test_a_wrong_length_is_an_error_that_names_the_file(folder, change):
    path = folder / "model.onnx"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DigestError, match=r"model\.onnx: \d+ bytes, the manifest says"):
        Bundle.open(folder)


def test_a_file_that_changes_after_opening_is_not_used(folder):
    bundle = Bundle.open(folder)
    data = (folder / "model.tflite").read_bytes()
    (folder / "model.tflite").write_bytes(data[::-1])
    with pytest.raises(DigestError, match=r"model\.tflite"):
        bundle.read("model.tflite")


def test_a_missing_file_is_named(folder):
    (folder / "card.md").unlink()
    with pytest.raises(BundleError, match=r"card\.md is missing"):
        Bundle.open(folder)


@pytest.mark.parametrize("make", ["file", "folder"])
def test_an_extra_file_is_named(folder, make):
    extra = folder / "model.bin"
    extra.write_bytes(b"") if make == "file" else extra.mkdir()
    with pytest.raises(BundleError, match=r"model\.bin is not named"):
        Bundle.open(folder)


@pytest.mark.parametrize("name", ["model.tflite", "manifest.json"])
def test_a_link_is_refused(folder, tmp_path, name):
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(BundleError, match=name.replace(".", r"\.") + ": cannot be read|must be a plain file"):
        Bundle.open(folder)


def test_a_link_that_comes_after_opening_is_refused(folder, tmp_path):
    bundle = Bundle.open(folder)
    (folder / "card.md").rename(tmp_path / "card.md")
    (folder / "card.md").symlink_to(tmp_path / "card.md")
    with pytest.raises(BundleError, match=r"card\.md: cannot be read"):
        bundle.read("card.md")


def test_a_file_that_grows_after_opening_is_not_read_to_its_end(folder):
    bundle = Bundle.open(folder)
    with (folder / "card.md").open("ab") as file:
        file.write(bytes(9000))
    with pytest.raises(DigestError, match=r"card\.md: 81 bytes, the manifest says 80"):
        bundle.read("card.md")


def test_a_fifo_is_refused_and_never_waited_for(folder):
    for name in ("model.tflite", "manifest.json"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(BundleError, match=name.replace(".", r"\.")):
            Bundle.open(folder)


def test_a_link_to_the_folder_is_fine(folder, tmp_path):
    (tmp_path / "current").symlink_to(folder)
    Bundle.open(tmp_path / "current").verify()


def test_a_broken_manifest_is_named(folder):
    (folder / "manifest.json").write_bytes(b'{"schema": "1"}')
    with pytest.raises(ManifestError, match=r"cells/manifest\.json: manifest: "):
        Bundle.open(folder)


def test_a_huge_manifest_is_refused(folder):
    (folder / "manifest.json").write_bytes(b" " * (2 << 20))
    with pytest.raises(BundleError, match="longer than"):
        Bundle.open(folder)


def test_no_bundle_and_no_manifest_are_errors(tmp_path):
    with pytest.raises(BundleError, match="no such bundle"):
        Bundle.open(tmp_path / "absent")
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.open(tmp_path)


def test_packing_and_unpacking_give_the_same_bundle(folder, tmp_path):
    bundle = Bundle.open(folder)
    bundle.pack(tmp_path / "a.zip")
    again = unpack(tmp_path / "a.zip", tmp_path / "again")
    assert again.digest == bundle.digest
    assert {p.name: p.read_bytes() for p in again.folder.iterdir()} == {
        p.name: p.read_bytes() for p in folder.iterdir()
    }


def test_an_archive_opens_and_its_folder_goes_with_it(folder, tmp_path, private_tmp):
    Bundle.open(folder).pack(tmp_path / "a.zip")
    bundle = Bundle.open(tmp_path / "a.zip")
    bundle.verify()
    assert list(private_tmp.iterdir()) == [bundle.folder.parent]
    del bundle
    gc.collect()
    assert list(private_tmp.iterdir()) == []


def test_an_archive_that_is_no_bundle_leaves_nothing(tmp_path, private_tmp):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("manifest.json", "{}")
    with pytest.raises(ManifestError):
        Bundle.open(tmp_path / "a.zip")
    with pytest.raises(ManifestError):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert list(private_tmp.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "tmp"]


def test_a_damaged_archive_is_not_installed(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in folder.iterdir():
            data = path.read_bytes()
            archive.writestr(path.name, data[::-1] if path.name == "model.onnx" else data)
    with pytest.raises(DigestError, match=r"model\.onnx"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_packed_that_is_not_the_manifests(folder, tmp_path):
    bundle = Bundle.open(folder)
    (folder / "card.md").write_bytes((folder / "card.md").read_bytes()[::-1])
    with pytest.raises(DigestError, match=r"card\.md"):
        bundle.pack(tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_writing_refuses_what_is_there_and_what_does_not_fit(folder, tmp_path):
    bundle = Bundle.open(folder)
    contents = {name: bundle.read(name) for name in bundle.manifest.files}
    with pytest.raises(BundleError, match="already there"):
        write_bundle(folder, bundle.manifest, contents)
    for wrong in (contents | {"more.txt": b""}, {k: v for k, v in contents.items() if k != "card.md"}):
        with pytest.raises(BundleError, match=r"more\.txt|card\.md"):
            write_bundle(tmp_path / "new", bundle.manifest, wrong)
    with pytest.raises(DigestError, match=r"card\.md"):
        write_bundle(tmp_path / "new", bundle.manifest, contents | {"card.md": b"x" * 80})
    assert not (tmp_path / "new").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]


def test_a_written_bundle_can_be_read_by_others(folder, tmp_path):
    bundle = Bundle.open(folder)
    write_bundle(tmp_path / "new", bundle.manifest, {n: bundle.read(n) for n in bundle.manifest.files})
    umask = os.umask(0o022)
    os.umask(umask)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o777 & ~umask


def test_a_file_is_described_by_digest_and_length():
    spec = file_spec(b"abc", "onnx")
    assert (spec.sha256, spec.bytes, spec.backend) == (hashlib.sha256(b"abc").hexdigest(), 3, "onnx")


def test_the_bundled_bundle_stands_inside_of_the_package():
    assert bundled_path().is_relative_to(next(iter(edge.__path__)))
