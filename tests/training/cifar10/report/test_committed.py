"""Each committed report says what its committed result holds."""

from pathlib import Path

import msgspec
import pytest

from tests.training.conftest import hits_of
from training.cifar10.report import about, file, page
from training.cifar10.report.significance import mcnemar, paired
from training.cifar10.report.summary import summarise, whole_of

DOCS = Path(__file__).parents[4] / "docs"
FILES = sorted((DOCS / "results").glob("cifar10*.json"))
WITH_HITS = [file for file in FILES if '"hits"' in file.read_text()]  # a report of before has none


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def path(request):
    return request.param


@pytest.fixture
def result(path):
    return file.read(path)


def test_the_page_is_the_result_rendered(path, result):
    written = (DOCS / f"{path.stem}.md").read_text()
    plots = [Path(path.stem, name) for name in ("accuracy.svg", "training.svg")]
    assert written == page.render(result, plots, Path("results", path.name))
    assert all((DOCS / plot).read_text().rstrip().endswith("</svg>") for plot in plots)


def test_the_summary_follows_from_the_raw_rows(result):
    assert summarise(result.rows) == result.summary


def test_times_follow_from_the_raw_values(result):
    for row in result.rows:
        if row.ran == "simulated":
            assert (row.latency_ms, row.energy_j) == (None, None)
            continue
        times = sorted(ns for each in result.latency.files[row.bundle].invoke_ns for ns in each)
        middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2e6
        assert row.latency_ms == pytest.approx(middle)
        if (watts := result.energy.watts_per_busy_core) is not None:
            assert row.energy_j == pytest.approx(middle / 1e3 * watts)


def test_a_row_of_one_seed_is_set_against_its_own_network():
    result = file.read(DOCS / "results/cifar10.json")
    line = next(x for x in result.summary if (x.group, x.role, x.form) == ("strided", "student", "int4"))
    own = {
        row.form: row.test_accuracy
        for row in result.rows
        if (row.group, row.role, row.seed) == ("strided", "student", 0)
    }
    assert line.seeds == 1
    assert whole_of(result, line).accuracy == own["fp32"]


def test_the_page_says_which_network_a_gpu_trained(result):
    name, one = next(iter(result.training.items()))
    machine = msgspec.structs.replace(one.made.machine, accelerator="a GPU")
    made = msgspec.structs.replace(one.made, machine=machine)
    changed = msgspec.structs.replace(one, made=made, processes=2)
    changed = msgspec.structs.replace(result, training=result.training | {name: changed})
    lines = page.render(changed, []).splitlines()
    assert [line.startswith(f"- `{name}`:") for line in lines if "on 2 × a GPU" in line] == [True]


@pytest.mark.parametrize("path", WITH_HITS, ids=[path.stem for path in WITH_HITS])
def test_accuracies_and_tests_follow_from_the_images_that_were_right(result):
    hits = {}
    for row in result.rows:
        right = hits_of(msgspec.to_builtins(row), result.images.test.count)
        assert row.test_accuracy == right.mean()
        hits[row.group, row.role, row.form, row.seed] = right
    for test in result.tests:
        pair, form = test.pair, test.form
        assert test.mcnemar == tuple(
            mcnemar(hits[pair, "baseline", form, seed], hits[pair, "student", form, seed])
            for seed in result.recipe.pairs[pair].seeds
        )


def test_gains_follow_from_the_rows(result):
    accuracy = {(row.group, row.role, row.form, row.seed): row.test_accuracy for row in result.rows}
    for test in result.tests:
        before, after = (
            [accuracy[test.pair, role, test.form, seed] for seed in result.recipe.pairs[test.pair].seeds]
            for role in ("baseline", "student")
        )
        assert test.gain == tuple(b - a for a, b in zip(before, after, strict=True))
        assert test.paired == paired(before, after)


@pytest.mark.parametrize("path", WITH_HITS, ids=[path.stem for path in WITH_HITS])
def test_no_test_image_was_scored_before_all_was_trained(result):
    trained = [one.made.date for one in (*result.training.values(), *result.qat.values())]
    assert max(trained) <= min(row.made.date for row in result.rows)


def test_the_page_says_that_test_images_were_scored_last_where_the_dates_say_it(result):
    assert about.scored_last(result)
    name, one = next(iter(result.qat.items()))
    made = msgspec.structs.replace(one.made, date="2999-01-01T00:00:00+00:00")
    late = msgspec.structs.replace(result, qat=result.qat | {name: msgspec.structs.replace(one, made=made)})
    assert "were scored after all training" in page.render(result, [])
    assert "were scored after all training" not in page.render(late, [])


def test_one_member_alone_is_not_compared_with_itself(result):
    (sibling, *_) = result.siblings.values()
    teachers = msgspec.structs.replace(result.teachers, members=(sibling,))
    alone = msgspec.structs.replace(result, siblings={"full": sibling}, teachers=teachers)
    text = page.render(alone, [])
    assert f"one member alone can be judged, because the others have seen it: `{sibling}`" in text
    assert "+0.00 points" not in text
    assert f"- `{sibling}`, the sibling" not in text


def test_the_page_says_how_far_the_effects_are_from_their_product(result):
    def rendered(latency_ms):
        lines = tuple(
            msgspec.structs.replace(
                line,
                size_bytes=100,
                latency_ms=latency_ms if (line.role, line.form) == ("student", "int8-qat") else 8,
            )
            for line in result.summary
        )
        return page.render(msgspec.structs.replace(result, summary=lines), [])

    assert "What was found is 1.00 times the product in size and 1.00 times it in speed." in rendered(8)
    assert " and 0.50 times it in speed." in rendered(16)
