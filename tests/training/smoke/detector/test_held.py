"""Each fold's student scores what it has not seen, and nothing else; it is the one of the cross-validation."""

import numpy as np
import pytest

from tests.training.smoke.detector import made
from training.smoke.detector import held
from training.smoke.lesson import trained as steps
from training.smoke.lesson.recipe import Labels
from training.smoke.side import LeakError
from training.smoke.student.score import score


@pytest.fixture
def built(tmp_path, monkeypatch):
    return made.build(tmp_path, monkeypatch)


def test_each_real_sequence_is_scored_once_by_a_student_that_has_not_seen_its_group(
    built, monkeypatch
) -> None:
    log, real = [], steps.trained

    def logged(shop, name, examples, setting, method=None):
        log.append((name, {example.group for example in examples}, setting.seed))
        return real(shop, name, examples, setting, method)

    monkeypatch.setattr(steps, "trained", logged)
    found = list(held.students(built.shop, built.folds, made.recipe()))
    assert log == [("student-labels-all-2", set(made.GROUPS) - {group}, 2) for group in made.GROUPS]
    scored = held.scored(built.opened(built.side()), found)
    assert [one.part.truth.id for one in scored] == list(made.GROUPS)
    for each, one in zip(found, scored, strict=True):
        example = next(e for e in built.examples if e.group == one.part.truth.group and e.source == "real")
        head = steps.load_quantized(each.student)
        maps = score(head, example.features, example.changes[1], example.inside).maps()
        assert np.array_equal(one.maps, maps)
        assert one.conditions.shape == (12, 6)


def test_the_students_of_a_cross_validation_are_found(built) -> None:
    recipe = made.recipe()
    own = [recipe.student(recipe.open(built.side_of(fold))) for fold in built.folds]
    before = set(built.shop.made)
    assert [each.student.key for each in held.students(built.shop, built.folds, recipe)] == [
        s.key for s in own
    ]
    assert built.shop.made == before


def test_each_fold_decides_at_the_point_of_its_own_inner_folds(built, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(Labels, "inner_point", lambda _, side: opened.append(side) or made.CHOSEN)
    found = list(held.points(built.shop, built.folds, made.recipe()))
    students = [each.student.key for each in held.students(built.shop, built.folds, made.recipe())]
    assert [each.student.key for each in found] == students
    assert all(each.point == made.CHOSEN for each in found)
    for each, one in zip(found, opened, strict=True):
        assert {example.group for example in one.examples} == set(made.GROUPS) - set(each.fold.groups)


def test_a_student_that_has_seen_what_its_fold_leaves_out_is_refused(built) -> None:
    built.kept = False
    with pytest.raises(LeakError, match=r"thresholds: made from bright/"):
        list(held.students(built.shop, built.folds, made.recipe()))
