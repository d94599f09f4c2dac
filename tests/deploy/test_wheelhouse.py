"""Wheels from a folder and from the cache, without a network; and which tags a board wants."""

import json
from pathlib import Path

import pytest

from deploy.board import Board
from deploy.errors import WheelError
from deploy.wheel import own_wheel, read_wheel
from deploy.wheelhouse import Wanted, cache_folder, fetch, wanted_by

WANTED = Wanted("3.11", ("manylinux_2_36_aarch64", "manylinux2014_aarch64"))


def test_a_folder_gives_what_is_required_and_nothing_else(tmp_path: Path, stub) -> None:
    own = read_wheel(stub("wheels", "firetower", requires=("numpy>=2", "onnxruntime ; extra == 'onnx'")))
    for name, version in (
        ("numpy", "1.0"),
        ("numpy", "2.1"),
        ("onnxruntime", "1.0"),
        ("pip", "26.0"),
        ("other", "1"),
    ):
        stub("wheels", name, version)
    names = [wheel.name for wheel in fetch(own, WANTED, tmp_path / "wheels", tmp_path / "none")]
    assert names == [
        "firetower-1.0-py3-none-any.whl",
        "numpy-2.1-py3-none-any.whl",
        "pip-26.0-py3-none-any.whl",
    ]
    both = fetch(own, Wanted("3.11", WANTED.platforms, ("onnx",)), tmp_path / "wheels", tmp_path / "none")
    assert "onnxruntime-1.0-py3-none-any.whl" in [wheel.name for wheel in both]
    assert not (tmp_path / "none").exists()


def test_a_wheel_for_another_machine_does_not_count(tmp_path: Path, stub) -> None:
    own = read_wheel(stub("wheels", "firetower", requires=("numpy",)))
    stub("wheels", "pip")
    stub("wheels", "numpy").rename(tmp_path / "wheels/numpy-1.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    with pytest.raises(
        WheelError, match=r"numpy.*must hold every wheel for Python 3\.11 and manylinux_2_36_aarch64"
    ):
        fetch(own, WANTED, tmp_path / "wheels", tmp_path / "none")


def test_the_cache_answers_for_the_same_requirements_and_only_while_it_is_whole(tmp_path: Path, stub) -> None:
    own = read_wheel(stub("own", "firetower", requires=("numpy", "torch ; extra == 'train'")))
    kept = cache_folder(own, WANTED, tmp_path)
    stub(kept.name, "numpy")
    pip = stub(kept.name, "pip")
    sums = {path.name: read_wheel(path).sha256 for path in kept.glob("*.whl")}
    (kept / "sha256.json").write_text(json.dumps(sums))
    assert [wheel.name.split("-")[0] for wheel in fetch(own, WANTED, None, tmp_path)] == [
        "firetower",
        "numpy",
        "pip",
    ]
    newer = read_wheel(stub("own", "firetower", "2.0", requires=("numpy", "torch>3 ; extra == 'train'")))
    assert cache_folder(newer, WANTED, tmp_path) == kept
    assert cache_folder(own, Wanted("3.13", WANTED.platforms), tmp_path) != kept
    pip.write_bytes(pip.read_bytes() + b"x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_CONFIG_FILE", "/dev/null")
        patch.delenv("PIP_FIND_LINKS", raising=False)
        with pytest.raises(WheelError, match="give a folder of wheels with --wheels"):
            fetch(own, WANTED, None, tmp_path)


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
