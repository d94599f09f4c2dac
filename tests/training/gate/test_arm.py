"""Files are joined by seed, and what would be no fair comparison is refused by name."""

import msgspec
import pytest

from tests.training.gate import arms
from training.gate.arm import check_fair, join, missing

DAYS = arms.folds([5, 10, 15, 20, arms.MISS])


def runs(recipe, days=DAYS, seeds=(0, 1), **more):
    return [(f"{recipe}-{seed}.json", arms.result(recipe, seed, days, **more)) for seed in seeds]


def test_files_of_one_seed_are_joined_whatever_their_order():
    part = [
        ("late.json", arms.result("x", 0, {name: DAYS[name] for name in ("5", "site", "2", "road")})),
        ("early.json", arms.result("x", 0, {name: DAYS[name] for name in ("4", "1", "3")})),
    ]
    joined = join([*part, *runs("x", seeds=(1,))])
    whole = join(runs("x"))
    assert list(joined.rows) == list(whole.rows) == ["1", "2", "3", "4", "5", "road", "site"]
    assert joined.runs[0].days == whole.runs[0].days
    assert [source.file for source in joined.sources] == ["late.json", "early.json", "x-1.json"]
    assert (joined.steps, joined.trials) == (400, 12)
    check_fair(joined, join(runs("y")))


def test_outer_and_quiet_folds_are_kept_apart():
    run = join(runs("x")).runs[0]
    assert [day.result.id for day in run.of("outer")] == ["v1", "v2", "v3", "v4", "v5"]
    assert [day.result.id for day in run.of("quiet")] == ["road", "site"]


def test_outer_folds_that_lack_are_named():
    part = {name: DAYS[name] for name in ("1", "3", "road")}
    assert missing(join(runs("x", part))) == ["2", "4", "5"]
    assert missing(join(runs("x"))) == []


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], "an arm without a result"),
        ([*runs("x"), *runs("x", seeds=(1,))], r"x-1\.json: fold 1 of seed 1 comes twice"),
        ([*runs("x"), *runs("y", seeds=(2,))], r"y-2\.json and x-0\.json differ in recipe"),
        ([*runs("x"), *runs("x", seeds=(2,), steps=200)], "differ in recipe"),
        ([*runs("x"), *runs("x", seeds=(2,), by_mast=True)], "differ in groups by mast: True against False"),
        ([*runs("x"), *runs("x", {"1": DAYS["1"]}, seeds=(2,))], "seeds 2 and 0: fold 2, .* on one side alone"),
        (runs("x", trials=None), r"x-0\.json: its recipe states no number of trials"),
        (runs("x", trials=True), "no number of trials"),
    ],
    ids=["none", "twice", "recipe", "settings", "mast", "folds of a seed", "trials not stated", "trials no number"],
)  # fmt: skip
def test_files_that_are_not_one_arm_are_refused(results, said):
    with pytest.raises(ValueError, match=said):
        join(results)


def other_data(**change):
    (data,) = arms.result("y", 0, DAYS).data
    return {"data": (msgspec.structs.replace(data, **change),)}


MOVED = {**DAYS, "1": DAYS["2"], "2": DAYS["1"]}


@pytest.mark.parametrize(
    ("b", "said"),
    [
        (runs("y", **other_data(digest="e" * 64)), "the arms differ in data: .*ddd.* against .*eee"),
        (runs("y", **other_data(corrected=1)), "the arms differ in data"),
        (runs("y", {name: DAYS[name] for name in ("1", "2")}), "the arms: fold 3, .* on one side alone"),
        (runs("y", MOVED), "the arms differ in fold 1"),
        (runs("y", seeds=(0, 2)), r"the arms differ in seeds: \[0, 1\] against \[0, 2\]"),
        (runs("y", seeds=(0,)), "the arms differ in seeds"),
        (runs("y", steps=600), "the arms differ in steps: 400 against 600"),
        (runs("y", trials=40), "the arms differ in trials: 12 against 40"),
        (runs("y", by_mast=True), "the arms differ in groups by mast"),
        (runs("y", method={"capped delay": "a miss is 60"}), "the arms differ in ways of counting"),
        (runs("x"), "both arms are the same recipe"),
    ],
    ids=[
        "data", "corrections", "folds", "sides", "seeds", "fewer seeds", "steps", "trials", "mast",
        "counting", "itself",
    ],
)  # fmt: skip
def test_arms_that_differ_in_more_than_their_recipe_are_refused(b, said):
    with pytest.raises(ValueError, match=said):
        check_fair(join(runs("x")), join(b))


def test_arms_of_other_training_sides_are_refused():
    days = arms.result("y", 0, DAYS)
    rows = tuple(
        msgspec.structs.replace(row, training=arms.side(["less"])) if row.name == "road" else row
        for row in days.folds
    )
    with pytest.raises(ValueError, match="the arms differ in fold road"):
        check_fair(join(runs("x", seeds=(0,))), join([("y", msgspec.structs.replace(days, folds=rows))]))
