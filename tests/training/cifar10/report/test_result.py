"""Each committed report says what its committed result holds."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.training.conftest import hits_of
from training.cifar10.report import page, words
from training.cifar10.report import result as report
from training.cifar10.report.significance import mcnemar, paired

DOCS = Path(__file__).parents[4] / "docs"
FILES = sorted((DOCS / "results").glob("cifar10*.json"))
WITH_HITS = [file for file in FILES if '"hits"' in file.read_text()]  # a report of before has none


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def file(request):
    return request.param


@pytest.fixture
def result(file):
    return json.loads(file.read_text())


def test_the_page_is_the_result_rendered(file, result):
    written = (DOCS / f"{file.stem}.md").read_text()
    plots = [Path(file.stem, name) for name in ("accuracy.svg", "training.svg")]
    assert written == page.render(result, plots, Path("results", file.name))
    assert all((DOCS / plot).read_text().rstrip().endswith("</svg>") for plot in plots)


def test_the_summary_follows_from_the_raw_rows(result):
    assert report.summarise(result) == result["summary"]


def test_times_follow_from_the_raw_values(result):
    for row in result["rows"]:
        if row["ran"] == "simulated":
            assert (row["latency_ms"], row["joules"]) == (None, None)
            continue
        times = sorted(ns for each in result["latency"]["files"][row["bundle"]]["invoke_ns"] for ns in each)
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2e6
        assert row["latency_ms"] == pytest.approx(middle)
        if (watts := result["energy"]["watts_per_busy_core"]) is not None:
            assert row["joules"] == pytest.approx(middle / 1e3 * watts)


def test_a_row_of_one_seed_is_set_against_its_own_network():
    result = json.loads((DOCS / "results/cifar10.json").read_text())
    line = next(
        x for x in result["summary"] if (x["group"], x["role"], x["form"]) == ("strided", "student", "int4")
    )
    own = {
        row["form"]: row["test_accuracy"]
        for row in result["rows"]
        if (row["group"], row["role"], row["seed"]) == ("strided", "student", 0)
    }
    assert line["seeds"] == 1
    assert words.whole_of(result, line)["accuracy"] == own["fp32"]


def test_the_page_says_which_network_a_gpu_trained(file, result):
    name, one = next(iter(result["training"].items()))
    one["made"]["machine"]["accelerator"] = "a GPU"
    one["processes"] = 2
    lines = page.render(result, [], Path(file.name)).splitlines()
    assert [line.startswith(f"- `{name}`:") for line in lines if "on 2 a GPU" in line] == [True]


@pytest.mark.parametrize("file", WITH_HITS, ids=[file.stem for file in WITH_HITS])
def test_accuracies_and_tests_follow_from_the_images_that_were_right(result):
    hits = {}
    for row in result["rows"]:
        right = hits_of(row, result["images"]["test"]["count"])
        assert row["test_accuracy"] == right.mean()
        hits[row["group"], row["role"], row["form"], row["seed"]] = right
    for test in result["tests"]:
        pair, form = test["pair"], test["form"]
        seeds = result["recipe"]["pairs"][pair]["seeds"]
        assert test["mcnemar"] == [
            mcnemar(hits[pair, "baseline", form, seed], hits[pair, "student", form, seed]) for seed in seeds
        ]


def test_gains_follow_from_the_rows(result):
    accuracy = {
        (row["group"], row["role"], row["form"], row["seed"]): row["test_accuracy"] for row in result["rows"]
    }
    for test in result["tests"]:
        before, after = (
            [
                accuracy[test["pair"], role, test["form"], seed]
                for seed in result["recipe"]["pairs"][test["pair"]]["seeds"]
            ]
            for role in ("baseline", "student")
        )
        assert test["gain"] == [b - a for a, b in zip(before, after, strict=True)]
        assert test["paired"] == paired(before, after)


@pytest.mark.parametrize("file", WITH_HITS, ids=[file.stem for file in WITH_HITS])
def test_no_test_image_was_scored_before_all_was_trained(result):
    trained = [one["made"]["date"] for one in (*result["training"].values(), *result["qat"].values())]
    assert max(trained) <= min(row["made"]["date"] for row in result["rows"])


def test_one_member_alone_is_not_compared_with_itself(file, result):
    (sibling, *_) = result["siblings"].values()
    result["siblings"] = {"full": sibling}
    result["teachers"]["members"] = [sibling]
    text = page.render(result, [], Path(file.name))
    assert f"One member alone has not seen that split (`{sibling}`)" in text
    assert "+0.00 points" not in text


def test_the_page_says_how_far_the_effects_are_from_their_product(result):
    for line in result["summary"]:
        line |= {"bytes": 100, "latency_ms": 8}
    text = page.render(result, [], Path("x.json"))
    assert (
        "What was found is 1.00 to 1.00 times that product in size, 1.00 to 1.00 times that product in speed."
        in text
    )
    for line in result["summary"]:
        if (line["role"], line["form"]) == ("student", "int8-qat"):
            line["latency_ms"] = 16
    assert "0.50 to 0.50 times that product in speed." in page.render(result, [], Path("x.json"))


def test_teachers_have_the_names_that_this_recipe_gives_them():
    def network(name, split):
        return SimpleNamespace(run=SimpleNamespace(name=f"teacher-{name}", split=split))

    made = {"members": ["teacher-old"], "validation_accuracy": 0.9, "with": {"teacher-older": 0.8}}
    sources = SimpleNamespace(
        networks={
            "new": network("new", "training"),
            "seen": network("seen", "all"),
            "left": network("left", "training"),
        },
        soft=SimpleNamespace(read=lambda: {"members": ["teacher-old", "teacher-oldest"]}),
        compared=SimpleNamespace(read=lambda: made),
    )
    recipe = SimpleNamespace(members=("new", "seen"), teachers={"left": None, "new": None})
    assert report._teaching(recipe, sources) == {
        "ensemble": {"members": ["teacher-new", "teacher-seen"]},
        "teachers": {"members": ["teacher-new"], "validation_accuracy": 0.9, "with": {"teacher-left": 0.8}},
    }
