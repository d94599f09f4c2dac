"""`python -m training` where the extra is not installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from training import __main__ as training

ROOT = Path(__file__).parents[2]
# What a None in sys.modules stands for cannot be imported, nor found.
PROGRAM = """
import sys
sys.modules.update(dict.fromkeys({needed!r}))
from {module} import main
sys.argv = {words!r}
sys.exit(main())
"""


def run(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(needed=training._NEEDED, module=module, words=["program", *words])
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("module", ["training.__main__", "edge.cli"])
def test_help_needs_no_extra(module: str) -> None:
    first = ["train"] if module == "edge.cli" else []
    done = run(module, *first, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in (
        "smoke", "compare-smoke", "inspect", "evaluate", "cross-validate", "detector", "conditions", "cadences",
        "cifar10", "study",
    ):  # fmt: skip
        assert re.search(rf"^    {command}\s", done.stdout, re.MULTILINE)
        shown = run(module, *first, command, "--help")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "--data DIR" in shown.stdout


@pytest.mark.parametrize("words", [["cifar10"], ["study"], ["smoke", "--data", "x", "--out", "y"]])
def test_a_command_says_which_extra_it_needs(words: list[str]) -> None:
    done = run("training.__main__", *words)
    assert done.returncode == 2
    assert "torch" in done.stderr
    assert "train" in done.stderr
    assert "Traceback" not in done.stderr
