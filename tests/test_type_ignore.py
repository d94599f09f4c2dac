"""Silence towards the type checker is for one stated fault, and says why (ruff's PGH003 sees to the fault)."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("edge", "deploy", "receive", "training", "scoring", "firmware_sim", "benchmarks", "arm64", "tests")
SILENT = re.compile(r"#\s*type:\s*ignore(?P<code>\[[a-z-]+(, [a-z-]+)*\])?(?P<reason>\s+#\s*\w.{9,})?")


def unexplained(text: str) -> list[str]:
    """Return the lines that are silent without a code and a reason behind it."""
    found = ((line, SILENT.search(line)) for line in text.splitlines())
    return [line for line, match in found if match and not (match["code"] and match["reason"])]


@pytest.mark.parametrize("room", ROOMS)
def test_what_the_type_checker_does_not_look_at_has_its_code_and_reason(room):
    files = [path for path in (ROOT / room).rglob("*.py") if path != Path(__file__)]
    assert files
    assert {str(path): lines for path in files if (lines := unexplained(path.read_text()))} == {}


def test_one_without_a_reason_is_seen():
    assert unexplained("a = b  # type: ignore\n") == ["a = b  # type: ignore"]
    assert unexplained("a = b  # type: ignore[arg-type]\n")
    assert unexplained("a = b  # type: ignore  # some good reason\n")
    assert unexplained("a = b  # type: ignore[arg-type]  # so\n")
    assert not unexplained("a = b  # type: ignore[arg-type, misc]  # its stubs lack this overload\n")
