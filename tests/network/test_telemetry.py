"""Nothing of this project imports ONNX Runtime before its telemetry is off."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.layout import Layout
from deploy.unit import render_unit

ROOT = Path(__file__).parents[2]
LIBRARY, OFF = "onnxruntime", "ORT_DISABLE_TELEMETRY"
MUTED = {
    "edge",
    "training",
    "tests",
}  # whose first module turns it off: edge/__init__, training/__init__, conftest
FIRST = """
import os, sys
import {package}
print(os.environ.get({off!r}), {library!r} in sys.modules)
"""


def imports_library(path: Path) -> bool:
    """Whether a module imports ONNX Runtime anywhere in it, also by its name in a string."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if LIBRARY in text else ():
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        else:
            continue
        if any(name.partition(".")[0] == LIBRARY for name in names):
            return True
    return False


def tracked(pattern: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in found.stdout.splitlines()]


def test_only_packages_that_turn_it_off_first_import_onnx_runtime():
    users = {path.relative_to(ROOT) for path in tracked("*.py") if imports_library(path)}
    assert {Path("edge/model/onnx.py"), Path("training/quantize/onnx_file.py")} <= users
    assert {path.parts[0] for path in users} <= MUTED


@pytest.mark.parametrize("package", sorted(MUTED - {"tests"}))
def test_the_first_import_of_a_package_turns_it_off(package):
    environment = {name: value for name, value in os.environ.items() if name != OFF}
    program = FIRST.format(package=package, off=OFF, library=LIBRARY)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "False"]


def test_tests_turn_it_off_before_they_import_anything_of_the_project():
    body = ast.parse((ROOT / "tests/conftest.py").read_text(encoding="utf-8")).body
    (off,) = [node for node in body if ast.unparse(node) == f"os.environ['{OFF}'] = '1'"]
    assert os.environ[OFF] == "1"
    before = {
        ast.unparse(node) for node in body[: body.index(off)] if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert before == {"import os", "from pathlib import Path", "import hypothesis", "import pytest"}


def test_the_service_and_both_containers_turn_it_off():
    assert f"Environment={OFF}=1" in render_unit(Layout(Path("/"), "pi", "pi"), video=False).splitlines()
    image = (ROOT / "Dockerfile.arm64").read_text(encoding="utf-8")
    assert f" {OFF}=1 " in image[image.rindex("\nENV ") : image.rindex("\nRUN ")]
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    assert compose["services"]["firetower"]["environment"][OFF] == "1"
