"""The list of planted fires is even, repeatable, and of one side."""

from collections import Counter

import pytest

from firmware_sim.scene.errors import SceneError
from firmware_sim.scene.fire import CONDITIONS, DEALT, GREY_LEVELS, SMALL_PX, fire, fires
from firmware_sim.scene.side import side_of

BACKGROUNDS = ("a", "b", "c", "d", "e")


def test_three_hundred_fires_are_spread_evenly():
    listed = list(fires("judge", BACKGROUNDS, cuts=("x", "y")))
    assert len(listed) >= 300
    assert len({f.seed for f in listed}) == len(listed)
    counts = Counter((f.condition, f.contrast) for f in listed)
    assert set(counts) == {(c, k) for c in DEALT for k in GREY_LEVELS}
    assert max(counts.values()) - min(counts.values()) <= 1
    for of in (lambda f: f.colour, lambda f: f.background, lambda f: f.hidden):
        parts = Counter(map(of, listed)).values()
        assert max(parts) < 1.35 * min(parts)
    assert max(Counter((f.condition, f.background) for f in listed).values()) <= 8


def test_a_fifth_is_small_at_first_in_every_condition():
    listed = list(fires("judge", BACKGROUNDS))
    small = [f for f in listed if f.first_px < SMALL_PX]
    assert len(small) / len(listed) == pytest.approx(0.2, abs=0.01)
    assert set(Counter(f.condition for f in small)) == set(DEALT)
    assert set(Counter(f.contrast for f in small)) == set(GREY_LEVELS)


def test_some_are_cut_from_each_real_fire_given():
    listed = list(fires("judge", BACKGROUNDS, cuts=("x", "y")))
    cut = Counter(f.cut for f in listed if f.cut)
    assert set(cut) == {"x", "y"}
    assert 40 < sum(cut.values()) < 65
    assert {f.condition for f in listed if f.cut} == set(DEALT)
    assert all(f.cut is None for f in fires("judge", BACKGROUNDS))


def test_the_same_arguments_give_the_same_fires_of_the_right_side():
    assert list(fires("judge", BACKGROUNDS, 40)) == list(fires("judge", BACKGROUNDS, 312))[:40]
    assert {side_of(f.seed) for f in fires("train", BACKGROUNDS, 40)} == {"train"}
    assert {side_of(f.seed) for f in fires("judge", BACKGROUNDS, 40)} == {"judge"}
    apart = {f.seed for f in fires("train", BACKGROUNDS, 40, first=40)}
    assert not apart & {f.seed for f in fires("train", BACKGROUNDS, 40)}


def test_nights_that_only_train_leave_the_list_that_judges_as_it_was():
    assert DEALT[-1] == "turn"
    assert len(DEALT) == 13
    assert set(CONDITIONS) - set(DEALT) == {"lit_night", "infrared_night"}


def test_what_cannot_be_is_refused():
    with pytest.raises(SceneError, match="condition 'hail'; expected one of clear"):
        fire(1, "a", "hail")
    with pytest.raises(SceneError, match="no background"):
        list(fires("train", ()))
