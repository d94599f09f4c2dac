"""A teacher of two unlike heads, cached by sequence, and a student that learns from it; steps are made once."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.smoke.lesson import made
from training.distill.setting import Distillation
from training.smoke.lesson import teacher as teachers
from training.smoke.lesson import trained as steps
from training.smoke.lesson.setting import Setting
from training.smoke.lesson.teacher import Kind, teach, train_kinds
from training.smoke.lesson.trained import METHODS, load_float, load_quantized, trained
from training.smoke.side import made_of_step
from training.smoke.student.score import score
from training.step.workshop import Workshop

SHORT = Setting(steps=4, quantized_share=0, batch=4, projected=4, width=8, depth=1)
KINDS = (Kind("lite0", 1 / 15, SHORT), Kind("lite1", 1 / 30, replace(SHORT, depth=2, seed=5)))
METHOD = Distillation(temperature=2.0)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    shop = Workshop(folder / "work", METHODS)
    pool = made.pool(folder)
    other = [replace(example, sha256=f"longer {example.sha256}") for example in pool]
    heads = train_kinds(shop, "all", KINDS, [pool, other], frozenset({"dull", "bright"}))
    return shop, pool, heads, teach(shop, heads, pool)


def test_soft_cells_are_the_mean_of_unlike_heads_at_each_cadence(taught) -> None:
    _, pool, heads, learned = taught
    for every in (1, 3):
        own = [
            score(load_float(head.step), e.features[::every], e.changes[every], e.inside).cells
            for head in heads
            for e in [head.views[pool[0].name]]
        ]
        assert np.abs(own[0] - own[1]).max() > 0.01
        np.testing.assert_allclose(learned[0].soft[every], np.mean(own, axis=0), atol=0.01)
        assert isinstance(learned[0].soft[every], np.memmap)


def test_what_a_teacher_has_seen_is_what_its_student_is_made_of(taught) -> None:
    shop, pool, _, learned = taught
    some = learned[:1] + learned[2:3]
    student = trained(shop, "student", [*some], replace(SHORT, quantized_share=0.25), METHOD)
    assert made_of_step(student) == {f"picture of {example.name}" for example in pool}


def test_nothing_is_made_twice(taught, monkeypatch) -> None:
    shop, pool, heads, learned = taught

    def forbidden(*_, **__):
        raise AssertionError("a finished step ran again")

    monkeypatch.setattr(teachers, "_mean", forbidden)
    monkeypatch.setattr(steps, "train_float", forbidden)
    again = train_kinds(
        shop, "all", KINDS, [pool, list(heads[1].views.values())], frozenset({"dull", "bright"})
    )
    assert [head.step.key for head in again] == [head.step.key for head in heads]
    assert [e.sha256 for e in teach(shop, again, pool)] == [e.sha256 for e in learned]


def test_a_teacher_that_left_a_group_out_is_another_one(taught, monkeypatch) -> None:
    shop, pool, heads, _ = taught
    seen = []
    monkeypatch.setattr(
        teachers, "trained", lambda _shop, _name, some, _how: seen.append(some) or heads[0].step
    )
    (head, *_) = train_kinds(shop, "without", KINDS[:1], [pool], frozenset({"dull"}))
    assert [example.group for example in seen[0]] == ["dull", "dull"]
    assert set(head.views) == {example.name for example in pool}


def test_another_method_seed_or_teacher_is_another_student(taught) -> None:
    shop, _, _, learned = taught
    short = replace(SHORT, steps=1)
    keys = {
        trained(shop, "s", examples, setting, method).key
        for examples, setting, method in (
            (learned, short, METHOD),
            (learned, short, Distillation(temperature=3.0)),
            (learned, short, None),
            (learned, replace(short, seed=9), None),
            ([replace(e, sha256=f"{e.sha256}!") for e in learned], short, METHOD),
        )
    }
    assert len(keys) == 5


def test_a_student_comes_back_as_it_was_and_quantizes(taught) -> None:
    shop, _, _, learned = taught
    step = trained(shop, "student", learned, replace(SHORT, quantized_share=0.25), METHOD)
    assert set(step.read()["files"]) == {"float-head.pt", "quantized-head.pt"}
    head = load_quantized(step)
    assert all(point.mode == "fixed" for point in head.points().values())
    assert float(head.mix_out.high) > 0
    assert not list(step.folder.glob("float.pt"))


def test_a_method_needs_a_teacher(taught) -> None:
    shop, pool, _, _ = taught
    with pytest.raises(ValueError, match="not all examples have them"):
        trained(shop, "student", pool, SHORT, METHOD)
