import pytest

from scoring.truth import TruthFrame, TruthSequence
from training.smoke.data.group import by_mast
from training.smoke.data.split import check_apart, choose_groups, outer_folds, record, split


def view(name, camera, *, group=None, fire=None, boxed=False, frames=3):
    made = tuple(
        TruthFrame(
            f"{name}/{n}.jpg", "smoke" if boxed else "no_smoke", epoch=60.0 * n, boxes=((1, 1, 9, 9),) * boxed
        )
        for n in range(frames)
    )
    return TruthSequence(name, camera, fire or name, group or camera, 64, 48, made, 0.0, box_annotated=boxed)


VIEWS = [view(f"v{n}", f"c{n}", boxed=n < 7, frames=3 + n) for n in range(12)]


def test_folds_are_fixed_and_alike():
    held = outer_folds(VIEWS)
    assert held == outer_folds(VIEWS[::-1])
    assert sorted(group for fold in held for group in fold) == sorted(s.group for s in VIEWS)
    boxed = [sum(s.box_annotated for s in VIEWS if s.group in fold) for fold in held]
    assert max(boxed) - min(boxed) <= 1
    frames = [sum(len(s.frames) for s in VIEWS if s.group in fold) for fold in held]
    assert max(frames) - min(frames) <= 2
    with pytest.raises(ValueError, match="5 folds need 5 groups, there are 4: c0, c1, c2, c3"):
        outer_folds(VIEWS[:4])


def test_the_record_of_a_split_does_not_depend_on_order():
    training, validation = split(VIEWS, choose_groups(VIEWS))
    stated = record({"training": training, "validation": validation})
    assert stated == record({"training": training[::-1], "validation": validation})
    assert stated["training"]["sequences"] + stated["validation"]["sequences"] == 12
    assert not set(stated["training"]["groups"]) & set(stated["validation"]["groups"])
    assert stated["training"]["ids_sha256"] != stated["validation"]["ids_sha256"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (view("x", "north", group="g9"), "camera 'north' .* is in both training and validation"),
        (view("x", "west", fire="f1"), "fire 'f1' .* is in both"),
        (view("x", "west", group="north"), "group 'north' .* is in both"),
        (view("a", "west"), "sequence 'a' is in both"),
    ],
)
def test_what_meets_both_sides_is_an_error(other, said):
    with pytest.raises(ValueError, match=said):
        check_apart({"training": [view("a", "north", fire="f1")], "validation": [other]})


def test_a_split_by_group_that_parts_a_fire_is_an_error():
    with pytest.raises(ValueError, match="fire 'f1'"):
        split([view("a", "north", fire="f1"), view("b", "west", fire="f1")], ["west"])


def test_a_picture_that_meets_both_sides_is_an_error():
    sides = {"training": [view("a", "north")], "validation": [view("b", "west")]}
    digests = {("a", "a/0.jpg"): "1", ("a", "a/1.jpg"): "1", ("b", "b/0.jpg"): "2"}
    check_apart(sides, digests)  # repeats on one side are fine
    with pytest.raises(ValueError, match="a picture equal to one of sequence"):
        check_apart(sides, digests | {("b", "b/1.jpg"): "1"})


def test_the_cameras_of_a_mast_are_joined_with_all_that_their_groups_hold():
    views = [
        view("a", "hpwren:rm-n"),
        view("b", "hpwren:rm-w", group="g"),
        view("c", "hpwren:bh-w", group="g"),
        view("d", "hpwren:bh-e"),
        view("e", "elsewhere"),
    ]
    joined = by_mast(views)
    assert [s.id for s in joined] == list("abcde")
    assert len({s.group for s in joined[:4]}) == 1
    assert joined[4].group == "elsewhere"
