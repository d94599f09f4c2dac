"""Wheels from a folder and from the cache, without a network; and which tags a board wants."""

import json
import zipfile
from pathlib import Path

import pytest

from deploy.board import Board
from deploy.errors import WheelError
from deploy.wheel import locked, own_wheel, read_wheel
from deploy.wheelhouse import Wanted, cache_folder, fetch, wanted_by

WANTED = Wanted("3.11", ("manylinux_2_36_aarch64", "manylinux2014_aarch64"))


def test_a_folder_gives_what_is_locked_and_nothing_else(tmp_path: Path, stub, lock) -> None:
    path, numpy, onnx, pip = (
        stub("wheels", name, version)
        for name, version in (("firetower", "1.0"), ("numpy", "2.1"), ("onnxruntime", "1.0"), ("pip", "26.0"))
    )
    stub("wheels", "numpy", "2.2")
    stub("wheels", "other")
    lock(path, {"device": [numpy], "onnx": [numpy, onnx], "pip": [pip]})
    own = read_wheel(path)
    names = [wheel.name for wheel in fetch(own, WANTED, tmp_path / "wheels", tmp_path / "none")]
    assert names == [
        "firetower-1.0-py3-none-any.whl",
        "numpy-2.1-py3-none-any.whl",
        "pip-26.0-py3-none-any.whl",
    ]
    both = fetch(own, Wanted("3.11", WANTED.platforms, ("onnx",)), tmp_path / "wheels", tmp_path / "none")
    assert "onnxruntime-1.0-py3-none-any.whl" in [wheel.name for wheel in both]
    assert not (tmp_path / "none").exists()


def test_a_wheel_for_another_machine_does_not_count(tmp_path: Path, stub, lock) -> None:
    path, pip = stub("wheels", "firetower"), stub("wheels", "pip")
    numpy = stub("wheels", "numpy").rename(
        tmp_path / "wheels/numpy-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    )
    lock(path, {"device": [numpy], "pip": [pip]})
    with pytest.raises(
        WheelError, match=r"numpy.*must hold the very wheels .* for Python 3\.11 and manylinux_2_36_aarch64"
    ):
        fetch(read_wheel(path), WANTED, tmp_path / "wheels", tmp_path / "none")


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_a_folder_with_other_wheels_than_the_locked_is_refused(
    tmp_path: Path, stub, lock, version: str
) -> None:
    path, pip, numpy = stub("wheels", "firetower"), stub("wheels", "pip"), stub("wheels", "numpy", "2.1")
    lock(path, {"device": [numpy], "pip": [pip]})
    numpy.unlink()
    stub("wheels", "numpy", version, requires=("other ; extra == 'x'",))  # of that version, another file
    with pytest.raises(WheelError, match=r"pip download failed.*collect them as docs/deploy\.md"):
        fetch(read_wheel(path), WANTED, tmp_path / "wheels", tmp_path / "none")


def test_a_lock_without_digests_is_refused(tmp_path: Path, stub) -> None:
    path = stub("wheels", "firetower")
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("device", "pip"):
            stub("wheels", name)
            inside = f"firetower-1.0.dist-info/extra_metadata/requirements/{name}.txt"
            archive.writestr(inside, f"{name}==1.0\n")
    with pytest.raises(WheelError, match=r"--require-hashes|--hash"):
        fetch(read_wheel(path), WANTED, tmp_path / "wheels", tmp_path / "none")


def test_a_firetower_without_a_lock_is_refused(tmp_path: Path, stub) -> None:
    with pytest.raises(WheelError, match=r"no requirements/device\.txt in it.*make wheel"):
        fetch(read_wheel(stub("wheels", "firetower")), WANTED, tmp_path / "wheels", tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"# nothing\n", r"no requirements/device\.txt"),
        (b"\xff\xfe", "is damaged"),
        (b"--index-url http://127.0.0.1:9/\nmsgspec==1\n", "has an option, '--index-url"),
    ],
)
def test_a_lock_that_is_none_is_refused(stub, text: bytes, why: str) -> None:
    path = stub("wheels", "firetower")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("firetower-1.0.dist-info/extra_metadata/requirements/device.txt", text)
    with pytest.raises(WheelError, match=f"{why}.*make wheel"):
        locked(read_wheel(path), "device")


def test_the_cache_answers_for_the_same_lock_and_only_while_it_is_whole(tmp_path: Path, stub, lock) -> None:
    numpy, pip = stub("kept", "numpy"), stub("kept", "pip")
    path, newer = stub("own", "firetower"), stub("own", "firetower", "2.0")
    for each in (path, newer):
        lock(each, {"device": [numpy], "pip": [pip]})
    text = locked(read_wheel(path), "device") + locked(read_wheel(path), "pip")
    kept = (tmp_path / "kept").rename(cache_folder(text, WANTED, tmp_path))
    sums = {wheel.name: read_wheel(wheel).sha256 for wheel in kept.glob("*.whl")}
    (kept / "sha256.json").write_text(json.dumps(sums))
    for each in (path, newer):
        found = fetch(read_wheel(each), WANTED, None, tmp_path)
        assert [wheel.name.split("-")[0] for wheel in found] == ["firetower", "numpy", "pip"]
    assert cache_folder(text, Wanted("3.13", WANTED.platforms), tmp_path) != kept
    assert cache_folder(text.replace("numpy==1.0", "numpy==1.1"), WANTED, tmp_path) != kept
    pip = kept / pip.name
    pip.write_bytes(pip.read_bytes() + b"x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        patch.delenv("PIP_FIND_LINKS", raising=False)
        with pytest.raises(WheelError, match="give a folder of wheels with --wheels"):
            fetch(read_wheel(path), WANTED, None, tmp_path)


def test_firetowers_own_wheel_is_the_one_given_or_the_only_one_of_the_folder(tmp_path: Path, stub) -> None:
    first = stub("wheels", "firetower")
    assert own_wheel(None, tmp_path / "wheels", tmp_path).path == first
    second = stub("wheels", "firetower", "2.0")
    assert own_wheel(second, tmp_path / "wheels", tmp_path).path == second
    with pytest.raises(WheelError, match="choose with --wheel"):
        own_wheel(None, tmp_path / "wheels", tmp_path)
    (tmp_path / "firetower-1.whl").write_text("no zip")
    with pytest.raises(WheelError, match="not a readable wheel"):
        own_wheel(tmp_path / "firetower-1.whl", None, tmp_path)


def test_a_board_wants_what_its_c_library_runs(pi4: Board) -> None:
    wanted = wanted_by(pi4, ())
    assert wanted.python == "3.11"
    assert wanted.platforms[0] == "manylinux_2_36_aarch64"
    assert "manylinux_2_28_aarch64" in wanted.platforms
    assert wanted.platforms[-2:] == ("manylinux_2_17_aarch64", "manylinux2014_aarch64")
