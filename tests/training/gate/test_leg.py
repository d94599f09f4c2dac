"""Planted fires of two arms, paired by fire; those that were not met alike are refused."""

import msgspec
import pytest

from scoring.planted import SHIPPED
from tests.scoring.test_planted import plant
from tests.training.gate import arms
from tests.training.gate.test_aim import result
from training.gate.arm import join
from training.gate.comparison import compare as compare_arms
from training.gate.comparison_page import render
from training.gate.leg import compare
from training.gate.leg import join as join_planted

DAYS = arms.folds([5, 10])


def arm(recipe, seeds=(0, 1)):
    return join([(f"{recipe}{seed}", arms.result(recipe, seed, DAYS)) for seed in seeds])


def met(recipe, fold, seed, found, **more):
    """What a bundle made of planted fires 1, 2, …, on two streams by turns; as alerts it finds none."""
    plants = [
        msgspec.structs.replace(
            plant("fog", bare=True, found=60.0 if one else None, stream=f"cam{number % 2}", **more),
            seed=number,
        )
        for number, one in enumerate(found, 1)
    ]
    told = result(plants=tuple(plants))
    return f"{recipe}-{fold}-{seed}", msgspec.structs.replace(
        told, bundle=msgspec.structs.replace(told.bundle, digest=f"{recipe}-{seed}-{fold}")
    )


def planted(recipe, finds, **more):
    """Planted fires of an arm, by (fold, seed)."""
    return join_planted(
        arm(recipe), [met(recipe, fold, seed, found, **more) for (fold, seed), found in finds.items()]
    )


A = {("1", 0): [1, 1, 0, 1], ("1", 1): [1, 0, 0, 1]}
B = {("1", 0): [0, 1, 0, 1], ("1", 1): [0, 1, 0, 1]}


def test_shares_are_paired_by_fire_seeds_inside():
    """A: 1, .5, 0, 1 by fire, B: 0, 1, 0, 1. By stream: cam1 has +1 and 0 of two, cam0 −.5 and 0."""
    leg = compare(planted("a", A), planted("b", B))
    assert (leg.fires, leg.streams, leg.seeds) == (4, 2, (0, 1))
    assert (leg.events.a, leg.events.b) == (pytest.approx(2.5 / 4), pytest.approx(0.5))
    assert leg.events.difference == pytest.approx(0.125)
    assert (leg.events.more_a, leg.events.more_b) == (1, 1)
    assert (leg.events.low, leg.events.high) == (pytest.approx(-0.25), pytest.approx(0.5))
    assert leg.events.method == "bootstrap over 2 background streams, 2000 draws, seed 0"


def test_alerts_are_counted_apart_and_streams_that_agree_have_no_interval():
    leg = compare(planted("a", A), planted("b", B))
    assert (leg.alerts.a, leg.alerts.b, leg.alerts.low, leg.alerts.high) == (0, 0, None, None)
    assert leg.alerts.method == "none over 2 background streams"


def test_the_same_seed_of_a_fire_in_two_folds_is_two_fires():
    folds = {("1", 0): [1, 1], ("2", 0): [0, 0], ("1", 1): [1, 1], ("2", 1): [0, 0]}
    leg = compare(planted("a", folds), planted("b", {key: [0, 0] for key in folds}))
    assert (leg.fires, leg.events.a, leg.events.more_a) == (4, 0.5, 2)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([met("b", "1", 0, [1])], "b-1-0: bundle b-0-1 is none of the arm 'a'"),
        ([met("a", "1", 0, [])], "a-1-0: holds no planted fire"),
        ([met("a", "1", 0, [1]), met("a", "1", 0, [1])], "fold 1 of seed 0 comes twice"),
    ],
    ids=["another bundle", "none", "twice"],
)
def test_files_of_other_bundles_are_refused(results, said):
    with pytest.raises(ValueError, match=said):
        join_planted(arm("a"), results)


def test_a_fire_that_comes_twice_is_refused():
    name, one = met("a", "1", 0, [1])
    with pytest.raises(ValueError, match="a planted fire comes twice"):
        join_planted(arm("a"), [(name, msgspec.structs.replace(one, plants=one.plants * 2))])


@pytest.mark.parametrize(
    ("b", "said"),
    [
        ({("1", 0): [1, 1, 0, 1]}, "planted fires of fold 1 of seed 1 on one side alone"),
        ({("1", 0): [1, 1], ("1", 1): [1, 1]}, "met other planted fires"),
    ],
    ids=["bundles", "fires"],
)
def test_fires_that_were_not_met_by_both_are_refused(b, said):
    with pytest.raises(ValueError, match=said):
        compare(planted("a", A), planted("b", b))


def test_the_same_seeds_on_other_backgrounds_are_other_fires():
    with pytest.raises(ValueError, match="met other planted fires"):
        compare(planted("a", A), planted("b", B, background="other"))


def test_a_fold_that_lacks_a_seed_is_refused():
    part = {("1", 0): [1], ("1", 1): [1], ("2", 0): [1]}
    with pytest.raises(ValueError, match="planted fires of fold 2 lack seed 1"):
        compare(planted("a", part), planted("b", part))


def test_the_leg_is_in_the_comparison_and_called_what_it_is():
    told = compare_arms(arm("a"), arm("b"), (planted("a", A), planted("b", B)))
    assert told.planted == compare(planted("a", A), planted("b", B))
    page = render(told, None)
    assert "Planted, no evidence about recall on real fires. 4 fires over 2 background streams" in page
    assert "| as candidate | 0.62 | 0.50 | +0.12 (-0.25 to +0.50) | 1 fires | 1 fires |" in page
    assert all(SHIPPED in one.found_s for one in planted("a", A).bundles["1", 0].values())
