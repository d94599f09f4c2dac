"""What guards this repository elsewhere runs what `make check` and CI run: the hooks of git, the forge's workflow."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / ".pre-commit-config.yaml"
WORKFLOW = ROOT / ".github/workflows/ci.yml"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)], capture_output=True, text=True, check=False
    )


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_hooks_are_local_and_those_of_make_check() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    lines = [line.strip() for line in recipe[1].splitlines()]
    commands = [line.replace("$(BIN)", ".venv/bin") for line in lines if not line.startswith("@echo")]
    (local,) = read(HOOKS)["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == commands
    for hook in local["hooks"]:
        assert (hook["language"], hook["always_run"], hook["pass_filenames"]) == ("system", True, False)


def test_the_hooks_are_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "home"))  # else in the user's cache
    assert run("pre_commit", "validate-config", HOOKS).returncode == 0
    broken = tmp_path / "hooks.yaml"
    broken.write_text(HOOKS.read_text().replace("entry:", "entri:"))
    assert run("pre_commit", "validate-config", broken).returncode == 1


def test_the_workflow_runs_the_gate_in_debian_12() -> None:
    (job,) = read(WORKFLOW)["jobs"].values()
    assert job["container"]["image"] == "debian:12"
    steps = job["steps"]
    assert steps[-1]["run"] == ".ci/run"
    assert steps[-1]["timeout-minutes"] < job["timeout-minutes"]
    for step in steps:
        assert "uses" not in step or re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


@pytest.mark.parametrize(("change", "good"), [(("", ""), True), (("runs-on:", "run-on:"), False)])
def test_the_workflow_is_valid(tmp_path: Path, change: tuple[str, str], good: bool) -> None:
    changed = tmp_path / "ci.yml"
    changed.write_text(WORKFLOW.read_text(encoding="utf-8").replace(*change))
    done = run("check_jsonschema", "--builtin-schema", "vendor.github-workflows", changed)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
