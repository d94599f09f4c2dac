"""The emulated suite's own parts: what it leaves out is there, and pytest's report is read right."""

import ast
from pathlib import Path

import pytest

from arm64 import suite
from arm64.board import BOARDS

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("test", suite.EXCLUDED)
def test_what_is_excluded_exists_and_has_a_reason(test):
    file, _, name = test.partition("::")
    assert (PROJECT / file).exists()
    if name:
        tree = ast.parse((PROJECT / file).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name.partition("[")[0] in functions
    assert suite.EXCLUDED[test]


def test_every_board_runs_tests_that_exist():
    assert set(suite.SCOPES) == {board.name for board in BOARDS}
    assert all((PROJECT / part).exists() for scope in suite.SCOPES.values() for part in scope)


REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one" file="tests/test_a.py" time="1"/>
<testcase classname="tests.test_a" name="test_two[x]" file="tests/test_a.py">
  <failure message="AssertionError: 1 != 2">at length</failure></testcase>
<testcase classname="tests.test_a" name="test_three" file="tests/test_a.py">
  <skipped type="pytest.skip" message="no real data here"/></testcase>
<testcase classname="" name="tests.test_b"><error message="collection failure"/></testcase>
</testsuite></testsuites>"""


def test_a_report_tells_what_passed_failed_and_was_skipped_and_why():
    report = suite.read_report(REPORT, complete=True)
    assert report.passed == 1
    assert report.failed == (
        suite.Outcome("tests/test_a.py::test_two[x]", "AssertionError: 1 != 2"),
        suite.Outcome("::tests.test_b", "collection failure"),
    )
    assert report.skipped == (suite.Outcome("tests/test_a.py::test_three", "no real data here"),)
    assert not report.good


def test_a_run_without_a_passed_test_is_not_good():
    assert not suite.Report(0, (), (), complete=True).good
    assert suite.Report(1, (), (), complete=True).good


def test_a_run_that_was_cut_short_is_not_good():
    assert not suite.Report(1, (), (), complete=False).good


def test_a_record_names_only_what_its_own_scope_leaves_out():
    assert suite.excluded(("tests",)) == suite.EXCLUDED
    assert suite.excluded(("tests/test_cli.py",)).keys() == {
        test for test in suite.EXCLUDED if test.startswith("tests/test_cli.py::")
    }
    assert suite.excluded(("tests/test_wheel",)) == {}
