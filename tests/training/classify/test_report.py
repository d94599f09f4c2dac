"""The committed report says what its committed result holds."""

import json
from pathlib import Path

import pytest

from training.classify import page, report, words

ROOT = Path(__file__).parents[3]
RESULT = json.loads((ROOT / "docs/results/cifar10.json").read_text())


def test_the_page_is_the_result_rendered():
    written = (ROOT / "docs/cifar10.md").read_text()
    plots = [Path("cifar10/accuracy.svg"), Path("cifar10/training.svg")]
    assert written == page.render(RESULT, plots, Path("results/cifar10.json"))
    assert all((ROOT / "docs" / plot).read_text().rstrip().endswith("</svg>") for plot in plots)


def test_the_summary_follows_from_the_raw_rows():
    assert report.summarise(RESULT) == RESULT["summary"]


def test_times_follow_from_the_raw_values():
    for row in RESULT["rows"]:
        if row["ran"] == "simulated":
            assert (row["latency_ms"], row["joules"]) == (None, None)
            continue
        times = sorted(ns for each in RESULT["latency"]["files"][row["bundle"]]["invoke_ns"] for ns in each)
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2e6
        assert row["latency_ms"] == pytest.approx(middle)
        assert row["joules"] == pytest.approx(middle / 1e3 * RESULT["energy"]["watts_per_busy_core"])


def test_a_row_of_one_seed_is_set_against_its_own_network():
    line = next(
        x for x in RESULT["summary"] if (x["group"], x["role"], x["form"]) == ("strided", "student", "int4")
    )
    own = {
        row["form"]: row["test_accuracy"]
        for row in RESULT["rows"]
        if (row["group"], row["role"], row["seed"]) == ("strided", "student", 0)
    }
    assert line["seeds"] == 1
    assert words.whole_of(RESULT, line)["accuracy"] == own["fp32"]
