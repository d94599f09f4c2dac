"""The locked requirements meet pyproject.toml and have a wheel for each target; nothing is asked of a network."""

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.board import MACHINES, PYTHONS
from scripts.locked import FOLDER, RECORD, SETS, Target, faults, read
from scripts.sbom import TOLD

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with pyproject.toml and what is locked."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    return tmp_path


def change(path: Path, pattern: str, text: str | Callable[[re.Match[str]], str]) -> None:
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count
    path.write_text(changed, encoding="utf-8")


def test_every_set_is_sound() -> None:
    assert faults(ROOT) == [], "run `make lock`"


def test_what_must_have_digests() -> None:
    boards = {Target(python, machine) for python in PYTHONS for machine in MACHINES.values()}
    assert {
        Target(python, machine) for python in ("3.11", "3.13") for machine in ("aarch64", "x86_64")
    } < boards
    for name in ("device", "onnx", "pip", "build"):
        assert set(SETS[name].targets) == boards
    for name in ("train", "test"):
        assert Target("3.11", "x86_64") in SETS[name].targets


def test_every_extra_is_in_a_set() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(SETS["test"].extras or ()) == set(project["project"]["optional-dependencies"])
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
    assert {each.group for each in SETS.values() if each.group} == set(project["dependency-groups"])


def test_every_line_is_pinned_and_no_address_is_written() -> None:
    bills = {f"{name}.cdx.json" for name in TOLD}
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == {
        RECORD,
        *bills,
        *(f"{name}.txt" for name in SETS),
    }
    for path in (ROOT / FOLDER).iterdir():
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
    for name in SETS:
        for line in read(ROOT / FOLDER / f"{name}.txt"):
            assert str(line.requirement.specifier) == f"=={line.version}"
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in line.sha256)


def test_all_sets_have_the_versions_that_were_tested() -> None:
    tested = {line.name: line.version for line in read(ROOT / FOLDER / "test.txt")}
    for name in ("device", "onnx", "guest", "train", "build"):
        for line in read(ROOT / FOLDER / f"{name}.txt"):
            assert tested.get(line.name, line.version) == line.version


def test_a_digest_that_is_missing_is_found(copy: Path) -> None:
    wheels = json.loads((ROOT / FOLDER / RECORD).read_text())
    numpy = next(files["wheels"] for name, files in wheels.items() if name.startswith("numpy=="))
    digest = next(
        digest for file, digest in numpy.items() if "cp313-cp313-manylinux" in file and "aarch64" in file
    )
    change(copy / FOLDER / "device.txt", rf" *--hash=sha256:{digest}( \\)?\n", "")
    assert [text for text in faults(copy) if text.startswith("device, Python 3.13 on aarch64: numpy==")]
    assert not [text for text in faults(copy) if text.startswith("device, Python 3.13 on x86_64")]


def test_a_package_that_is_missing_is_found_also_one_that_another_requires(copy: Path) -> None:
    change(copy / FOLDER / "onnx.txt", r"^six==.*\\\n( +--hash.*\n)+", "")  # ddsketch's
    assert "onnx, Python 3.11 on aarch64: six is missing" in faults(copy)


def test_a_version_out_of_range_is_found(copy: Path) -> None:
    change(copy / "pyproject.toml", r'"av>=15,<19"', '"av>=99"')
    assert [text for text in faults(copy) if re.match(r"device, .*: av \S+ does not meet 'av>=99'", text)]


def test_a_new_dependency_of_pyproject_is_found(copy: Path) -> None:
    change(copy / "pyproject.toml", r'^onnx = \["', 'onnx = ["lark", "')
    assert "onnx, Python 3.11 on aarch64: lark is missing" in faults(copy)
    assert not [text for text in faults(copy) if text.startswith("device")]


def test_a_package_that_nothing_requires_is_found(copy: Path) -> None:
    change(copy / "pyproject.toml", r'^    "ddsketch.*\n', "")
    assert "device, Python 3.11 on aarch64: ddsketch is required by nothing" in faults(copy)


def test_a_marker_that_tells_boards_apart_is_found(copy: Path) -> None:
    change(copy / FOLDER / "device.txt", r"^(six==\S+)", r"\1 ; python_version < '3.12'")
    assert [
        text for text in faults(copy) if text.startswith("device: 'six==") and "some of its targets" in text
    ]
