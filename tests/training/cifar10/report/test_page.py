"""The page of results of every shape: nothing undefined, nothing said of what is not there."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.cifar10.report.fake import PAIR, Shape, make
from training.__main__ import command
from training.cifar10.report import file, page
from training.cifar10.report.record import Paired

BOOL = st.booleans()
SHAPES = st.builds(
    Shape,
    seeds=st.integers(1, 3),
    teacher=BOOL,
    low_bits=BOOL,
    timed=BOOL,
    rough=BOOL,
    powered=BOOL,
    replay=BOOL,
    validation=BOOL,
    aim=st.sampled_from([None, 0.5, 0.99]),
    dkd=BOOL,
    stem=st.sampled_from(["full", "strided"]),
    muon=BOOL,
    note=st.sampled_from(["", "A note of *this* recipe."]),
    gain=st.sampled_from([-0.02, 0.0, 0.02]),
    p=st.sampled_from([0.0001, 0.04, 0.05, 1.0]),
)

# What stands on the page exactly where the result has it.
SAID = {
    "where there are several seeds": lambda shape: shape.seeds > 1,
    "paired over seeds": lambda shape: shape.seeds > 1,
    "seed, others are unknown": lambda shape: shape.seeds == 1,
    "| teacher, wise |": lambda shape: shape.teacher,
    "A *teacher* is": lambda shape: shape.teacher,
    "## A smaller network and INT8 together": lambda shape: shape.teacher,
    "The recipe leaves it out": lambda shape: shape.teacher and shape.validation,
    "Rows that are *simulated*": lambda shape: shape.low_bits,
    "8 bits": lambda shape: shape.low_bits,
    "## Sensitivity": lambda shape: shape.low_bits,
    "*Weights* is how": lambda shape: shape.low_bits,
    "INT2": lambda shape: shape.low_bits,
    "## How times were taken": lambda shape: shape.timed,
    "ms per image": lambda shape: shape.timed,
    " faster |": lambda shape: shape.timed,
    "as fast on": lambda shape: shape.timed,
    "**Take times": lambda shape: shape.timed and shape.rough,
    "roughly ": lambda shape: shape.timed and shape.rough,
    "**Take times and speeds as rough: processes of one file differ by up to 30 %, something else ran.**": (
        lambda shape: shape.timed and shape.rough
    ),
    "lowest of all": lambda shape: shape.aim is not None and shape.teacher,
    "a board": lambda shape: shape.timed,
    "load before": lambda shape: shape.timed,
    "J per image": lambda shape: shape.timed and shape.powered,
    "Energy is": lambda shape: shape.timed and shape.powered,
    "firetower replay": lambda shape: shape.replay,
    "A *bundle* is": lambda shape: shape.replay,
    "validation split": lambda shape: shape.validation,
    "*Validation split*": lambda shape: shape.validation,
    "No images were held out": lambda shape: not shape.validation,
    "standard error": lambda shape: shape.validation,
    "## What was aimed at": lambda shape: shape.aim is not None,
    "**no**": lambda shape: shape.aim is not None and 0.9 + shape.gain < shape.aim,
    "not met: ": lambda shape: shape.aim is not None and 0.9 + shape.gain < shape.aim,
    "*DKD*": lambda shape: shape.dkd,
    "*KD*": lambda shape: not shape.dkd,
    "*full* has": lambda shape: shape.stem == "full" or shape.teacher,
    "*strided* has": lambda shape: shape.stem == "strided",
    "Muon": lambda shape: shape.muon,
    "A note of *this* recipe.": lambda shape: bool(shape.note),
    "cutout": lambda shape: False,
    "pictures may jump": lambda shape: False,
    "GPU": lambda shape: False,
    "Published": lambda shape: False,
    "-dirty": lambda shape: False,
    "not recorded": lambda shape: False,
    "![": lambda shape: False,
}


@settings(deadline=None, max_examples=60)
@given(SHAPES)
def test_the_page_says_what_the_result_has_and_nothing_else(shape):
    text = page.render(make(shape), [])
    said = {words: words in text for words in SAID}
    assert said == {words: holds(shape) for words, holds in SAID.items()}


@settings(deadline=None, max_examples=60)
@given(SHAPES)
def test_the_page_is_whole_markdown(shape):
    text = page.render(make(shape), [])
    assert not re.search(
        r"\b(None|nan|inf|Undefined|True|False)\b|[{}]| $|(?<=\S)  +[^ |]", text, re.MULTILINE
    )
    assert not re.search(r"\n{3}|[^\n]\n#", text)  # a heading stands alone
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
        assert re.match(r"\|.*\n\|(---\|)+\n\|", table)
    for table_or_list in re.findall(r"([^\n]*)\n(?=[|-])", text):
        assert table_or_list == "" or table_or_list[0] in "|- "


@settings(deadline=None, max_examples=60)
@given(SHAPES)
def test_a_verdict_is_that_of_the_tests(shape):
    text = page.render(make(shape), [])
    (said,) = re.findall(rf"^- Distillation, \*{PAIR}\*: (.*)$", text, re.MULTILINE)
    assert ("may be noise" in said) == (shape.p >= 0.05)


def test_equal_gains_leave_nothing_to_test():
    result = make(Shape(seeds=2))
    equal = Paired(gain=0.01, low=None, high=None, p=None)
    tests = tuple(msgspec.structs.replace(test, gain=(0.01, 0.01), paired=equal) for test in result.tests)
    text = page.render(msgspec.structs.replace(result, tests=tests), [])
    assert "+1.00 points in each of 2 seeds alike, so that there is no spread to test." in text
    assert "| +1.00, +1.00 | 0.500, 0.500 | +1.00 | – |" in text


def test_a_plot_is_shown_where_there_is_one(tmp_path):
    for validation in (False, True):
        path = tmp_path / f"{validation}.md"
        page.write(make(Shape(validation=validation)), path, None)
        drawn = {plot.name for plot in (tmp_path / f"{validation}").iterdir()}
        assert drawn == {"accuracy.svg"} | ({"training.svg"} if validation else set())
        assert set(re.findall(rf"\({validation}/(.*?)\)", path.read_text())) == drawn


def test_what_is_left_out_of_a_plot_is_said():
    plots = [Path("accuracy.svg")]
    assert "are left out" not in page.render(make(Shape(gain=0.05)), plots)
    assert "more than 6 points below the best are left out" in page.render(make(Shape(gain=0.07)), plots)


def test_a_page_is_made_again_from_a_file_alone(tmp_path, capsys):
    result = make(Shape(teacher=True, validation=True, timed=True))
    (tmp_path / "results").mkdir()
    file.write(tmp_path / "results/r.json", result)
    written = tmp_path / "docs/page.md"
    assert command(["report", str(tmp_path / "results/r.json"), "--page", str(written)]) == 0
    assert capsys.readouterr().out == f"{written}\n"
    plots = [Path("page/accuracy.svg"), Path("page/training.svg")]
    assert written.read_text() == page.render(result, plots, Path("../results/r.json"))


def test_a_result_that_is_none_is_a_usage_error(tmp_path):
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(ValueError, match="no whole result"):
        command(["report", str(tmp_path / "r.json"), "--page", str(tmp_path / "page.md")])
