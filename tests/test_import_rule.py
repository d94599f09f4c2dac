"""The import rule between the folders: `edge` runs without the others and without what only a host has."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import edge

ROOT = Path(__file__).parents[1]
FORBIDDEN = (
    "training",
    "scoring",
    "firmware_sim",
    "benchmarks",
    "deploy",
    "receive",
    "torch",
    "onnx",
    "onnxruntime",
    "litert_torch",
)


def test_no_module_of_edge_loads_what_a_device_lacks() -> None:
    names = [m.name for m in pkgutil.walk_packages(edge.__path__, "edge.") if m.name != "edge.__main__"]
    assert len(names) > 50
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
print(*sorted(set(sys.modules) & set({FORBIDDEN!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "module", ["training", "scoring", "firmware_sim", "benchmarks", "deploy", "receive", "torch"]
)
def test_the_linter_refuses_such_an_import_in_edge(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "edge/bad.py", "--select", "TID251", "-"],
        input=f'"""Bad."""\n\nimport {module}\n',
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "TID251" in done.stdout


@pytest.mark.parametrize("package", ["firmware_sim", "benchmarks", "deploy", "receive", "training"])
def test_host_packages_import_without_their_extras_being_loaded(package: str) -> None:
    program = f"import {package}.__main__, sys; print(*sorted(set(sys.modules) & set({FORBIDDEN[6:]!r})))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


MAY_IMPORT = {
    "edge": {"edge"},
    "scoring": {"edge", "scoring"},
    "training": {"edge", "scoring", "training", "firmware_sim"},
    "firmware_sim": {"edge", "scoring", "firmware_sim"},
    "benchmarks": {"edge", "scoring", "firmware_sim", "receive", "benchmarks"},
    "deploy": {"edge", "deploy"},
    "receive": {"edge", "receive"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_only_whom_they_may(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        assert not (imported(path) & set(MAY_IMPORT)) - MAY_IMPORT[folder], path
