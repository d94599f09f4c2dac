import contextlib
import io
import stat
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import BundleError
from edge.model import archive
from edge.model.archive import compress, extract


def zipped(path, *entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as target:
        for entry, data in entries:
            target.writestr(entry, data)
    return path


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_what_goes_in_comes_out(tmp_path, target):
    contents = {"manifest.json": b"{}", "model.tflite": bytes(range(256)) * 40}
    compress(contents, tmp_path / "a.zip")
    extract(tmp_path / "a.zip", target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == contents


def test_the_same_files_give_the_same_bytes(tmp_path):
    for name in ("a.zip", "b.zip"):
        compress({"manifest.json": b"{}", "model.onnx": b"x" * 999}, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        assert {entry.date_time[0] for entry in made.infolist()} == {1980}


def test_an_archive_is_never_overwritten(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"precious")
    with pytest.raises(BundleError, match="already there"):
        compress({"manifest.json": b"{}"}, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "a/b",
        "a\\b",
        "..",
        ".",
        "C:evil",
        ".hidden",
        "folder/",
        "nul\0l",
        "a\nb",
        "x" * 200,
    ],
)
def test_names_that_leave_the_folder_are_refused(tmp_path, target, name):
    encoded = name.encode()
    path = zipped(tmp_path / "b.zip", (zipfile.ZipInfo("n" * len(encoded)), b"evil"))
    raw = path.read_bytes().replace(b"n" * len(encoded), encoded)
    path.write_bytes(raw)
    with pytest.raises(BundleError):
        extract(path, target)
    assert list(target.iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, target, kind):
    entry = zipfile.ZipInfo("model.tflite")
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    with pytest.raises(BundleError, match="plain file"):
        extract(zipped(tmp_path / "a.zip", (entry, b"/etc/passwd")), target)
    assert list(target.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["card.md", "CARD.md"])
def test_a_name_that_comes_twice_is_refused(tmp_path, target, second):
    with pytest.raises(BundleError, match="twice"):
        extract(zipped(tmp_path / "a.zip", ("card.md", b"1"), (second, b"2")), target)


def test_too_many_entries_are_refused(tmp_path, target):
    entries = [(f"f{index}", b"") for index in range(archive.FILES_MAX + 1)]
    with pytest.raises(BundleError, match="17 entries"):
        extract(zipped(tmp_path / "a.zip", *entries), target)


def test_encryption_and_rare_methods_are_refused(tmp_path, target):
    with pytest.raises(BundleError, match="stored or deflated"):
        extract(zipped(tmp_path / "a.zip", ("f", b"x" * 99), method=zipfile.ZIP_LZMA), target)
    raw = bytearray(zipped(tmp_path / "b.zip", ("f", b"x")).read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        raw[raw.index(signature) + offset] |= 1
    (tmp_path / "b.zip").write_bytes(raw)
    with pytest.raises(BundleError, match="encrypted"):
        extract(tmp_path / "b.zip", target)


def test_a_bomb_is_stopped_by_the_bytes_that_come_out(tmp_path, target, monkeypatch):
    monkeypatch.setattr(archive, "FILE_BYTES_MAX", 1 << 20)
    with pytest.raises(BundleError, match="more than 1048576 bytes"):
        extract(zipped(tmp_path / "a.zip", ("f", bytes(2 << 20))), target)
    assert sum(path.stat().st_size for path in target.iterdir()) <= 1 << 20


def test_many_small_bombs_are_stopped_by_their_sum(tmp_path, target, monkeypatch):
    monkeypatch.setattr(archive, "TOTAL_BYTES_MAX", 3 << 20)
    with pytest.raises(BundleError, match="more than"):
        extract(zipped(tmp_path / "a.zip", *((f"f{i}", bytes(1 << 20)) for i in range(4))), target)


def test_a_lie_about_the_length_does_not_help(tmp_path, target, monkeypatch):
    """The central directory says 10 bytes, the data holds two million."""
    monkeypatch.setattr(archive, "FILE_BYTES_MAX", 1 << 20)
    raw = bytearray(zipped(tmp_path / "a.zip", ("f", bytes(2_000_000))).read_bytes())
    struct.pack_into("<I", raw, raw.index(b"PK\1\2") + 24, 10)
    (tmp_path / "a.zip").write_bytes(raw)
    with pytest.raises(BundleError):
        extract(tmp_path / "a.zip", target)


def test_no_archive_and_no_file_are_errors(tmp_path, target):
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    for name in ("a.zip", "absent.zip"):
        with pytest.raises(BundleError, match=name):
            extract(tmp_path / name, target)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_damage_gives_a_bundle_error_or_the_same_files(tmp_path_factory, data):
    contents = {"manifest.json": b"{}", "model.tflite": b"weights" * 30}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name, content)
    raw = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "a.zip").write_bytes(raw)
    (folder / "out").mkdir()
    with contextlib.suppress(BundleError):
        extract(folder / "a.zip", folder / "out")
    assert {path.name for path in folder.iterdir()} == {"a.zip", "out"}
    assert all(path.parent == folder / "out" and path.is_file() for path in folder.glob("out/**/*"))
