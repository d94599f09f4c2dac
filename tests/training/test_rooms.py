"""The rooms that both experiments use know neither of them."""

import ast
import re
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[2] / "training"
SHARED = ("step", "network", "distill", "quantize", "export")
EXPERIMENTS = ("smoke", "cifar10")
GATE = "gate"  # judges what any experiment made, and knows none of them
DATA = "smoke.data"  # sequences with their truth: the gate reads them by the same readers
LABELS = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
STRANGERS = re.compile(r"cifar|smoke|airplane|\bten classes\b|\b32 ?(px|×|x)", re.IGNORECASE)
# 32 that is no picture's side: bits, channels of a backbone, images of a chunk, the hexadecimal digits of a digest.
OTHER_32 = {"network/lite0.py", "network/prune.py", "quantize/fake.py", "quantize/onnx_file.py"}


def modules() -> list[Path]:
    return [path for room in SHARED for path in sorted((TRAINING / room).rglob("*.py"))]


def named(path: Path) -> str:
    return path.relative_to(TRAINING).as_posix()


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_shared_room_imports_no_experiment(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        strange = [
            name for name in names if name.startswith(tuple(f"training.{e}" for e in (*EXPERIMENTS, GATE)))
        ]
        assert not strange


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_shared_room_speaks_of_no_experiment(path: Path) -> None:
    text = path.read_text()
    assert not STRANGERS.search(text), path
    constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    assert not LABELS & {value for value in constants if isinstance(value, str)}
    numbers = {value for value in constants if type(value) is int}
    assert named(path) in OTHER_32 or 32 not in numbers


def test_no_experiment_imports_the_other() -> None:
    for here, there in (EXPERIMENTS, EXPERIMENTS[::-1]):
        for path in (TRAINING / here).rglob("*.py"):
            assert f"training.{there}" not in path.read_text(), path


def test_the_gate_imports_no_experiment_but_its_data() -> None:
    for path in (TRAINING / GATE).rglob("*.py"):
        text = path.read_text().replace(f"training.{DATA}", "")
        for experiment in EXPERIMENTS:
            assert f"training.{experiment}" not in text, path


def test_the_data_know_neither_an_experiment_nor_the_gate() -> None:
    for path in (TRAINING / DATA.replace(".", "/")).rglob("*.py"):
        text = path.read_text().replace(f"training.{DATA}", "")
        for stranger in (*EXPERIMENTS, GATE):
            assert f"training.{stranger}" not in text, path


def test_every_folder_is_a_shared_room_or_an_experiment() -> None:
    folders = {path.name for path in TRAINING.iterdir() if (path / "__init__.py").exists()}
    assert folders == {*SHARED, *EXPERIMENTS, GATE}
